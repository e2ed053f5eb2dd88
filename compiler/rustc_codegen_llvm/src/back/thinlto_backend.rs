//! `-Zthinlto-index`: the backend of distributed ThinLTO, run on one module.
//!
//! LLVM writes to files beside the outputs, which take their names once all of them are whole: a
//! failure leaves nothing behind.

use std::ffi::{CString, c_char};
use std::path::{Path, PathBuf};
use std::{fs, io, ptr};

use rustc_codegen_ssa::back::whole_file::Pending;
use rustc_codegen_ssa::back::write::TargetMachineFactoryConfig;
use rustc_codegen_ssa::traits::WriteBackendMethods;
use rustc_fs_util::path_to_c_string;
use rustc_macros::Diagnostic;
use rustc_session::Session;
use rustc_session::config::{
    DWARF_OBJECT_EXT, Input, OutFileName, OutputFilenames, OutputType, SplitDwarfKind,
};
use rustc_target::spec::SplitDebuginfo;

use self::pipeline::Pipeline;
use crate::back::owned_target_machine::OwnedTargetMachine;
use crate::back::write::target_machine_factory;
use crate::llvm::{self, ThinLTOBackendConfig, ThinLTOBackendResult, ThinLTOOutput, ToLlvmBool};
use crate::{LlvmCodegenBackend, llvm_util};

mod llvm_diagnostics;
mod pipeline;
mod refused_options;

/// What an output is. Split DWARF follows from other options than `--emit`.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Emit(OutputType),
    Dwo,
}

/// An output that the session asks for.
struct Output {
    kind: Kind,
    place: OutFileName,
    pending: Pending,
    /// The temporary file and the final name, for LLVM.
    file: CString,
    name: CString,
}

/// Optimizes the module that is the session's input as `index` says, and writes the outputs that
/// the session asks for. Every failure ends the session.
pub(crate) fn run(sess: &Session, index: &Path, outputs: &OutputFilenames) {
    let dcx = sess.dcx();
    let Input::File(input) = &sess.io.input else { dcx.emit_fatal(NeedsFile) };
    refused_options::refuse(sess);
    let split_dwarf = split_dwarf(sess, outputs);
    let places = places(sess, outputs, &split_dwarf);
    for (_, place) in &places {
        if let OutFileName::Real(path) = place
            && [input, index].iter().any(|&read| same_file(read, path))
        {
            dcx.emit_fatal(OverwritesInput { path });
        }
    }
    for path in [&sess.io.output_dir, &sess.opts.unstable_opts.remark_dir].into_iter().flatten() {
        if let Err(err) = fs::create_dir_all(path) {
            dcx.emit_fatal(Unwritable { path, err });
        }
    }
    let pending: Vec<Output> =
        places.into_iter().map(|(kind, place)| Output::new(sess, kind, place)).collect();
    {
        let _timer = sess.prof.generic_activity_with_arg(
            "LLVM_thinlto_backend",
            input.file_name().unwrap_or_default().to_string_lossy(),
        );
        let split_dwarf_file = split_dwarf.map(|(_, file)| file);
        let target_machine = target_machine(sess, outputs, split_dwarf_file);
        generate(sess, input, index, &target_machine, &pending);
    }
    // LLVM goes on after some errors, such as those in inline assembly.
    dcx.abort_if_errors();
    for output in pending {
        output.finish(sess);
    }
    report_statistics(sess, outputs);
}

impl Output {
    fn new(sess: &Session, kind: Kind, place: OutFileName) -> Output {
        let path = place.as_path();
        let pending = Pending::new(&place)
            .unwrap_or_else(|err| sess.dcx().emit_fatal(Unwritable { path, err }));
        let (file, name) = (path_to_c_string(pending.path()), path_to_c_string(path));
        Output { kind, place, pending, file, name }
    }

    fn finish(self, sess: &Session) {
        let artifact = match self.kind {
            Kind::Emit(OutputType::Assembly) => "assembly_file",
            Kind::Emit(OutputType::LlvmAssembly) => "llvm_ir",
            Kind::Emit(OutputType::Bitcode) => "llvm_bitcode",
            Kind::Emit(_) => "object_file",
            Kind::Dwo => "dwo_file",
        };
        let path = self.place.as_path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let size = fs::metadata(self.pending.path()).map_or(0, |metadata| metadata.len());
        sess.prof.artifact_size(artifact, name, size);
        if let Err(err) = self.pending.finish() {
            sess.dcx().emit_fatal(Unwritable { path, err });
        }
        if let Kind::Emit(output_type) = self.kind
            && sess.opts.json_artifact_notifications
        {
            sess.dcx().emit_artifact_notification(path, output_type.shorthand());
        }
    }
}

/// How debug info is split, if it is, and the file that the object refers to.
fn split_dwarf(sess: &Session, outputs: &OutputFilenames) -> Option<(SplitDwarfKind, PathBuf)> {
    if !sess.target_can_use_split_dwarf() || sess.split_debuginfo() == SplitDebuginfo::Off {
        return None;
    }
    let unstable_opts = &sess.opts.unstable_opts;
    let object = outputs.path(OutputType::Object).as_path().to_path_buf();
    let file = match unstable_opts.split_dwarf_kind {
        SplitDwarfKind::Single => object,
        SplitDwarfKind::Split => {
            let file = object.with_extension(DWARF_OBJECT_EXT);
            match &unstable_opts.split_dwarf_out_dir {
                Some(folder) => folder.join(file.file_name().unwrap_or_default()),
                None => file,
            }
        }
    };
    Some((unstable_opts.split_dwarf_kind, file))
}

/// Where each output goes; an error for those that a backend does not make.
fn places(
    sess: &Session,
    outputs: &OutputFilenames,
    split_dwarf: &Option<(SplitDwarfKind, PathBuf)>,
) -> Vec<(Kind, OutFileName)> {
    let mut places = Vec::new();
    for &kind in sess.opts.output_types.keys() {
        match kind {
            OutputType::Object
            | OutputType::Assembly
            | OutputType::LlvmAssembly
            | OutputType::Bitcode => places.push((Kind::Emit(kind), outputs.path(kind))),
            _ => sess.dcx().emit_fatal(OutputKind { kind: kind.shorthand() }),
        }
        if let Some((SplitDwarfKind::Split, file)) = split_dwarf
            && kind == OutputType::Object
        {
            places.push((Kind::Dwo, OutFileName::Real(file.clone())));
        }
    }
    places
}

fn same_file(a: &Path, b: &Path) -> bool {
    match (fs::canonicalize(a), fs::canonicalize(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

/// The session's target machine.
fn target_machine(
    sess: &Session,
    outputs: &OutputFilenames,
    split_dwarf_file: Option<PathBuf>,
) -> OwnedTargetMachine {
    let config = TargetMachineFactoryConfig {
        split_dwarf_file,
        output_obj_file: Some(outputs.path(OutputType::Object).as_path().to_path_buf()),
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
) {
    let (cg, unstable_opts) = (&sess.opts.cg, &sess.opts.unstable_opts);
    let (input, index) = (path_to_c_string(input), path_to_c_string(index));
    // Intermediate files are called after the first output.
    let save_temps = pending
        .first()
        .filter(|_| cg.save_temps)
        .map(|output| path_to_c_string(&output.place.as_path().with_extension("")));
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
        ThinLTOBackendResult::Crash => dcx.emit_fatal(Crashed { message }),
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
fn report_statistics(sess: &Session, outputs: &OutputFilenames) {
    let backend = LlvmCodegenBackend(());
    if sess.opts.unstable_opts.time_llvm_passes {
        backend.print_pass_timings();
    }
    if sess.print_llvm_stats() {
        backend.print_statistics();
    }
    if sess.opts.unstable_opts.llvm_time_trace {
        llvm_util::time_trace_profiler_finish(&outputs.with_extension("llvm_timings.json"));
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
#[diag("the ThinLTO backend failed inside LLVM: {$message}")]
#[note("nothing was written")]
#[help("the bitcode or the index may be damaged: make them again")]
struct Crashed<'a> {
    message: &'a str,
}

#[derive(Diagnostic)]
#[diag("`-Zthinlto-index` cannot read the module from standard input")]
#[help("pass the path of the bitcode")]
struct NeedsFile;

#[derive(Diagnostic)]
#[diag("`-Zthinlto-index` cannot emit `{$kind}`")]
#[help("use one or more of `--emit=obj,asm,llvm-ir,llvm-bc`")]
struct OutputKind {
    kind: &'static str,
}

#[derive(Diagnostic)]
#[diag("the output `{$path}` would overwrite an input")]
#[help("use `-o` or `--emit=KIND=PATH` to name another file")]
struct OverwritesInput<'a> {
    path: &'a Path,
}

#[derive(Diagnostic)]
#[diag("cannot write `{$path}`: {$err}")]
#[help("use `-o`, `--out-dir` or `--emit=KIND=PATH` to name a place that can be written to")]
struct Unwritable<'a> {
    path: &'a Path,
    err: io::Error,
}
