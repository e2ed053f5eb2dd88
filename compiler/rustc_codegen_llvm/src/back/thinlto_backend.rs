//! `-Zthinlto-index`: the backend of distributed ThinLTO, run on one module.
//!
//! LLVM writes to temporary files, which are renamed once all of them are complete, so a failure
//! leaves nothing behind.

use std::ffi::{CString, c_char};
use std::path::{Path, PathBuf};
use std::ptr;

use rustc_codegen_ssa::back::write::TargetMachineFactoryConfig;
use rustc_codegen_ssa::traits::WriteBackendMethods;
use rustc_fs_util::path_to_c_string;
use rustc_macros::Diagnostic;
use rustc_session::Session;
use rustc_session::config::{Input, OutFileName, OutputFilenames, OutputType};

use self::outputs::{Kind, Output};
use self::pipeline::Pipeline;
use crate::back::owned_target_machine::OwnedTargetMachine;
use crate::back::write::target_machine_factory;
use crate::llvm::{self, ThinLTOBackendConfig, ThinLTOBackendResult, ThinLTOOutput, ToLlvmBool};
use crate::{LlvmCodegenBackend, llvm_util};

mod llvm_diagnostics;
mod names;
mod outputs;
mod pipeline;
mod refused_options;

/// Optimizes the module that is the session's input as `index` says, and writes the outputs that
/// the session asks for. Every failure ends the session.
pub(crate) fn run(sess: &Session, index: &Path, filenames: &OutputFilenames) {
    let dcx = sess.dcx();
    let Input::File(input) = &sess.io.input else { dcx.emit_fatal(NeedsFile) };
    refused_options::refuse(sess);
    let split_dwarf = outputs::split_dwarf(sess, filenames);
    let pending = outputs::prepare(sess, filenames, &split_dwarf, [input, index]);
    let main_output = main_output(&pending);
    {
        let _timer = sess.prof.generic_activity_with_arg(
            "LLVM_thinlto_backend",
            input.file_name().unwrap_or_default().to_string_lossy(),
        );
        let split_dwarf_file = split_dwarf.map(|(_, file)| file);
        let target_machine = target_machine(sess, filenames, split_dwarf_file);
        generate(sess, input, index, &target_machine, &pending, &main_output);
    }
    // LLVM goes on after some errors, such as those in inline assembly.
    dcx.abort_if_errors();
    outputs::finish(sess, pending);
    report_statistics(sess, &main_output);
}

/// The output that other files, such as the time trace, are named after: the object or, without one,
/// the first.
fn main_output(pending: &[Output]) -> OutFileName {
    let object = pending.iter().find(|output| output.kind == Kind::Emit(OutputType::Object));
    object.unwrap_or(&pending[0]).place.clone()
}

/// The session's target machine.
fn target_machine(
    sess: &Session,
    filenames: &OutputFilenames,
    split_dwarf_file: Option<PathBuf>,
) -> OwnedTargetMachine {
    let object = names::output(sess, filenames, OutputType::Object);
    let config = TargetMachineFactoryConfig {
        split_dwarf_file,
        output_obj_file: Some(object.as_path().to_path_buf()),
    };
    let features = llvm_util::global_llvm_features(sess, false);
    target_machine_factory(sess, sess.opts.optimize, &features)(sess.dcx(), config)
}

/// Has LLVM fill the outputs.
fn generate(
    sess: &Session,
    input: &Path,
    index: &Path,
    target_machine: &OwnedTargetMachine,
    pending: &[Output],
    main_output: &OutFileName,
) {
    let (cg, unstable_opts) = (&sess.opts.cg, &sess.opts.unstable_opts);
    let (input, index) = (path_to_c_string(input), path_to_c_string(index));
    let save_temps =
        cg.save_temps.then(|| path_to_c_string(&names::beside(main_output.as_path(), "thin-lto")));
    let remap: Vec<CString> = unstable_opts
        .thinlto_remap_module
        .iter()
        .flat_map(|(old, new)| [path_to_c_string(old), path_to_c_string(new)])
        .collect();
    let remap: Vec<*const c_char> = remap.iter().map(|path| path.as_ptr()).collect();
    let output = |kind| match pending.iter().find(|output| output.kind == kind) {
        Some(output) => ThinLTOOutput { file: output.file.as_ptr(), name: output.name.as_ptr() },
        None => ThinLTOOutput { file: ptr::null(), name: ptr::null() },
    };
    // JUSTIFICATION: the command line overrides the module, but the session's default does not.
    #[allow(rustc::bad_opt_access)]
    let (override_reloc_model, override_code_model) =
        (cg.relocation_model.is_some(), cg.code_model.is_some());
    let mut pipeline = Pipeline::new(sess);
    run_llvm(
        sess,
        &ThinLTOBackendConfig {
            input: input.as_ptr(),
            index: index.as_ptr(),
            save_temps: save_temps.as_ref().map_or(ptr::null(), |prefix| prefix.as_ptr()),
            remap: remap.as_ptr(),
            remap_len: remap.len(),
            target_machine: target_machine.raw(),
            override_reloc_model,
            override_code_model,
            large_data_threshold: unstable_opts.large_data_threshold.unwrap_or(0),
            verify_ir: sess.verify_llvm_ir(),
            no_builtins: sess.target.no_builtins,
            object: output(Kind::Emit(OutputType::Object)),
            dwo: output(Kind::Dwo),
            assembly: output(Kind::Emit(OutputType::Assembly)),
            llvm_ir: output(Kind::Emit(OutputType::LlvmAssembly)),
            bitcode: output(Kind::Emit(OutputType::Bitcode)),
            optimize: pipeline::optimize,
            pipeline: ptr::from_mut(&mut pipeline).cast(),
        },
    );
}

/// Runs the C++ part, and reports its failure.
fn run_llvm(sess: &Session, config: &ThinLTOBackendConfig<'_>) {
    let dcx = sess.dcx();
    // SAFETY: creates a context that we own.
    let context = unsafe { llvm::LLVMContextCreate() };
    // SAFETY: the context is valid.
    unsafe { llvm::LLVMContextSetDiscardValueNames(context, sess.fewer_names().to_llvm_bool()) };
    llvm_diagnostics::configure(sess, context, &dcx);
    let mut result = ThinLTOBackendResult::Success;
    let message = llvm::build_byte_buffer(|message| {
        // SAFETY: all that the configuration points to outlives the call, and the callback fits the
        // pipeline given with it.
        result = unsafe { llvm::LLVMRustRunThinLTOBackend(config, context, message) };
    });
    let message = String::from_utf8_lossy(&message);
    let message = message.trim_end();
    match result {
        // SAFETY: the context is ours, and nothing in it is used any more.
        ThinLTOBackendResult::Success => unsafe { llvm::LLVMContextDispose(context) },
        ThinLTOBackendResult::Crash | ThinLTOBackendResult::MemoryFault => {
            dcx.emit_fatal(Crashed {
                module: sess.io.input.opt_path().unwrap_or(Path::new("-")),
                message,
                stack: result == ThinLTOBackendResult::MemoryFault,
            })
        }
        failure => dcx.emit_fatal(Failed {
            message,
            unreadable: failure == ThinLTOBackendResult::Unreadable,
            not_bitcode: failure == ThinLTOBackendResult::NotBitcode,
            damaged: failure == ThinLTOBackendResult::Damaged,
            other_module: failure == ThinLTOBackendResult::OtherModule,
            missing_import: failure == ThinLTOBackendResult::MissingImport,
            other_import: failure == ThinLTOBackendResult::OtherImport,
            other_target: failure == ThinLTOBackendResult::OtherTarget,
            unwritable: failure == ThinLTOBackendResult::Unwritable,
        }),
    }
}

/// Reports what LLVM has recorded, as after any other code generation.
fn report_statistics(sess: &Session, main_output: &OutFileName) {
    let backend = LlvmCodegenBackend(());
    if sess.opts.unstable_opts.time_llvm_passes {
        backend.print_pass_timings();
    }
    if sess.print_llvm_stats() {
        backend.print_statistics();
    }
    if sess.opts.unstable_opts.llvm_time_trace {
        let file = names::beside(main_output.as_path(), "llvm_timings.json");
        llvm_util::time_trace_profiler_finish(&file);
    }
}

#[derive(Diagnostic)]
#[diag("the ThinLTO backend failed: {$message}")]
struct Failed<'a> {
    message: &'a str,
    #[help(
        "pass the path of the module and, to `-Zthinlto-index`, that of the index which the thin \
         link wrote for it"
    )]
    unreadable: bool,
    #[help(
        "the module and those that it imports from have to be compiled for ThinLTO: with \
         `-Clinker-plugin-lto` by rustc, with `-flto=thin` by clang; the index is what the thin \
         link writes"
    )]
    not_bitcode: bool,
    #[help(
        "the file is damaged, or comes from an LLVM that this compiler cannot read: make it again, \
         and use the same LLVM in all steps"
    )]
    damaged: bool,
    #[help(
        "pass the index that the thin link wrote for this module; if the module has moved since \
         the thin link, pass `-Zthinlto-remap-module=OLD=NEW`"
    )]
    other_module: bool,
    #[help("if the module has moved since the thin link, pass `-Zthinlto-remap-module=OLD=NEW`")]
    missing_import: bool,
    #[help("run the thin link again over the modules as they are now")]
    other_import: bool,
    #[help("pass the `--target` that the module was compiled for")]
    other_target: bool,
    #[help("use `-o`, `--out-dir` or `--emit=KIND=PATH` to name a place that can be written to")]
    unwritable: bool,
}

#[derive(Diagnostic)]
#[diag("the ThinLTO backend of `{$module}` failed inside LLVM: {$message}")]
#[note("nothing was written")]
#[help("the bitcode or the index may be damaged: make them again")]
struct Crashed<'a> {
    module: &'a Path,
    message: &'a str,
    #[help("if LLVM needs a larger stack, set `RUST_MIN_STACK` to its size in bytes")]
    stack: bool,
}

#[derive(Diagnostic)]
#[diag("`-Zthinlto-index` cannot read the module from standard input")]
#[help("pass the path of the bitcode")]
struct NeedsFile;
