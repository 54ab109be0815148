//! What one message costs.

use super::Error;
use super::error::not_negative;

/// The way from one rank to another: a message of S bytes takes α + o + S / B seconds.
///
/// α is the latency, which passes while the ranks can do something else; B is the bandwidth; o is what the sender and
/// the receiver are busy with for each message, so that a rank which sends k messages at once pays it k times, and the
/// latency once.
///
/// Sources: R. Hockney, *The communication challenge for MPP: Intel Paragon and Meiko CS-2*, Parallel Computing 20,
/// 1994 (α and B); D. Culler et al., *LogP: towards a realistic model of parallel computation*, PPoPP 1993 (the
/// overhead o).
///
/// # Examples
/// ```
/// use gradus_distributed::scaling::Link;
/// let link = Link::new(1e-4, 1.25e9)?; // 0.1 ms, 10 Gbit/s
/// assert_eq!(link.message(0.0), 1e-4);
/// assert!((link.message(1.25e6) - 1.1e-3).abs() < 1e-12);
/// # Ok::<(), gradus_distributed::scaling::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    latency: f64,
    per_message: f64,
    per_byte: f64,
}

impl Link {
    /// A link of a latency in seconds and a bandwidth in bytes per second, which may be infinite, without a cost for
    /// each message.
    ///
    /// # Errors
    /// [`Error::Value`] if the latency is negative or not finite, or the bandwidth is not above 0.
    pub fn new(latency: f64, bandwidth: f64) -> Result<Self, Error> {
        let latency = not_negative("link", "latency", latency)?;
        if bandwidth > 0.0 {
            Ok(Self { latency, per_message: 0.0, per_byte: 1.0 / bandwidth })
        } else {
            Err(Error::Value { of: "link", field: "bandwidth", value: bandwidth, expected: "above 0" })
        }
    }

    /// This link with a cost in seconds for each message, in which the rank is busy.
    ///
    /// # Errors
    /// [`Error::Value`] if it is negative or not finite.
    pub fn per_message(self, seconds: f64) -> Result<Self, Error> {
        Ok(Self { per_message: not_negative("link", "per_message", seconds)?, ..self })
    }

    /// A link of what a fit found.
    pub(super) fn fitted([latency, per_message, per_byte]: [f64; 3]) -> Self {
        Self { latency, per_message, per_byte }
    }

    /// Seconds for one message of so many bytes.
    #[must_use]
    pub fn message(&self, bytes: f64) -> f64 {
        self.latency + self.per_message + bytes * self.per_byte
    }

    /// The latency α in seconds.
    #[must_use]
    pub fn latency(&self) -> f64 {
        self.latency
    }

    /// The cost o of each message in seconds.
    #[must_use]
    pub fn cost_per_message(&self) -> f64 {
        self.per_message
    }

    /// The bandwidth B in bytes per second.
    #[must_use]
    pub fn bandwidth(&self) -> f64 {
        1.0 / self.per_byte
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_link_is_refused_by_name() {
        for (latency, bandwidth) in [(-1.0, 1.0), (f64::NAN, 1.0), (f64::INFINITY, 1.0), (0.0, 0.0), (0.0, f64::NAN)] {
            assert!(Link::new(latency, bandwidth).is_err(), "{latency} {bandwidth}");
        }
        let error = Link::new(0.0, -2.0).and_then(|link| link.per_message(1.0));
        assert_eq!(error.map_err(|error| error.to_string()), Err("link: bandwidth -2: must be above 0".to_owned()));
    }

    #[test]
    fn infinite_bandwidth_leaves_the_latency() {
        let link = Link::new(2.0, f64::INFINITY).and_then(|link| link.per_message(0.5));
        assert_eq!(link.map(|link| (link.message(1e30), link.bandwidth())), Ok((2.5, f64::INFINITY)));
    }
}
