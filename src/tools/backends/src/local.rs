//! Runs an action on this machine, in a folder that has the names of its input root.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use bazel_remote_apis::build::bazel::remote::execution::v2::{ActionResult, OutputFile};
use tool_support::command::Usage;

use crate::action::{Action, OUTPUT};
use crate::blob::{self, Content};
use crate::children::Children;

/// Variables that the compiler inherits; others could change its output.
const ENVIRONMENT: [&str; 4] = ["LD_LIBRARY_PATH", "PATH", "RUST_MIN_STACK", "TMPDIR"];

/// Runs the compiler as one of `children` in a folder that is made in `dir`, and returns the object in a
/// result.
pub fn run(
    action: &Action,
    dir: &Path,
    children: &Children,
) -> anyhow::Result<(ActionResult, Usage)> {
    let root = tempfile::tempdir_in(dir).context("cannot make a folder for a backend")?;
    for (name, blob) in &action.inputs {
        let path = root.path().join(name);
        let folder = path.parent().expect("it is below the root");
        let place = || -> anyhow::Result<()> {
            fs::create_dir_all(folder)?;
            match &blob.content {
                Content::File { path: file, .. } => symlink(std::path::absolute(file)?, &path)?,
                _ => fs::write(&path, blob.read()?)?,
            }
            Ok(())
        };
        place().with_context(|| format!("cannot write {}", path.display()))?;
    }
    let mut compiler = Command::new(&action.compiler.program);
    compiler
        .args(&action.arguments)
        .current_dir(&root)
        .env_clear()
        .envs(
            ENVIRONMENT
                .iter()
                .filter_map(|&name| Some((name, env::var_os(name)?))),
        );
    let ended = children.run(&mut compiler)?;
    if !ended.status.success() {
        bail!(
            "the backend of {} failed ({}): {} {}\n{}",
            action.module,
            ended.status,
            action.compiler.program.display(),
            action.arguments.join(" "),
            String::from_utf8_lossy(&ended.stderr).trim_end()
        );
    }
    // A result under a key is of the content in the key.
    for (_, blob) in &action.inputs {
        blob.content.unchanged()?;
    }
    let object = root.path().join(OUTPUT);
    let contents = fs::read(&object)
        .with_context(|| format!("the backend of {} wrote no object", action.module))?;
    let result = ActionResult {
        output_files: vec![OutputFile {
            path: OUTPUT.to_owned(),
            digest: Some(blob::digest(&contents)),
            contents,
            ..OutputFile::default()
        }],
        stderr_raw: ended.stderr,
        ..ActionResult::default()
    };
    Ok((result, ended.usage))
}
