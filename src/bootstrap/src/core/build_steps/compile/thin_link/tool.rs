//! The programs for users of the compiler, beside rustc. They are not part of this tree: `x.py` of the
//! overlay builds them and names them in the environment.

use std::path::Path;
use std::{env, fs};

use crate::FileType;
use crate::core::builder::Builder;
use crate::utils::helpers::t;

/// The variable with their paths, separated as in `PATH`.
const VARIABLE: &str = "THINLTO_PROGRAMS";

/// Copies the programs to the folder `bin`, if there are any for the host `triple`.
pub(super) fn add(builder: &Builder<'_>, triple: &str, bin: &Path) {
    let programs = env::var_os(VARIABLE).unwrap_or_default();
    if builder.config.host_target.triple == triple && !builder.config.dry_run() {
        for program in env::split_paths(&programs).filter(|path| !path.as_os_str().is_empty()) {
            t!(fs::create_dir_all(bin));
            let name = program.file_name().unwrap();
            builder.copy_link(&program, &bin.join(name), FileType::Executable);
        }
    }
}
