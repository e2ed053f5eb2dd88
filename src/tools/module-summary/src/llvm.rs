//! The boundary to `llvm-wrapper`, which reads by LLVM and calls a visitor for each part of a file.
//!
//! Nothing is owned across the boundary: C++ borrows the file's content and the visitor for its call, and
//! what the visitor's functions get is borrowed for theirs.
#![allow(unsafe_code)]

pub mod remarks;
pub mod summary;

use std::ffi::c_char;
use std::slice;

/// Bytes that are borrowed from C++ for a call.
#[repr(C)]
#[derive(Clone, Copy)]
struct Text {
    start: *const c_char,
    length: usize,
}

impl Text {
    /// # Safety
    /// The bytes have to be alive.
    unsafe fn copy(self) -> String {
        if self.length == 0 {
            return String::new();
        }
        // SAFETY: there are `length` bytes at `start`, by the caller's promise.
        let bytes = unsafe { slice::from_raw_parts(self.start.cast(), self.length) };
        String::from_utf8_lossy(bytes).into_owned()
    }
}
