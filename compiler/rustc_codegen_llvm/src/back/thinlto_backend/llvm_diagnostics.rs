//! LLVM's remarks, warnings and errors, reported as the session's.

use std::ffi::{CString, c_char, c_void};
use std::ptr;

use rustc_errors::DiagCtxtHandle;
use rustc_fs_util::path_to_c_string;
use rustc_session::Session;
use rustc_session::config::Passes;

use super::names;
use crate::back::write::report_optimization;
use crate::errors::FromLlvmDiag;
use crate::llvm;
use crate::llvm::diagnostic::Diagnostic;

/// Has LLVM report remarks, warnings and errors through `dcx`, which must outlive `context`.
pub(super) fn configure(sess: &Session, context: &llvm::Context, dcx: &DiagCtxtHandle<'_>) {
    let (all, passes) = match &sess.opts.cg.remark {
        Passes::All => (true, &[][..]),
        Passes::Some(passes) => (false, &passes[..]),
    };
    let passes: Vec<CString> =
        passes.iter().map(|name| CString::new(name.as_str()).unwrap()).collect();
    let passes: Vec<*const c_char> = passes.iter().map(|name| name.as_ptr()).collect();
    let file = sess.opts.unstable_opts.remark_dir.as_ref().map(|folder| {
        let mut name = names::module(sess);
        name.push(".lto.opt.yaml");
        path_to_c_string(&folder.join(name))
    });
    // SAFETY: names and file are copied; `dcx` outlives the context, as the caller promises.
    unsafe {
        llvm::LLVMRustContextConfigureDiagnosticHandler(
            context,
            report,
            ptr::from_ref(dcx).cast_mut().cast(),
            all,
            passes.as_ptr(),
            passes.len(),
            file.as_ref().map_or(ptr::null(), |file| file.as_ptr()),
            sess.opts.cg.profile_use.is_some(),
        );
    }
}

/// Reports one of LLVM's diagnostics.
///
/// # Safety
/// `dcx` is the one that [`configure`] was given.
unsafe extern "C" fn report(info: &llvm::DiagnosticInfo, dcx: *mut c_void) {
    // SAFETY: as the caller promises.
    let dcx = unsafe { *dcx.cast::<DiagCtxtHandle<'_>>() };
    // SAFETY: `info` is a diagnostic.
    if let Diagnostic::Optimization(remark) = unsafe { Diagnostic::unpack(info) } {
        return report_optimization(dcx, &remark);
    }
    // SAFETY: as above; the string is borrowed for the call.
    let (severity, message) = unsafe {
        (
            llvm::LLVMGetDiagInfoSeverity(info),
            llvm::build_byte_buffer(|message| {
                llvm::LLVMRustWriteDiagnosticInfoToString(info, message)
            }),
        )
    };
    let message = String::from_utf8_lossy(&message).trim_end().to_owned();
    // rustc and clang name vendors differently. Real differences are errors before this.
    if message.starts_with("Linking two modules of different target triples") {
        return;
    }
    match severity {
        0 => drop(dcx.emit_err(FromLlvmDiag { message })),
        1 => dcx.emit_warn(FromLlvmDiag { message }),
        _ => {}
    }
}
