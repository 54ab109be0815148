//! Without the feature `progress-bar`: no bar.

use crate::StepRecord;

#[derive(Debug, Default)]
pub(super) struct Bar;

impl Bar {
    pub(super) fn start(&mut self, _epochs: usize, _steps: usize) {}

    pub(super) fn step(&mut self, _step: &StepRecord) {}

    pub(super) fn epoch(&mut self) {}

    pub(super) fn resumed(&mut self, _step: u64) {}

    pub(super) fn line(&self, _line: &str) -> bool {
        false
    }

    pub(super) fn finish(&mut self) {}
}
