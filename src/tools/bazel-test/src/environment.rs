//! What all scenarios share.

use std::env;
use std::path::{Path, PathBuf};

use reapi_service::{Room, Root};
use tool_support::args::ToolArgs;

use crate::files::copy_folder;
use crate::offline::Offline;
use crate::{files, toolchain};

/// The root, the toolchain and the module.
pub struct Environment {
    /// The root that Bazel and the workers run in.
    pub root: Root,
    /// The folder for all files, which has the same path in the root.
    pub work_dir: PathBuf,
    /// The compiler that the rules get, as the folder of a sysroot.
    pub toolchain: PathBuf,
    /// The compiler that is tested, where it was built.
    pub rustc: PathBuf,
    /// A cargo for the host.
    pub cargo: PathBuf,
    /// A copy of `src/bazel`.
    pub module: PathBuf,
    /// Options for Bazel.
    pub offline: Offline,
    /// In which Bazel and its server run.
    pub room: Room,
}

impl Environment {
    /// Makes it, and the root in `root` if it does not exist.
    pub fn new(args: &ToolArgs, root: &Path) -> anyhow::Result<Environment> {
        let root = Root::ensure(root)?;
        let work_dir = args.work_dir()?;
        let toolchain = toolchain::make(&args.rustc, &root, &work_dir.join("toolchain"))?;
        let module = work_dir.join("module");
        files::remove_folder(&module)?;
        copy_folder(&source(), &module)?;
        let offline = Offline::new(&root, &work_dir.join("offline"), &module)?;
        let room = Room::open(&root, &work_dir, &work_dir.join("room.log"))?;
        Ok(Environment {
            root,
            work_dir,
            toolchain,
            rustc: args.rustc.clone(),
            cargo: args.cargo.clone(),
            module,
            offline,
            room,
        })
    }

    /// The folder for the files of a scenario.
    pub fn folder(&self, scenario: &str) -> PathBuf {
        self.work_dir.join("scenarios").join(scenario)
    }
}

/// `src/bazel`. It is looked up at run time, because clones of the repository can share a build
/// directory.
fn source() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    package
        .unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into())
        .join("../../bazel")
}
