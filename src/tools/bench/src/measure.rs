//! Builds one program in several modes, clean and after edits.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use distributed::fetch;
use distributed::folder;
use distributed::toolchain::Toolchain;
use serde::Serialize;

use crate::build::{Build, KINDS, Kind};
use crate::edit::Target;
use crate::mode::Mode;
use crate::programs::Program;
use crate::{benchmark, goals, manifest};

/// The measurements of one program.
#[derive(Serialize)]
pub struct Measured {
    /// The name and version of its package.
    pub program: String,
    /// In the order of the results.
    pub modes: Vec<InMode>,
}

/// The measurements of one program in one mode.
#[derive(Serialize)]
pub struct InMode {
    /// The mode.
    pub mode: Mode,
    /// Clean builds.
    pub clean: Vec<Build>,
    /// Builds after an edit of the program's own crate.
    pub after_edit_of_last_crate: Vec<Build>,
    /// Builds after an edit of a crate that depends on no other.
    pub after_edit_of_leaf_crate: Vec<Build>,
    /// Runs of the program that the last clean build made.
    pub benchmark_seconds: Vec<f64>,
    /// The instructions of such a run, in the modes that goals compare.
    pub benchmark_instructions: Option<f64>,
}

/// How many times each build is repeated, in the modes that goals compare. The others have one.
pub struct Repetitions {
    /// Clean builds.
    pub cleans: usize,
    /// Builds after each edit.
    pub edits: usize,
}

impl Measured {
    /// The measurements in `mode`.
    pub fn of(&self, mode: Mode) -> Option<&InMode> {
        self.modes.iter().find(|in_mode| in_mode.mode == mode)
    }
}

impl InMode {
    fn new(mode: Mode) -> InMode {
        InMode {
            mode,
            clean: Vec::new(),
            after_edit_of_last_crate: Vec::new(),
            after_edit_of_leaf_crate: Vec::new(),
            benchmark_seconds: Vec::new(),
            benchmark_instructions: None,
        }
    }

    /// The builds of `kind`.
    pub fn builds(&self, kind: Kind) -> &[Build] {
        match kind {
            Kind::Clean => &self.clean,
            Kind::LastCrate => &self.after_edit_of_last_crate,
            Kind::LeafCrate => &self.after_edit_of_leaf_crate,
        }
    }

    fn builds_mut(&mut self, kind: Kind) -> &mut Vec<Build> {
        match kind {
            Kind::Clean => &mut self.clean,
            Kind::LastCrate => &mut self.after_edit_of_last_crate,
            Kind::LeafCrate => &mut self.after_edit_of_leaf_crate,
        }
    }
}

/// Measures `program` in a folder in `work_dir`.
///
/// In each round all modes build the same source one after another, so that changes in the load of
/// the machine affect them alike.
pub fn run(
    tools: &Toolchain,
    program: &Program,
    modes: &[Mode],
    work_dir: &Path,
    repetitions: &Repetitions,
) -> anyhow::Result<Measured> {
    let name = program.package.name;
    let dir = &folder::fresh(work_dir, name)?;
    say(format_args!("{name}: fetch"));
    let mut source = fetch::source(tools, &program.package, dir)?;
    manifest::remove_profiles(&source.root)?;
    let leaf_root = source.copy_dependency(tools, program.leaf_crate, dir)?;

    let mut measured = Measured {
        program: program.package.to_string(),
        modes: modes.iter().copied().map(InMode::new).collect(),
    };
    for kind in KINDS {
        let (target, rounds) = match kind {
            Kind::Clean => (None, repetitions.cleans),
            Kind::LastCrate => {
                let target = Target::find(&source.root, &program.last)?;
                (Some(target), repetitions.edits)
            }
            Kind::LeafCrate => {
                let target = Target::find(&leaf_root, &program.leaf)?;
                (Some(target), repetitions.edits)
            }
        };
        for round in 0..rounds {
            if let Some(target) = &target {
                target.edit(round)?;
            }
            for in_mode in &mut measured.modes {
                let mode = in_mode.mode;
                let is_repeated = goals::compare_builds(mode, kind);
                if !mode.has(kind) || round > 0 && !is_repeated {
                    continue;
                }
                let folder = match kind {
                    Kind::Clean => folder::fresh(dir, &mode.folder())?,
                    _ => dir.join(mode.folder()),
                };
                let build = mode.build(tools, &source, &folder)?;
                let (what, seconds) = (kind.name(), build.seconds);
                say(format_args!(
                    "{name}: {what}, {}: {seconds:.2} s",
                    mode.name()
                ));
                if kind == Kind::Clean {
                    // Builds after edits overwrite the program.
                    fs::copy(&build.program, program_of(dir, mode))?;
                }
                in_mode.builds_mut(kind).push(build);
            }
        }
    }
    say(format_args!("{name}: its own benchmark"));
    let arguments = program.workload.arguments(dir)?;
    benchmark::run(&arguments, &mut measured, |mode| program_of(dir, mode))?;
    Ok(measured)
}

/// The path of the copy of the program that the last clean build in `mode` made.
fn program_of(dir: &Path, mode: Mode) -> PathBuf {
    dir.join(format!("program-{}", mode.folder()))
}

/// Prints a line of progress.
fn say(line: std::fmt::Arguments<'_>) {
    // A closed pipe is no reason to stop.
    let _ = writeln!(io::stderr(), "{line}");
}
