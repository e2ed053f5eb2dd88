//! Counts instructions with callgrind.

use std::process::Command;

use anyhow::{Context, bail};
use helped::Helped;

/// The instructions that `command` executes, including its start. Counts vary by about a million between
/// runs of a program with threads.
pub fn count(command: &Command) -> anyhow::Result<f64> {
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        valgrind.env(name, value.unwrap_or_default());
    }
    let output = valgrind
        .output()
        .with_context(|| Helped::new("cannot start valgrind", "apt-get install valgrind"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{valgrind:?} failed:\n{told}");
    }
    let count = told
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    let (_, count) = count.with_context(|| format!("callgrind gave no count:\n{told}"))?;
    Ok(count.trim().parse()?)
}
