//! The example workspace that the documentation shows, built on this machine.

use anyhow::ensure;

use crate::environment::Environment;
use crate::workspace::Workspace;

/// The scenarios of this file.
pub const SCENARIOS: &[super::Named] = &[("example", example)];

/// The example by Bazel's LTO actions does what rules_rust's own build of it does.
fn example(environment: &Environment, name: &str) -> anyhow::Result<()> {
    let workspace = Workspace::new(environment, name, "example")?;
    let log = workspace.build(&["//..."])?;
    ensure!(
        log.ran("CcLtoBackendCompile").len() > 100,
        "std did not take part: {log:?}"
    );
    let text = "program/poem.txt";
    let [ours, rustcs] = ["census", "census_by_rustc"]
        .map(|program| workspace.run(&format!("bazel-bin/program/{program}"), &[text]));
    let (ours, rustcs) = (ours?, rustcs?);
    ensure!(
        ours.status.success() && ours.stdout == rustcs.stdout,
        "{ours:?} is not {rustcs:?}"
    );
    ensure!(!ours.stdout.is_empty(), "the program prints nothing");

    let again = workspace.build(&["//..."])?;
    ensure!(
        again.0.is_empty(),
        "without a change, Bazel ran {:?}",
        again.runners()
    );
    Ok(())
}
