//! Runs a command where it sees the system, and of the project only its declared inputs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use tool_support::command::run_to_any_end;

/// The folder of the project, the same for every action.
const ROOT: &str = "/build";

/// Runs `words` with `folder` as the root of the project, which has only the inputs. Nothing else can
/// be written but temporary files, and there is no network.
pub fn run(folder: &Path, words: &[String], env: &BTreeMap<String, String>) -> anyhow::Result<()> {
    let mut sandbox = Command::new("bwrap");
    sandbox.args(["--unshare-all", "--die-with-parent", "--clearenv"]);
    sandbox.args(["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]);
    for system in [
        "/usr",
        "/bin",
        "/lib",
        "/lib64",
        "/etc/alternatives",
        "/etc/ld.so.cache",
    ] {
        sandbox.args(["--ro-bind-try", system, system]);
    }
    sandbox
        .arg("--bind")
        .arg(folder)
        .args([ROOT, "--chdir", ROOT]);
    sandbox.args(["--setenv", "PATH", "/usr/bin:/bin"]);
    for (name, value) in env {
        sandbox.args(["--setenv", name, value]);
    }
    let ended = run_to_any_end(sandbox.arg("--").args(words))
        .context("the Debian package `bubblewrap` has the sandbox")?;
    if !ended.status.success() {
        let text = String::from_utf8_lossy(&ended.stderr);
        bail!("{}: {}\n{}", ended.status, words.join(" "), text.trim_end());
    }
    Ok(())
}

/// The sizes and times of the files in a folder, by which a changed input is found.
pub fn state(
    folder: &Path,
) -> anyhow::Result<Vec<(std::path::PathBuf, u64, std::time::SystemTime)>> {
    let mut state = Vec::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry = entry?;
        if entry.file_type().is_file() {
            let metadata = fs::metadata(entry.path())?;
            state.push((
                entry.path().to_owned(),
                metadata.len(),
                metadata.modified()?,
            ));
        }
    }
    Ok(state)
}
