//! The boundary to `llvm-wrapper/Remarks.cpp`.

use std::ffi::{c_char, c_void};

use anyhow::anyhow;

use crate::llvm::Text;
use crate::remarks::Remark;

/// What the visitor has seen.
#[derive(Default)]
struct Remarks {
    found: Vec<Remark>,
    error: Option<String>,
}

/// Reads the YAML of remarks.
pub fn read(yaml: &[u8]) -> anyhow::Result<Vec<Remark>> {
    let mut remarks = Remarks::default();
    let visitor = Visitor {
        remarks: (&raw mut remarks).cast(),
        remark,
        argument,
        error,
    };
    // SAFETY: `yaml` and `visitor` live until the call returns. The functions of the visitor are called
    // with `remarks` only, in this thread, and nothing else accesses it meanwhile.
    unsafe { ModuleSummaryReadRemarks(yaml.as_ptr().cast(), yaml.len(), &visitor) };
    match remarks.error {
        Some(message) => Err(anyhow!(message)),
        None => Ok(remarks.found),
    }
}

/// A remark without its arguments, as in Remarks.cpp.
#[repr(C)]
struct Entry {
    pass: Text,
    name: Text,
    function: Text,
    is_passed: bool,
    file: Text,
    line: u32,
}

/// The functions that C++ calls, as in Remarks.cpp. Each gets `remarks` first.
#[repr(C)]
struct Visitor {
    remarks: *mut c_void,
    remark: unsafe extern "C" fn(*mut c_void, *const Entry),
    argument: unsafe extern "C" fn(*mut c_void, key: Text, value: Text),
    error: unsafe extern "C" fn(*mut c_void, message: Text),
}

unsafe extern "C" {
    fn ModuleSummaryReadRemarks(data: *const c_char, length: usize, to: *const Visitor);
}

/// What a function of the visitor fills.
///
/// # Safety
/// `remarks` is the pointer in the [`Visitor`], and there is no other reference to it.
unsafe fn filled<'a>(remarks: *mut c_void) -> &'a mut Remarks {
    // SAFETY: `read` made the pointer from `Remarks` that outlive the visitor.
    unsafe { &mut *remarks.cast() }
}

unsafe extern "C" fn remark(remarks: *mut c_void, entry: *const Entry) {
    // SAFETY: called by C++ with the visitor's pointer, and an entry that is alive for this call, as are
    // its texts.
    unsafe {
        let entry = &*entry;
        filled(remarks).found.push(Remark {
            pass: entry.pass.copy(),
            name: entry.name.copy(),
            function: entry.function.copy(),
            is_passed: entry.is_passed,
            file: entry.file.copy(),
            line: entry.line,
            arguments: Vec::new(),
        });
    }
}

unsafe extern "C" fn argument(remarks: *mut c_void, key: Text, value: Text) {
    // SAFETY: called by C++ with the visitor's pointer, and texts that are alive for this call.
    let (remarks, argument) = unsafe { (filled(remarks), (key.copy(), value.copy())) };
    if let Some(last) = remarks.found.last_mut() {
        last.arguments.push(argument);
    }
}

unsafe extern "C" fn error(remarks: *mut c_void, message: Text) {
    // SAFETY: called by C++ with the visitor's pointer, and a message that is alive for this call.
    let (remarks, message) = unsafe { (filled(remarks), message.copy()) };
    remarks.error = Some(message);
}
