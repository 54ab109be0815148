//! Messages that MPI is sending or receiving.
//!
//! MPI uses a buffer until the operation is complete, and an operation with a rank that has died may never be. Rust's
//! types for it let such a buffer go out of use only by ending the process. Here a buffer belongs to MPI from the
//! beginning of the operation to its end, and is taken back then; one whose operation never ends is never freed.

#![allow(unsafe_code)] // each use with its reason

use super::MESSAGE;
use crate::Bytes;
use mpi::point_to_point::{Destination, Message};
use mpi::request::{Request, StaticScope};
use std::mem;
use std::sync::Arc;

type Operation = Request<'static, [u8], StaticScope>;

/// A message on its way to another rank.
pub(super) struct Sending {
    operation: Option<Operation>,
    shared: *const Vec<u8>,
}

impl Sending {
    pub(super) fn begin(to: &impl Destination, bytes: Bytes) -> Self {
        let shared = Arc::into_raw(bytes.shared);
        // SAFETY: the Arc's count is one higher for this pointer, until `is_through` gives it back, when MPI has read
        // all. As long as it is shared nobody has the bytes mutably.
        let all: &'static Vec<u8> = unsafe { &*shared };
        let operation = to.immediate_send_with_tag(StaticScope, &all[bytes.range], MESSAGE);
        Self { operation: Some(operation), shared }
    }

    /// Whether MPI is done with it.
    pub(super) fn is_through(&mut self) -> bool {
        let Some(operation) = self.operation.take() else { return true };
        match operation.test() {
            Ok(_) => {
                // SAFETY: it comes from `Arc::into_raw` and is given back here alone, once: the operation is gone. MPI
                // reads no more.
                drop(unsafe { Arc::from_raw(self.shared) });
                true
            }
            Err(operation) => {
                self.operation = Some(operation);
                false
            }
        }
    }
}

/// A message on its way from another rank.
pub(super) struct Receiving {
    operation: Option<Operation>,
    buffer: *mut [u8],
}

impl Receiving {
    pub(super) fn begin(message: Message, len: usize) -> Self {
        let buffer = Box::into_raw(vec![0; len].into_boxed_slice());
        // SAFETY: it is a whole box that nobody else knows of, until `through` takes it back, when MPI has written all.
        let bytes: &'static mut [u8] = unsafe { &mut *buffer };
        Self { operation: Some(message.immediate_matched_receive_into(StaticScope, bytes)), buffer }
    }

    /// The message, once, when it has come whole.
    pub(super) fn through(&mut self) -> Option<Vec<u8>> {
        match self.operation.take()?.test() {
            Ok(_) => {
                // SAFETY: it comes from `Box::into_raw` and is taken back here alone, once: the operation is gone, and
                // with it MPI's use of the buffer.
                Some(unsafe { Box::from_raw(self.buffer) }.into_vec())
            }
            Err(operation) => {
                self.operation = Some(operation);
                None
            }
        }
    }
}

// An operation that is dropped before its end panics, and its buffer must not be freed: both stay for ever.

impl Drop for Sending {
    fn drop(&mut self) {
        mem::forget(self.operation.take());
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        mem::forget(self.operation.take());
    }
}
