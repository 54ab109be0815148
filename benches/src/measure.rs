//! Times one workload, and prints the line that the contract asks for.

use gradus::prelude::Value;
use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// One workload, ready to run.
#[allow(missing_debug_implementations)] // a closure has nothing to show
pub struct Work {
    /// One step; returns its loss, or a number that depends on the result.
    pub step: Box<dyn FnMut() -> f64>,
    /// Whether the loss is to fall over the first 20 steps.
    pub trains: bool,
    /// The number by which the result is compared with the other contestants', where that is not what the step returns.
    pub value: Option<Box<dyn FnMut() -> f64>>,
    /// A further field of the line and the work of one step in its unit: `("gflops", 2e-9 · N³)`.
    pub rate: Option<(&'static str, f64)>,
}

impl Work {
    /// A training step.
    pub fn training(step: impl FnMut() -> f64 + 'static) -> Self {
        Self { step: Box::new(step), trains: true, value: None, rate: None }
    }

    /// Anything else.
    pub fn call(step: impl FnMut() -> f64 + 'static) -> Self {
        Self { step: Box::new(step), trains: false, value: None, rate: None }
    }

    /// A call with a plain output, which is compared by the mean of its squares.
    pub fn output(call: impl FnMut() -> Value + 'static) -> Self {
        let call = Rc::new(RefCell::new(call));
        let again = Rc::clone(&call);
        let mean_of_squares = move || {
            let y = again.borrow_mut()();
            y.view().iter().map(|&y| f64::from(y).powi(2)).sum::<f64>() / y.len() as f64
        };
        let step = move || call.borrow_mut()().view().first().copied().map_or(f64::NAN, f64::from);
        Self { value: Some(Box::new(mean_of_squares)), ..Self::call(step) }
    }

    /// With a rate.
    #[must_use]
    pub fn rated(self, field: &'static str, per_step: f64) -> Self {
        Self { rate: Some((field, per_step)), ..self }
    }
}

/// The values of the first steps, to be compared with the other contestants'.
#[must_use]
pub fn check(name: &str, work: Work) -> String {
    let mut value = work.value.unwrap_or(work.step);
    let values: Vec<f64> = (0..if work.trains { 20 } else { 1 }).map(|_| value()).collect();
    format!(
        r#"{{"peer": "gradus", "version": "{}", "name": "{name}", "values": {values:?}}}"#,
        env!("CARGO_PKG_VERSION")
    )
}

/// Runs a workload for about two seconds, at least 20 steps, after its warm-up.
///
/// # Errors
/// If the loss of a training step does not fall over the first 20.
pub fn measure(name: &str, threads: usize, mut work: Work) -> Result<String, String> {
    if work.trains {
        let losses: Vec<f64> = (0..20).map(|_| (work.step)()).collect();
        let falls = losses[19] < losses[0];
        if !falls {
            return Err(format!("{name}: the loss does not fall: {losses:?}"));
        }
    } else {
        for _ in 0..5 {
            black_box((work.step)());
        }
    }
    let mut seconds = Vec::new();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(2) || seconds.len() < 20 {
        let step = Instant::now();
        black_box((work.step)());
        seconds.push(step.elapsed().as_secs_f64());
    }
    let median = median(&seconds);
    let (min, max) = seconds.iter().fold((f64::INFINITY, 0.0_f64), |(min, max), &s| (min.min(s), max.max(s)));
    let rate = work.rate.map_or_else(String::new, |(field, work)| format!(r#", "{field}": {:.2}"#, work / median));
    let peak = peak_rss_mib().map_or_else(|| "null".to_owned(), |mib| format!("{mib:.1}"));
    Ok(format!(
        r#"{{"peer": "gradus", "version": "{}", "name": "{name}", "threads": {threads}, "median_s": {median:.9}, "min_s": {min:.9}, "max_s": {max:.9}, "runs": {}, "peak_rss_mib": {peak}{rate}}}"#,
        env!("CARGO_PKG_VERSION"),
        seconds.len(),
    ))
}

/// The number in the middle.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The most memory that this process has held, where the system tells.
#[must_use]
pub fn peak_rss_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}
