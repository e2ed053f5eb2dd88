//! What Bazel would download: Debian's packages and stand-ins instead, by command-line options that
//! leave `MODULE.bazel` and `WORKSPACE` as users have them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use reapi_service::Root;

use crate::files::{copy_folder, remove_folder};

/// Modules that are named by others, and that nothing here needs.
const STAND_INS: [&str; 5] = [
    "apple_support",
    "aspect_rules_js",
    "buildozer",
    "protobuf",
    "zlib",
];

/// Repositories of a WORKSPACE, by name, with their folder in Debian's packages.
const REPOSITORIES: [(&str, &str); 9] = [
    ("bazel_features", "tools/features"),
    ("bazel_skylib", "tools/skylib"),
    ("platforms", "tools/platforms"),
    ("rules_cc", "rules/cc"),
    ("rules_java", "rules/java"),
    ("rules_license", "rules/license"),
    ("rules_proto", "rules/proto"),
    ("rules_python", "rules/python"),
    ("rules_rust", "rules/rust"),
];

/// Where Debian's packages put them.
const DEBIAN: &str = "/usr/share/bazel";

/// The files `.bazelrc` for workspaces of both kinds.
pub struct Offline {
    /// For `MODULE.bazel`. Debian's own configuration names its other modules.
    pub modules: PathBuf,
    /// For `WORKSPACE`.
    pub workspace: PathBuf,
}

impl Offline {
    /// Writes the files into `dir`, which is made anew; `thinlto` is our module.
    pub fn new(root: &Root, dir: &Path, thinlto: &Path) -> anyhow::Result<Offline> {
        remove_folder(dir)?;
        let registry = dir.join("registry");
        fs::create_dir_all(&registry)?;
        fs::write(registry.join("bazel_registry.json"), "{}")?;
        let tinyjson = tinyjson(root, &dir.join("tinyjson"))?;

        let mut modules = format!(
            "common --enable_bzlmod --noenable_workspace --lockfile_mode=off --check_direct_dependencies=off\n\
             common --registry=file://{}\n\
             common --override_module=rules_rust={DEBIAN}/rules/rust\n\
             common --override_module=thinlto={}\n\
             common --override_repository=rules_rust~~i~rules_rust_tinyjson={}\n",
            registry.display(),
            thinlto.display(),
            tinyjson.display()
        );
        for name in STAND_INS {
            let folder = dir.join("modules").join(name);
            fs::create_dir_all(&folder)?;
            fs::write(
                folder.join("MODULE.bazel"),
                format!("module(name = \"{name}\")\n"),
            )?;
            fs::write(folder.join("BUILD.bazel"), "")?;
            modules += &format!("common --override_module={name}={}\n", folder.display());
        }
        let mut workspace = format!(
            "common --noenable_bzlmod --enable_workspace\n\
             common --override_repository=thinlto={}\n\
             common --override_repository=rules_rust_tinyjson={}\n",
            thinlto.display(),
            tinyjson.display()
        );
        for (name, folder) in REPOSITORIES {
            workspace += &format!("common --override_repository={name}={DEBIAN}/{folder}\n");
        }
        // Debian's configuration has it on, which keeps all sandboxes.
        let quiet =
            "build --nosandbox_debug --color=no --curses=no --show_progress_rate_limit=60\n";
        let write = |name: &str, text: &str| -> anyhow::Result<PathBuf> {
            let path = dir.join(name);
            fs::write(&path, format!("{text}{quiet}"))?;
            Ok(path)
        };
        Ok(Offline {
            modules: write("modules.bazelrc", &modules)?,
            workspace: write("workspace.bazelrc", &workspace)?,
        })
    }
}

/// The only crate that rules_rust downloads here: Debian's copy with rules_rust's own `BUILD` file.
fn tinyjson(root: &Root, dir: &Path) -> anyhow::Result<PathBuf> {
    let registry = root.dir().join("usr/share/cargo/registry");
    let found = fs::read_dir(&registry)?
        .filter_map(Result::ok)
        .find(|entry| entry.file_name().to_string_lossy().starts_with("tinyjson-"));
    let found = found.with_context(|| format!("{} has no tinyjson", registry.display()))?;
    copy_folder(&found.path().join("src"), &dir.join("src"))?;
    let build = "usr/share/bazel/rules/rust/util/process_wrapper/BUILD.tinyjson.bazel";
    fs::copy(root.dir().join(build), dir.join("BUILD.bazel"))?;
    fs::write(dir.join("WORKSPACE"), "")?;
    Ok(dir.to_owned())
}
