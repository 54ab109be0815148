//! What a rank computes between two updates.

use super::Error;
use super::error::{at_least_one, not_negative};

/// The passes over one batch on one rank: the forward pass, and the backward pass layer by layer, after each of which a
/// layer's gradient is complete.
///
/// # Examples
/// ```
/// use gradus_distributed::scaling::Workload;
/// // Two layers, in the order of the backward pass: parameters, seconds.
/// let work = Workload::layers(0.1, &[(10, 0.05), (7840, 0.15)])?;
/// assert_eq!(work.parameters(), 7850);
/// assert!((work.seconds() - 0.3).abs() < 1e-12);
/// # Ok::<(), gradus_distributed::scaling::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    forward: f64,
    layers: Vec<(usize, f64)>,
}

impl Workload {
    /// A forward pass of so many seconds, and the layers in the order of the backward pass, the last layer first:
    /// parameters, and the seconds of its backward pass.
    ///
    /// # Errors
    /// [`Error::Value`] without layers, or if a time is negative or not finite.
    pub fn layers(forward: f64, layers: &[(usize, f64)]) -> Result<Self, Error> {
        not_negative("workload", "forward", forward)?;
        at_least_one("workload", "layers", layers.len())?;
        for (_, backward) in layers {
            not_negative("workload", "backward", *backward)?;
        }
        Ok(Self { forward, layers: layers.to_vec() })
    }

    /// So many parameters, spread evenly over the layers, and the seconds of the forward and the backward pass.
    ///
    /// # Errors
    /// [`Error::Value`] without layers, or if a time is negative or not finite.
    pub fn uniform(parameters: usize, layers: usize, forward: f64, backward: f64) -> Result<Self, Error> {
        at_least_one("workload", "layers", layers)?;
        not_negative("workload", "backward", backward)?;
        let (each, more) = (parameters / layers, parameters % layers);
        let layer = |layer| (each + usize::from(layer < more), backward / layers as f64);
        Self::layers(forward, &(0..layers).map(layer).collect::<Vec<_>>())
    }

    /// All parameters.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(|(parameters, _)| parameters).sum()
    }

    /// Seconds of both passes.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.forward + self.layers.iter().map(|(_, backward)| backward).sum::<f64>()
    }

    /// When each bucket is full, in seconds from the start of the forward pass, and how many gradients are in it. A
    /// bucket is full with the layer that brings it to the size asked for: no layer's gradient is divided.
    pub(super) fn buckets(&self, parameters: f64) -> Vec<(f64, usize)> {
        let (mut time, mut filled, mut buckets) = (self.forward, 0, Vec::new());
        for (layer, (more, backward)) in self.layers.iter().enumerate() {
            time += backward;
            filled += more;
            if filled as f64 >= parameters || layer + 1 == self.layers.len() {
                buckets.push((time, filled));
                filled = 0;
            }
        }
        buckets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gradient_is_in_one_bucket() {
        let work = Workload::uniform(1003, 10, 1.0, 2.0).expect("a workload");
        assert_eq!(work.parameters(), 1003);
        for (size, count) in [(1.0, 10), (250.0, 4), (1e9, 1)] {
            let buckets = work.buckets(size);
            assert_eq!(buckets.len(), count);
            assert_eq!(buckets.iter().map(|(_, gradients)| gradients).sum::<usize>(), 1003);
            assert!((buckets[count - 1].0 - work.seconds()).abs() < 1e-12);
        }
    }

    #[test]
    fn no_layers_are_no_workload() {
        assert!(Workload::layers(1.0, &[]).is_err());
        assert!(Workload::uniform(1, 0, 1.0, 1.0).is_err());
        assert!(Workload::uniform(1, 1, 1.0, f64::NAN).is_err());
    }
}
