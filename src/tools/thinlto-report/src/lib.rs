//! Answers questions on the ThinLTO of a program, for `cargo thinlto`.
//!
//! [`explain`] tells why a function is or is not imported into modules and inlined there. [`report`] tells
//! what the build consists of, and what an [`edit`] of a file makes run again, as a table or a [`page`].
//!
//! Both read the program's link inputs (`--emit=link-inputs`) and run a thin link of their own on them,
//! so that it does not matter how the program was linked, and that no answer is of older files.
//! [`linked`] is the result of that thin link: summaries, indexes, and LLVM's [`failures`] to import.
//! [`limit`] explains the sizes that LLVM allows, [`names`] demangles. A [`backend`] is run to know its time
//! or its [`inlining`].

pub mod backend;
pub mod edit;
pub mod explain;
pub mod failures;
pub mod inlining;
pub mod limit;
pub mod linked;
pub mod names;
pub mod page;
pub mod report;

use std::path::PathBuf;

/// The program that is asked about.
pub struct Build {
    /// The file that `--emit=link-inputs` wrote. Its relative paths are relative to the working directory.
    /// Modules may be objects or members of rlibs and static libraries, with or without summaries.
    pub link_inputs: PathBuf,
    /// The compiler, which runs backends.
    pub rustc: PathBuf,
    /// The folder in which C compilers find lld as `ld.lld`, if the arguments of the link do not tell.
    pub lld_folder: Option<PathBuf>,
}
