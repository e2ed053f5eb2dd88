//! The session's pass pipeline: the one that `-Clto=thin` runs, with the index.

use std::ffi::{CString, c_void};
use std::path::PathBuf;
use std::ptr;

use rustc_fs_util::path_to_c_string;
use rustc_session::Session;
use rustc_session::config::OptLevel;
use rustc_target::spec::MergeFunctions;

use crate::back::profiling::{
    LlvmSelfProfiler, selfprofile_after_pass_callback, selfprofile_before_pass_callback,
};
use crate::back::write::to_pass_builder_opt_level;
use crate::common::AsCCharPtr;
use crate::llvm::{self, LLVMRustResult, OptStage};

/// What the session says about the pipeline.
pub(super) struct Pipeline<'a> {
    opt_level: OptLevel,
    no_prepopulate_passes: bool,
    verify_llvm_ir: bool,
    merge_functions: bool,
    unroll_loops: bool,
    vectorize_slp: bool,
    vectorize_loop: bool,
    no_builtins: bool,
    emit_lifetime_markers: bool,
    debug_info_for_profiling: bool,
    profile_use: Option<CString>,
    profile_sample_use: Option<CString>,
    plugins: String,
    profiler: Option<LlvmSelfProfiler<'a>>,
}

impl Pipeline<'_> {
    pub(super) fn new(sess: &Session) -> Self {
        let (cg, z) = (&sess.opts.cg, &sess.opts.unstable_opts);
        let opt_level = sess.opts.optimize;
        let fast = matches!(opt_level, OptLevel::More | OptLevel::Aggressive);
        let small = matches!(opt_level, OptLevel::Size | OptLevel::SizeMin);
        let merge_functions = z.merge_functions.unwrap_or(sess.target.merge_functions);
        let path = |path: &Option<PathBuf>| path.as_deref().map(path_to_c_string);
        Pipeline {
            opt_level,
            no_prepopulate_passes: cg.no_prepopulate_passes,
            verify_llvm_ir: sess.verify_llvm_ir(),
            merge_functions: merge_functions != MergeFunctions::Disabled && (fast || small),
            unroll_loops: !small,
            vectorize_slp: !cg.no_vectorize_slp && opt_level == OptLevel::Aggressive,
            vectorize_loop: !cg.no_vectorize_loops && fast,
            no_builtins: sess.target.no_builtins,
            emit_lifetime_markers: sess.emit_lifetime_markers(),
            debug_info_for_profiling: z.debug_info_for_profiling,
            profile_use: path(&cg.profile_use),
            profile_sample_use: path(&z.profile_sample_use),
            plugins: z.llvm_plugins.join(","),
            profiler: sess
                .prof
                .llvm_recording_enabled()
                .then(|| LlvmSelfProfiler::new(sess.prof.get_self_profiler().unwrap())),
        }
    }
}

/// Runs the [`Pipeline`] on `module`; without an index, the one of a module on its own.
///
/// LLVM may crash in here, and C++ then jumps over this frame: nothing in it may need dropping.
///
/// # Safety
/// `pipeline` points to a [`Pipeline`] that nothing else uses during the call.
pub(super) unsafe extern "C" fn optimize(
    pipeline: *mut c_void,
    module: &llvm::Module,
    target_machine: &llvm::TargetMachine,
    index: Option<&llvm::ModuleSummaryIndex>,
) -> LLVMRustResult {
    // SAFETY: the caller upholds this.
    let pipeline = unsafe { &mut *pipeline.cast::<Pipeline<'_>>() };
    // SAFETY: all arguments are borrowed for the call, and the callbacks fit the profiler.
    unsafe {
        llvm::LLVMRustOptimize(
            module,
            target_machine,
            to_pass_builder_opt_level(pipeline.opt_level),
            if index.is_some() { OptStage::ThinLTO } else { OptStage::PreLinkNoLTO },
            index,
            /* IsLinkerPluginLTO */ false,
            pipeline.no_prepopulate_passes,
            pipeline.verify_llvm_ir,
            /* LintIR */ false,
            /* ThinLTOBuffer */ None,
            /* ThinLTOSummaryBuffer */ None,
            pipeline.merge_functions,
            pipeline.unroll_loops,
            pipeline.vectorize_slp,
            pipeline.vectorize_loop,
            pipeline.no_builtins,
            pipeline.emit_lifetime_markers,
            /* RunEnzyme */ ptr::null(),
            /* PrintBeforeEnzyme */ false,
            /* PrintAfterEnzyme */ false,
            /* PrintPasses */ false,
            /* SanitizerOptions */ None,
            /* PGOGenPath */ ptr::null(),
            pipeline.profile_use.as_ref().map_or(ptr::null(), |path| path.as_ptr()),
            /* InstrumentCoverage */ false,
            /* InstrProfileOutput */ ptr::null(),
            pipeline.profile_sample_use.as_ref().map_or(ptr::null(), |path| path.as_ptr()),
            pipeline.debug_info_for_profiling,
            pipeline
                .profiler
                .as_mut()
                .map_or(ptr::null_mut(), |profiler| ptr::from_mut(profiler).cast()),
            selfprofile_before_pass_callback,
            selfprofile_after_pass_callback,
            /* ExtraPasses */ ptr::null(),
            /* ExtraPassesLen */ 0,
            pipeline.plugins.as_c_char_ptr(),
            pipeline.plugins.len(),
        )
    }
}
