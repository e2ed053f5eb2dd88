//! A driver of distributed ThinLTO. It acts as a build system would, with one process for each action.
//!
//! What a build system needs besides rustc is the program `rust-thinlto`: [`link_inputs`] reads rustc's
//! description of a link as a [`program`], [`thin_link`] writes indexes and the [`plan`] of the backends,
//! [`link`] ends the build, and [`report`] counts. If the build system has actions for LTO of its own, as
//! Bazel has, [`mod@run_rustc`], [`run_linker`] and [`mod@place_module`] connect them
//! to rustc.
//!
//! For programs that cargo builds, [`fetch`], [`compile`] and [`backend`] add the other steps;
//! [`wrapper`] is between cargo and rustc. [`pairs`] knows the files of modules;
//! [`bitcode`] finds those without a summary.

pub mod backend;
pub mod bitcode;
pub mod compile;
pub mod fetch;
pub mod folder;
pub mod link;
pub mod link_inputs;
pub mod linker;
pub mod pairs;
pub mod place_module;
pub mod plan;
pub mod program;
pub mod report;
pub mod response_file;
pub mod run_linker;
pub mod run_rustc;
pub mod thin_link;
pub mod toolchain;
pub mod wrapper;
