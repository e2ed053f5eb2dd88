//! `compare`: builds the compiler, and once the release, and compares what the two write.

use std::collections::BTreeMap;
use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::bootstrap;
use crate::files::Overlay;
use crate::place::Place;
use crate::source;
use crate::tree::{Base, Tree};
use crate::verbs::{build, tool};

/// The verb, the package of its tool, and the tool's folder in the build directory.
const VERB: &str = "compare";
/// The file whose patch the release gets too, because a newer stage 0 cannot build it otherwise.
const FOR_STAGE0: &str = "compiler/rustc_data_structures/src/marker.rs";

/// Runs the tool with `args`. Unless they name another compiler, it compares with the release.
pub fn run(place: &Place, args: &[String]) -> Result<ExitCode> {
    if tool::wants_help(args) {
        return tool::start(place, VERB, args);
    }
    if build::run(place, "build", Vec::new())? != ExitCode::SUCCESS {
        return Ok(ExitCode::FAILURE);
    }
    let mut args = args.to_vec();
    if !args.iter().any(|arg| arg.starts_with("--release")) {
        let Some(rustc) = release(place)? else {
            return Ok(ExitCode::FAILURE);
        };
        args.splice(0..0, ["--release".to_owned(), rustc]);
    }
    tool::start(place, VERB, &args)
}

/// The release's compiler, in `release` in the build directory. It is built from the pristine source with
/// the settings of our own compiler, and again only if one of these changed. None if the build fails.
fn release(place: &Place) -> Result<Option<String>> {
    let tree = source::ensure(place)?;
    let patch = Overlay {
        patched: [FOR_STAGE0.to_owned()].into(),
        new: BTreeMap::new(),
    };
    let commit = tree.commit_of(&place.root, &patch, &Base::pristine())?;
    let folder = place.build.join("release");
    fs::create_dir_all(&folder)?;
    let release = Tree {
        dir: folder.join("src"),
    };
    // Holds the commit and the settings of a finished build.
    let stamp = folder.join("built");
    let built = fs::read_to_string(&stamp).unwrap_or_default();
    if built.lines().next() != Some(&commit) {
        place.step(7, "compare: checking out the release");
        check_out(&tree, &release, &commit)?;
    }
    let mut command = bootstrap::command(place, &release, "build", &["library"], Vec::new())?;
    let settings = fs::read_to_string(folder.join("bootstrap.toml"))?;
    let wanted = format!("{commit}\n{settings}");
    if built != wanted {
        let _ = fs::remove_file(&stamp);
        place.step(7, "compare: building the release");
        if !command.status()?.success() {
            println!("compare failed after {}", place.elapsed());
            return Ok(None);
        }
        fs::write(&stamp, wanted)?;
    }
    let rustc = folder.join("host/stage1/bin/rustc").into_os_string();
    let rustc = rustc.into_string().ok();
    rustc.context("the build directory is not UTF-8").map(Some)
}

/// Makes `release` a work tree of the laid tree's repository with the files of `commit`. This also completes
/// a checkout that was interrupted.
fn check_out(tree: &Tree, release: &Tree, commit: &str) -> Result<()> {
    if !release.dir.join(".git").exists() {
        // git still knows a work tree that `clean` removed.
        let add = ["worktree", "add", "--force", "--no-checkout", "--detach"];
        let add = tree.git().args(add).args([&release.dir]);
        add.args([commit]).done()?;
    }
    release
        .git()
        .args(["reset", "--quiet", "--hard", commit])
        .done()
}
