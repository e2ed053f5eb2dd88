//! The files of the repository that make up the overlay.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use helped::Helped;
use serde::Deserialize;

use crate::suites::RUN_MAKE;
use crate::tree::{Git, Tree};

/// The folders that hold overlay files.
const FOLDERS: [&str; 4] = ["compiler", "library", "src", "tests"];

/// The overlay. Its paths are relative to the root of the repository and of the source.
pub struct Overlay {
    /// The upstream files that are patched: the paths of the patches without `.patch`.
    pub patched: BTreeSet<String>,
    /// The new files, and whether they are executable.
    pub new: BTreeMap<String, bool>,
}

#[derive(Deserialize)]
struct Manifest {
    workspace: Workspace,
}

#[derive(Deserialize)]
struct Workspace {
    members: Vec<String>,
}

impl Overlay {
    /// Lists the overlay in `root`: all files in [`FOLDERS`] that git tracks or does not ignore, except
    /// the members of our workspace. It is an error if a patched file is not in the source, or if a new
    /// file is.
    pub fn read(root: &Path, tree: &Tree) -> Result<Overlay> {
        let manifest =
            fs::read_to_string(root.join("Cargo.toml")).context("cannot read Cargo.toml")?;
        let members = toml::from_str::<Manifest>(&manifest)?.workspace.members;
        let listed = Git::at(root)
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
                "--",
            ])
            .args(FOLDERS)
            .text()?;
        let paths: BTreeSet<&str> = listed
            .split_terminator('\0')
            .filter(|path| {
                !members
                    .iter()
                    .any(|member| Path::new(path).starts_with(member))
            })
            .filter(|path| root.join(path).symlink_metadata().is_ok())
            .collect();

        let mut asked: BTreeSet<&str> = paths.clone();
        asked.extend(paths.iter().filter_map(|path| path.strip_suffix(".patch")));
        let upstream = tree.pristine_files(asked)?;

        let mut overlay = Overlay {
            patched: BTreeSet::new(),
            new: BTreeMap::new(),
        };
        for path in paths {
            let target = path.strip_suffix(".patch");
            let mode = root.join(path).symlink_metadata()?;
            if !mode.is_file() {
                return Err(not_regular(path).into());
            } else if let Some(target) = target.filter(|target| upstream.contains(*target)) {
                overlay.patched.insert(target.to_owned());
            } else if upstream.contains(path) {
                let message = format!("{path} exists in the source");
                let help = format!("make it a patch, {path}.patch");
                return Err(Helped::new(message, help).into());
            } else if target.is_some() && fs::read(root.join(path))?.starts_with(b"diff --git ") {
                let message = format!("{path} patches a file that the source does not have");
                return Err(Helped::new(message, "correct its name").into());
            } else {
                overlay
                    .new
                    .insert(path.to_owned(), mode.permissions().mode() & 0o111 != 0);
            }
        }
        Ok(overlay)
    }

    /// The paths of our tests in `suite`, as bootstrap expects them: folders in the run-make suites,
    /// `.rs` files in the others.
    pub fn tests(&self, suite: &str) -> Vec<String> {
        let mut found = BTreeSet::new();
        for path in self.new.keys() {
            let Some(rest) = path.strip_prefix(&format!("{suite}/")) else {
                continue;
            };
            if RUN_MAKE.contains(&suite) {
                if let Some((name, _)) = rest.split_once('/') {
                    found.insert(format!("{suite}/{name}"));
                }
            } else if rest.ends_with(".rs") && !rest.contains("auxiliary/") {
                found.insert(path.clone());
            }
        }
        found.into_iter().collect()
    }
}

/// The error for a path of the overlay that is a link or a folder.
pub fn not_regular(path: &str) -> Helped {
    Helped::new(
        format!("{path} is not a regular file"),
        "the overlay holds regular files only",
    )
}

#[cfg(test)]
mod tests {
    use super::Overlay;

    #[test]
    fn own_tests_have_the_paths_that_bootstrap_expects() {
        let paths = [
            "tests/run-make/thin-link-a/rmake.rs",
            "tests/run-make/thin-link-a/lib.rs",
            "tests/run-make-cargo/thin-link-b/rmake.rs",
            "tests/ui/thin-link/bad.rs",
            "tests/ui/thin-link/bad.stderr",
            "tests/ui/thin-link/auxiliary/dep.rs",
            "src/doc/page.md",
        ];
        let new = paths.iter().map(|path| (path.to_string(), false)).collect();
        let overlay = Overlay {
            patched: Default::default(),
            new,
        };
        assert_eq!(
            overlay.tests("tests/run-make"),
            ["tests/run-make/thin-link-a"]
        );
        assert_eq!(
            overlay.tests("tests/run-make-cargo"),
            ["tests/run-make-cargo/thin-link-b"]
        );
        assert_eq!(overlay.tests("tests/ui"), ["tests/ui/thin-link/bad.rs"]);
    }
}
