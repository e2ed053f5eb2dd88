//! `rust-thinlto`, the program for build systems, beside rustc. It is not part of this tree: `x.py` of
//! the overlay builds it and names it in the environment.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::FileType;
use crate::core::builder::Builder;
use crate::utils::helpers::t;

/// The variable with its path.
const VARIABLE: &str = "RUST_THINLTO";

/// Copies the program to the folder `bin`, if there is one for the host `triple`.
pub(super) fn add(builder: &Builder<'_>, triple: &str, bin: &Path) {
    let tool = env::var_os(VARIABLE).map(PathBuf::from);
    if let Some(tool) = tool
        && builder.config.host_target.triple == triple
        && !builder.config.dry_run()
    {
        t!(fs::create_dir_all(bin));
        builder.copy_link(&tool, &bin.join(tool.file_name().unwrap()), FileType::Executable);
    }
}
