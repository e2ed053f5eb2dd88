//! `explain` and `report`: questions on the program that a run of cargo links.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Context;
use thinlto_report::{Build, explain, report};

use crate::cargo::{self, Verb};
use crate::compiler::Compiler;
use crate::lld;

/// Arguments of a question.
#[derive(clap::Args)]
pub struct Question<A: clap::Args> {
    #[command(flatten)]
    question: A,
    /// Arguments of `cargo rustc` that select the program, such as `--bin NAME`
    #[arg(last = true, value_name = "ARGUMENT")]
    cargo: Vec<OsString>,
}

/// Runs `explain`.
pub fn explain(arguments: &Question<explain::Args>) -> anyhow::Result<ExitCode> {
    ask(&arguments.cargo, |build| {
        explain::run(build, &arguments.question)
    })
}

/// Runs `report`.
pub fn report(arguments: &Question<report::Args>) -> anyhow::Result<ExitCode> {
    ask(&arguments.cargo, |build| {
        report::run(build, &arguments.question)
    })
}

/// Builds the program with `arguments`, and asks about it.
fn ask(
    arguments: &[OsString],
    question: impl FnOnce(&Build) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    let folder = tempfile::tempdir()?;
    let link_inputs = folder.path().join("link-inputs.json");
    let mut emit = OsString::from("--emit=link-inputs=");
    emit.push(&link_inputs);
    let mut arguments = arguments.to_vec();
    arguments.extend(["--".into(), "-Zunstable-options".into(), emit]);
    let code = cargo::run(Verb::Rustc, &arguments)?;
    if code != ExitCode::SUCCESS {
        return Ok(code);
    }
    let lld = lld::find()?;
    let lld = lld
        .canonicalize()
        .with_context(|| format!("cannot find {}", lld.display()))?;
    question(&Build {
        link_inputs,
        rustc: Compiler::find()?.rustc,
        lld_folder: lld.parent().map(Into::into),
    })?;
    Ok(ExitCode::SUCCESS)
}
