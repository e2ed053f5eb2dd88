//! The example workspace that the documentation shows, built on this machine.

use anyhow::ensure;
use serde_json::Value;

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
    output_groups(&workspace)
}

/// The files of the output groups, and what the report counts in them.
fn output_groups(workspace: &Workspace) -> anyhow::Result<()> {
    // Without optimization, nothing is imported.
    let groups = "--output_groups=summaries,indexes,imports,report";
    let log = workspace.build(&["-c", "opt", groups, "//program:census"])?;
    ensure!(
        log.ran("CcLtoBackendCompile").is_empty() && log.ran("RustThinLtoReport").len() == 1,
        "the files of the groups need no backends: {:?}",
        log.runners()
    );
    let report = workspace.read("bazel-bin/program/census.report.json")?;
    let report: Value = serde_json::from_slice(&report)?;
    let count = |name: &str| report[name].as_u64().unwrap_or_default();
    let (modules, bitcode) = (count("modules"), count("bitcode_bytes"));
    ensure!(
        modules > 100
            && (1..=modules).contains(&count("selected_modules"))
            && count("imported_functions") >= count("module_imports")
            && count("module_imports") > 10
            && (1..bitcode).contains(&count("summary_bytes"))
            && (1..bitcode).contains(&count("index_bytes")),
        "{report}"
    );
    Ok(())
}
