//! `-Zthinlto-index`: the backend of distributed ThinLTO, run on one module.
//!
//! LLVM writes to files beside the outputs, which take their places when all of them are there: a
//! failure leaves nothing behind.

use std::ffi::{CString, c_char, c_void};
use std::path::{Path, PathBuf};
use std::{fs, io, ptr};

use rustc_codegen_ssa::back::whole_file::Pending;
use rustc_codegen_ssa::back::write::TargetMachineFactoryConfig;
use rustc_errors::DiagCtxtHandle;
use rustc_fs_util::path_to_c_string;
use rustc_macros::Diagnostic;
use rustc_session::Session;
use rustc_session::config::{
    CFGuard, CFProtection, Input, Lto, OptLevel, OutFileName, OutputFilenames, OutputType, Passes,
    SplitDwarfKind, Strip,
};
use rustc_target::spec::{FramePointer, MergeFunctions, SplitDebuginfo, StackProtector};

use crate::back::profiling::{
    LlvmSelfProfiler, selfprofile_after_pass_callback, selfprofile_before_pass_callback,
};
use crate::back::write::{
    llvm_err, report_optimization, target_machine_factory, to_pass_builder_opt_level,
};
use crate::errors::FromLlvmDiag;
use crate::llvm::diagnostic::Diagnostic as LlvmDiagnostic;
use crate::llvm::{self, ThinLTOBackendResult, ThinLTOOutput};
use crate::llvm_util;

/// An output that the session asks for.
struct Output {
    kind: Kind,
    place: OutFileName,
    pending: Pending,
    /// The temporary file and the final name, for LLVM.
    file: CString,
    name: CString,
}

/// What an output is. Split DWARF follows from other options than `--emit`.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Emit(OutputType),
    Dwo,
}

/// Optimises the module that is the session's input as `index` says, and writes the outputs that
/// the session asks for. Every failure ends the session.
pub(crate) fn run(sess: &Session, index: &Path, outputs: &OutputFilenames) {
    let dcx = sess.dcx();
    let Input::File(input) = &sess.io.input else { dcx.emit_fatal(NeedsFile) };
    refuse_options(sess);
    let split_dwarf = split_dwarf(sess);
    let places = places(sess, split_dwarf, outputs);
    for (_, place) in &places {
        if let OutFileName::Real(path) = place
            && [input, index].iter().any(|&read| same_file(read, path))
        {
            dcx.emit_fatal(OverwritesInput { path });
        }
    }
    if let Some(path) = &sess.io.output_dir
        && let Err(err) = fs::create_dir_all(path)
    {
        dcx.emit_fatal(Unwritable { path, err });
    }
    let pending: Vec<Output> =
        places.into_iter().map(|(kind, place)| Output::new(sess, kind, place)).collect();
    {
        let _timer = sess.prof.generic_activity_with_arg(
            "LLVM_thinlto_backend",
            input.file_name().unwrap_or_default().to_string_lossy(),
        );
        generate(sess, input, index, outputs, split_dwarf, &pending);
    }
    // LLVM goes on after some errors, such as those in inline assembly.
    dcx.abort_if_errors();
    for output in pending {
        output.finish(sess);
    }
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
        let what = match self.kind {
            Kind::Emit(OutputType::Assembly) => "assembly_file",
            Kind::Emit(OutputType::LlvmAssembly) => "llvm_ir",
            Kind::Emit(OutputType::Bitcode) => "llvm_bitcode",
            Kind::Emit(_) => "object_file",
            Kind::Dwo => "dwo_file",
        };
        let path = self.place.as_path();
        let size = fs::metadata(self.pending.path()).map_or(0, |metadata| metadata.len());
        sess.prof.artifact_size(what, path.file_name().unwrap_or_default().to_string_lossy(), size);
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

/// Ends the session if it is given an option that would do nothing.
// JUSTIFICATION: only what the command line says is asked for.
#[allow(rustc::bad_opt_access)]
fn refuse_options(sess: &Session) {
    const SOURCE: &str = "it says how source is compiled, and the module is compiled already";
    const FUNCTIONS: &str = "each function says it itself since it was compiled";
    const INSTRUMENTS: &str = "code is instrumented when it is compiled, before the thin link";
    const LINK: &str = "it says how a program is linked, and a backend does not link";
    const LTO: &str = "what is optimized together was decided by the thin link";
    const UNITS: &str = "a backend makes one object of one module";
    const STATE: &str = "a backend leaves nothing behind but its outputs";

    let (opts, cg, z) = (&sess.opts, &sess.opts.cg, &sess.opts.unstable_opts);
    let given = [
        ("--test", opts.test, SOURCE),
        ("--crate-type", !opts.crate_types.is_empty(), SOURCE),
        ("--extern", opts.externs.iter().next().is_some(), SOURCE),
        ("-Cmetadata", !cg.metadata.is_empty(), SOURCE),
        ("-Cpanic", cg.panic.is_some(), SOURCE),
        ("-Cdebug-assertions", cg.debug_assertions.is_some(), SOURCE),
        ("-Coverflow-checks", cg.overflow_checks.is_some(), SOURCE),
        ("-Cpasses", !cg.passes.is_empty(), SOURCE),
        ("-Cforce-unwind-tables", cg.force_unwind_tables.is_some(), FUNCTIONS),
        ("-Cno-redzone", cg.no_redzone.is_some(), FUNCTIONS),
        ("-Cforce-frame-pointers", cg.force_frame_pointers != FramePointer::MayOmit, FUNCTIONS),
        ("-Ccontrol-flow-guard", cg.control_flow_guard != CFGuard::Disabled, SOURCE),
        ("-Zcf-protection", z.cf_protection != CFProtection::None, SOURCE),
        ("-Zbranch-protection", z.branch_protection.is_some(), SOURCE),
        ("-Zstack-protector", z.stack_protector != StackProtector::None, FUNCTIONS),
        ("-Cinstrument-coverage", sess.instrument_coverage(), INSTRUMENTS),
        ("-Cprofile-generate", cg.profile_generate.enabled(), INSTRUMENTS),
        ("-Zsanitizer", !z.sanitizer.is_empty(), INSTRUMENTS),
        ("-l", !opts.libs.is_empty(), LINK),
        ("-Clinker", cg.linker.is_some(), LINK),
        ("-Clink-arg", !cg.link_args.is_empty(), LINK),
        ("-Cprefer-dynamic", cg.prefer_dynamic, LINK),
        ("-Crpath", cg.rpath, LINK),
        ("-Crelro-level", cg.relro_level.is_some(), LINK),
        ("-Cstrip", cg.strip != Strip::None, LINK),
        ("-Clto", matches!(sess.lto(), Lto::Thin | Lto::Fat), LTO),
        ("-Clinker-plugin-lto", cg.linker_plugin_lto.enabled(), LTO),
        ("-Ccodegen-units", cg.codegen_units.is_some(), UNITS),
        ("-Cincremental", opts.incremental.is_some(), STATE),
    ];
    if let Some((option, _, reason)) = given.into_iter().find(|&(_, given, _)| given) {
        sess.dcx().emit_fatal(RefusedOption { option, reason });
    }
}

/// How debug info is split, if it is.
fn split_dwarf(sess: &Session) -> Option<SplitDwarfKind> {
    (sess.target_can_use_split_dwarf() && sess.split_debuginfo() != SplitDebuginfo::Off)
        .then_some(sess.opts.unstable_opts.split_dwarf_kind)
}

/// Where each output goes; an error for those that a backend does not make.
fn places(
    sess: &Session,
    split_dwarf: Option<SplitDwarfKind>,
    outputs: &OutputFilenames,
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
        if kind == OutputType::Object && split_dwarf == Some(SplitDwarfKind::Split) {
            places.push((Kind::Dwo, OutFileName::Real(outputs.temp_path_dwo(None))));
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

/// Has LLVM fill the outputs.
fn generate(
    sess: &Session,
    input: &Path,
    index: &Path,
    outputs: &OutputFilenames,
    split_dwarf: Option<SplitDwarfKind>,
    pending: &[Output],
) {
    let opts = &sess.opts;
    let dcx = sess.dcx();
    let opt_level = opts.optimize;
    let fast = matches!(opt_level, OptLevel::Default | OptLevel::Aggressive);
    let small = matches!(opt_level, OptLevel::Size | OptLevel::SizeMin);
    let merge_functions = opts.unstable_opts.merge_functions.unwrap_or(sess.target.merge_functions);
    let output = |kind| match pending.iter().find(|output| output.kind == kind) {
        Some(output) => ThinLTOOutput { file: output.file.as_ptr(), name: output.name.as_ptr() },
        None => ThinLTOOutput { file: ptr::null(), name: ptr::null() },
    };

    let factory_config = TargetMachineFactoryConfig {
        split_dwarf_file: split_dwarf
            .and_then(|kind| outputs.split_dwarf_path(sess.split_debuginfo(), kind, None)),
        output_obj_file: Some(outputs.path(OutputType::Object).as_path().to_path_buf()),
    };
    let features = llvm_util::global_llvm_features(sess, true, false);
    let target_machine = target_machine_factory(sess, opt_level, &features)(factory_config)
        .unwrap_or_else(|err| llvm_err(dcx, err).raise());

    let c_path = |path: &Path| path_to_c_string(path);
    let pointer = |path: &Option<CString>| path.as_ref().map_or(ptr::null(), |path| path.as_ptr());
    let (input, index) = (c_path(input), c_path(index));
    // `bc` is taken off again: stems may have dots.
    let stem = outputs.with_extension("bc").with_extension("");
    let save_temps = opts.cg.save_temps.then(|| c_path(&stem));
    let profile_use = opts.cg.profile_use.as_deref().map(c_path);
    let profile_sample_use = opts.unstable_opts.profile_sample_use.as_deref().map(c_path);
    let remap: Vec<CString> = opts
        .unstable_opts
        .thinlto_remap_module
        .iter()
        .flat_map(|(old, new)| [c_path(old), c_path(new)])
        .collect();
    let remap: Vec<*const c_char> = remap.iter().map(|path| path.as_ptr()).collect();

    let mut profiler = sess
        .prof
        .llvm_recording_enabled()
        .then(|| LlvmSelfProfiler::new(sess.prof.get_self_profiler().unwrap()));
    // JUSTIFICATION: what the command line says goes before what the module says, and that before
    // the session's default.
    #[allow(rustc::bad_opt_access)]
    let (override_reloc_model, override_code_model) =
        (opts.cg.relocation_model.is_some(), opts.cg.code_model.is_some());
    let config = llvm::ThinLTOBackendConfig {
        input: input.as_ptr(),
        index: index.as_ptr(),
        save_temps: pointer(&save_temps),
        remap: remap.as_ptr(),
        remap_len: remap.len(),
        target_machine: &target_machine,
        override_reloc_model,
        override_code_model,
        opt_level: to_pass_builder_opt_level(opt_level),
        no_prepopulate_passes: opts.cg.no_prepopulate_passes,
        verify_each: sess.verify_llvm_ir(),
        merge_functions: merge_functions != MergeFunctions::Disabled && (fast || small),
        unroll_loops: !small,
        vectorize_slp: !opts.cg.no_vectorize_slp && opt_level == OptLevel::Aggressive,
        vectorize_loop: !opts.cg.no_vectorize_loops && fast,
        no_builtins: sess.target.no_builtins,
        debug_info_for_profiling: opts.unstable_opts.debug_info_for_profiling,
        profile_use: pointer(&profile_use),
        profile_sample_use: pointer(&profile_sample_use),
        object: output(Kind::Emit(OutputType::Object)),
        dwo: output(Kind::Dwo),
        assembly: output(Kind::Emit(OutputType::Assembly)),
        llvm_ir: output(Kind::Emit(OutputType::LlvmAssembly)),
        bitcode: output(Kind::Emit(OutputType::Bitcode)),
        self_profiler: profiler
            .as_mut()
            .map_or(ptr::null_mut(), |profiler| ptr::from_mut(profiler).cast()),
        before_pass: selfprofile_before_pass_callback,
        after_pass: selfprofile_after_pass_callback,
    };

    // SAFETY: creates a context that we own.
    let context = unsafe { llvm::LLVMRustContextCreate(sess.fewer_names()) };
    configure_diagnostics(sess, context, &dcx);
    let mut result = ThinLTOBackendResult::Success;
    let message = llvm::build_byte_buffer(|message| {
        // SAFETY: all that the configuration points to outlives the call, and the two callbacks fit
        // the data given with them.
        result = unsafe { llvm::LLVMRustRunThinLTOBackend(&config, context, message) };
    });
    let message = String::from_utf8_lossy(&message);
    let message = message.trim_end();
    match result {
        // SAFETY: the context is ours, and nothing of it is in use any more.
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

/// Has LLVM report remarks, warnings and errors through `dcx`, which must outlive `context`.
fn configure_diagnostics(sess: &Session, context: &llvm::Context, dcx: &DiagCtxtHandle<'_>) {
    let (all, passes) = match &sess.opts.cg.remark {
        Passes::All => (true, &[][..]),
        Passes::Some(passes) => (false, &passes[..]),
    };
    let passes: Vec<CString> =
        passes.iter().map(|name| CString::new(name.as_str()).unwrap()).collect();
    let passes: Vec<*const c_char> = passes.iter().map(|name| name.as_ptr()).collect();
    let file = sess.opts.unstable_opts.remark_dir.as_ref().map(|folder: &PathBuf| {
        let name = sess.io.input.filestem().to_string();
        path_to_c_string(&folder.join(format!("{name}.lto.opt.yaml")))
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

/// Reports a diagnostic of LLVM's.
///
/// # Safety
/// `dcx` is what [`configure_diagnostics`] was given.
unsafe extern "C" fn report(info: &llvm::DiagnosticInfo, dcx: *mut c_void) {
    // SAFETY: as the caller promises.
    let dcx = unsafe { *dcx.cast::<DiagCtxtHandle<'_>>() };
    // SAFETY: `info` is a diagnostic.
    if let LlvmDiagnostic::Optimization(remark) = unsafe { LlvmDiagnostic::unpack(info) } {
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
    // rustc and clang differ in what they call the vendor. Real differences are errors before this.
    if message.starts_with("Linking two modules of different target triples") {
        return;
    }
    match severity {
        0 => drop(dcx.emit_err(FromLlvmDiag { message })),
        1 => dcx.emit_warn(FromLlvmDiag { message }),
        _ => {}
    }
}

#[derive(Diagnostic)]
#[diag(codegen_llvm_thinlto_backend)]
struct Failed<'a> {
    message: &'a str,
    #[help(codegen_llvm_thinlto_backend_unreadable)]
    unreadable: bool,
    #[help(codegen_llvm_thinlto_backend_not_bitcode)]
    not_bitcode: bool,
    #[help(codegen_llvm_thinlto_backend_damaged)]
    damaged: bool,
    #[help(codegen_llvm_thinlto_backend_other_module)]
    other_module: bool,
    #[help(codegen_llvm_thinlto_backend_missing_import)]
    missing_import: bool,
    #[help(codegen_llvm_thinlto_backend_other_import)]
    other_import: bool,
    #[help(codegen_llvm_thinlto_backend_other_target)]
    other_target: bool,
    #[help(codegen_llvm_thinlto_backend_unwritable_help)]
    unwritable: bool,
}

#[derive(Diagnostic)]
#[diag(codegen_llvm_thinlto_backend_crash)]
#[note]
#[help]
struct Crashed<'a> {
    message: &'a str,
}

#[derive(Diagnostic)]
#[diag(codegen_llvm_thinlto_backend_needs_file)]
#[help]
struct NeedsFile;

#[derive(Diagnostic)]
#[diag(codegen_llvm_thinlto_backend_output_kind)]
#[help]
struct OutputKind {
    kind: &'static str,
}

#[derive(Diagnostic)]
#[diag(codegen_llvm_thinlto_backend_overwrites_input)]
#[help]
struct OverwritesInput<'a> {
    path: &'a Path,
}

#[derive(Diagnostic)]
#[diag(codegen_llvm_thinlto_backend_refused_option)]
#[note]
#[help]
struct RefusedOption {
    option: &'static str,
    reason: &'static str,
}

#[derive(Diagnostic)]
#[diag(codegen_llvm_thinlto_backend_unwritable)]
#[help(codegen_llvm_thinlto_backend_unwritable_help)]
struct Unwritable<'a> {
    path: &'a Path,
    err: io::Error,
}
