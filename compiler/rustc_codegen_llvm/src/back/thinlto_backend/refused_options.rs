//! The options that a backend refuses, because they would do nothing.

use rustc_macros::Diagnostic;
use rustc_session::Session;
use rustc_session::config::{
    AnnotateMoves, CFGuard, CFProtection, FunctionReturn, LinkSelfContained, LinkerFeaturesCli,
    Lto, PatchableFunctionEntry, Strip,
};
use rustc_target::spec::{FramePointer, SmallDataThresholdSupport, StackProtector, TlsModel};

/// The name of an option, and whether the command line has it.
type Given = (&'static str, bool);

/// Ends the session if it is given an option that would do nothing.
pub(super) fn refuse(sess: &Session) {
    let refused = [
        (
            "it says how source is compiled, and the module is compiled already",
            source_options(sess),
        ),
        (
            "each function and each static has its own setting since it was compiled",
            function_options(sess),
        ),
        (
            "code is instrumented when it is compiled, before the thin link",
            instrumentation_options(sess),
        ),
        ("it says how a program is linked, and a backend does not link", link_options(sess)),
        ("the thin link has decided what is optimized together", lto_options(sess)),
        (
            "a backend makes one object of one module",
            vec![("-Ccodegen-units", sess.opts.cg.codegen_units.is_some())],
        ),
        (
            "a backend leaves nothing behind but its outputs",
            vec![("-Cincremental", sess.opts.incremental.is_some())],
        ),
        (
            "intermediate files are written beside the outputs",
            vec![("-Ztemps-dir", sess.opts.unstable_opts.temps_dir.is_some())],
        ),
    ];
    for (reason, options) in refused {
        if let Some((option, _)) = options.into_iter().find(|&(_, given)| given) {
            sess.dcx().emit_fatal(RefusedOption { option, reason });
        }
    }
}

// JUSTIFICATION: only the command line matters here, not the target's defaults.
#[allow(rustc::bad_opt_access)]
fn source_options(sess: &Session) -> Vec<Given> {
    let (opts, cg, z) = (&sess.opts, &sess.opts.cg, &sess.opts.unstable_opts);
    let small_data_is_in_module = matches!(
        sess.target.small_data_threshold_support(),
        SmallDataThresholdSupport::LlvmModuleFlag(_)
    );
    vec![
        ("--test", opts.test),
        ("--crate-type", !opts.crate_types.is_empty()),
        ("--extern", opts.externs.iter().next().is_some()),
        ("-Cmetadata", !cg.metadata.is_empty()),
        ("-Cpanic", cg.panic.is_some()),
        ("-Cdebug-assertions", cg.debug_assertions.is_some()),
        ("-Cdwarf-version", cg.dwarf_version.is_some()),
        ("-Coverflow-checks", cg.overflow_checks.is_some()),
        ("-Cpasses", !cg.passes.is_empty()),
        ("-Ccontrol-flow-guard", cg.control_flow_guard != CFGuard::Disabled),
        ("-Zannotate-moves", z.annotate_moves != AnnotateMoves::Disabled),
        ("-Zautodiff", !z.autodiff.is_empty()),
        ("-Zbranch-protection", z.branch_protection.is_some()),
        ("-Zcf-protection", z.cf_protection != CFProtection::None),
        ("-Zdefault-visibility", z.default_visibility.is_some()),
        ("-Zdirect-access-external-data", z.direct_access_external_data.is_some()),
        ("-Zdwarf-version", z.dwarf_version.is_some()),
        ("-Zehcont-guard", z.ehcont_guard),
        ("-Zindirect-branch-cs-prefix", z.indirect_branch_cs_prefix),
        ("-Zlint-llvm-ir", z.lint_llvm_ir),
        ("-Zllvm-module-flag", !z.llvm_module_flag.is_empty()),
        ("-Zno-analysis", z.no_analysis),
        ("-Zno-codegen", z.no_codegen),
        ("-Zoffload", !z.offload.is_empty()),
        ("-Zparse-crate-root-only", z.parse_crate_root_only),
        ("-Zreg-struct-return", z.reg_struct_return),
        ("-Zregparm", z.regparm.is_some()),
        ("-Zsmall-data-threshold", z.small_data_threshold.is_some() && small_data_is_in_module),
        ("-Zsplit-lto-unit", z.split_lto_unit.is_some()),
        ("-Zunpretty", z.unpretty.is_some()),
        ("-Zvirtual-function-elimination", z.virtual_function_elimination),
    ]
}

// JUSTIFICATION: as for `source_options`.
#[allow(rustc::bad_opt_access)]
fn function_options(sess: &Session) -> Vec<Given> {
    let (cg, z) = (&sess.opts.cg, &sess.opts.unstable_opts);
    vec![
        ("-Cforce-frame-pointers", cg.force_frame_pointers != FramePointer::MayOmit),
        ("-Cforce-unwind-tables", cg.force_unwind_tables.is_some()),
        ("-Cjump-tables", !cg.jump_tables),
        ("-Cno-redzone", cg.no_redzone.is_some()),
        ("-Zfunction-return", z.function_return != FunctionReturn::Keep),
        ("-Zinline-llvm", !z.inline_llvm),
        ("-Zmin-function-alignment", z.min_function_alignment.is_some()),
        (
            "-Zpatchable-function-entry",
            z.patchable_function_entry != PatchableFunctionEntry::default(),
        ),
        ("-Zplt", z.plt.is_some()),
        // First, for it sets the next as well.
        ("-Zretpoline-external-thunk", z.retpoline_external_thunk),
        ("-Zretpoline", z.retpoline),
        ("-Zstack-protector", z.stack_protector != StackProtector::None),
        // What is emulated, code generation does.
        ("-Ztls-model", z.tls_model.is_some_and(|model| !matches!(model, TlsModel::Emulated))),
        ("-Ztune-cpu", z.tune_cpu.is_some()),
        ("-Zuse-sync-unwind", z.use_sync_unwind.is_some()),
    ]
}

// JUSTIFICATION: as for `source_options`.
#[allow(rustc::bad_opt_access)]
fn instrumentation_options(sess: &Session) -> Vec<Given> {
    let z = &sess.opts.unstable_opts;
    vec![
        ("-Cinstrument-coverage", sess.instrument_coverage()),
        ("-Cprofile-generate", sess.opts.cg.profile_generate.enabled()),
        ("-Zinstrument-mcount", z.instrument_mcount),
        ("-Zinstrument-xray", z.instrument_xray.is_some()),
        ("-Zsanitizer", !z.sanitizer.is_empty()),
    ]
}

// JUSTIFICATION: as for `source_options`.
#[allow(rustc::bad_opt_access)]
fn link_options(sess: &Session) -> Vec<Given> {
    let (cg, z) = (&sess.opts.cg, &sess.opts.unstable_opts);
    vec![
        ("-l", !sess.opts.libs.is_empty()),
        ("-Cdefault-linker-libraries", cg.default_linker_libraries),
        ("-Cdlltool", cg.dlltool.is_some()),
        ("-Clink-dead-code", cg.link_dead_code.is_some()),
        ("-Clink-self-contained", cg.link_self_contained != LinkSelfContained::default()),
        ("-Clinker", cg.linker.is_some()),
        ("-Clinker-features", cg.linker_features != LinkerFeaturesCli::default()),
        ("-Clinker-flavor", cg.linker_flavor.is_some()),
        ("-Clink-arg", !cg.link_args.is_empty()),
        ("-Cprefer-dynamic", cg.prefer_dynamic),
        ("-Crpath", cg.rpath),
        ("-Crelro-level", cg.relro_level.is_some()),
        ("-Cstrip", cg.strip != Strip::None),
        ("-Zpre-link-arg", !z.pre_link_args.is_empty()),
    ]
}

// JUSTIFICATION: as for `source_options`.
#[allow(rustc::bad_opt_access)]
fn lto_options(sess: &Session) -> Vec<Given> {
    let z = &sess.opts.unstable_opts;
    vec![
        ("-Clto", matches!(sess.lto(), Lto::Thin | Lto::Fat)),
        ("-Clinker-plugin-lto", sess.opts.cg.linker_plugin_lto.enabled()),
        ("-Zdylib-lto", z.dylib_lto),
        ("-Zthinlto", z.thinlto.is_some()),
    ]
}

#[derive(Diagnostic)]
#[diag("`{$option}` cannot be used with `-Zthinlto-index`")]
#[note("{$reason}")]
#[help("leave it out")]
struct RefusedOption {
    option: &'static str,
    reason: &'static str,
}
