//! Builds one program in all modes, clean and after edits, and runs it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use distributed::fetch;
use distributed::folder;
use distributed::toolchain::Toolchain;
use helped::Helped;
use serde::Serialize;
use tool_support::command;

use crate::edit::Target;
use crate::mode::{Build, MODES, Mode};
use crate::programs::Program;

/// The number of runs of each program's own benchmark.
const BENCHMARK_RUNS: usize = 7;

const CLEAN: &str = "clean";

/// The measurements of one program.
#[derive(Serialize)]
pub struct Measured {
    /// The name and version of its package.
    pub program: String,
    /// In the order of [`MODES`].
    pub modes: Vec<InMode>,
}

/// The measurements of one program in one mode.
#[derive(Serialize)]
pub struct InMode {
    /// The name of the mode.
    pub mode: &'static str,
    /// Clean builds.
    pub clean: Vec<Build>,
    /// Builds after an edit of the program's own crate.
    pub after_edit_of_last_crate: Vec<Build>,
    /// Builds after an edit of a crate that depends on no other.
    pub after_edit_of_leaf_crate: Vec<Build>,
    /// Runs of the program that the last clean build made.
    pub benchmark_seconds: Vec<f64>,
}

impl Measured {
    /// The measurements in `mode`.
    pub fn of(&self, mode: Mode) -> &InMode {
        &self.modes[mode as usize]
    }

    fn of_mut(&mut self, mode: Mode) -> &mut InMode {
        &mut self.modes[mode as usize]
    }
}

/// Measures `program` in a folder in `work_dir`: each clean build `cleans` times, and each build after
/// an edit `runs` times.
///
/// In each round all modes build the same source one after another, so that changes in the load of
/// the machine affect them alike.
pub fn run(
    tools: &Toolchain,
    program: &Program,
    work_dir: &Path,
    cleans: usize,
    runs: usize,
) -> anyhow::Result<Measured> {
    let name = program.package.name;
    let dir = &folder::fresh(work_dir, name)?;
    say(format_args!("{name}: fetch"));
    let mut source = fetch::source(tools, &program.package, dir)?;
    let leaf = source.copy_dependency(tools, program.leaf_crate, dir)?;
    let last = Target::find(&source.root, &program.last)?;
    let leaf = Target::find(&leaf, &program.leaf)?;

    let mut measured = Measured {
        program: program.package.to_string(),
        modes: MODES.map(|mode| InMode::new(mode.name())).into(),
    };
    let mut round = |kind: &str, modes: &[Mode], list: fn(&mut InMode) -> &mut Vec<Build>| {
        let mut builds = Vec::new();
        for mode in modes {
            let build = mode.build(tools, &source, &dir.join(mode.folder()))?;
            say(format_args!(
                "{name}: {kind}, {}: {:.1} s, {:.1} of them the last crate",
                mode.name(),
                build.seconds,
                build.last_crate_seconds,
            ));
            if kind == CLEAN {
                // Builds after edits overwrite the program.
                fs::copy(&build.program, program_of(dir, *mode))?;
            }
            builds.push((*mode, build));
        }
        complete(&mut builds);
        for (mode, build) in builds {
            list(measured.of_mut(mode)).push(build);
        }
        anyhow::Ok(())
    };
    let repeated: Vec<_> = MODES
        .into_iter()
        .filter(|mode| mode.is_repeated())
        .collect();
    let modes = |number| if number == 0 { &MODES[..] } else { &repeated };
    for _ in 0..cleans {
        for mode in MODES {
            folder::fresh(dir, mode.folder())?;
        }
        round(CLEAN, &MODES, |in_mode| &mut in_mode.clean)?;
    }
    let programs = MODES.map(|mode| program_of(dir, mode));
    for number in 0..runs {
        last.edit(number)?;
        round("edit of the last crate", modes(number), |in_mode| {
            &mut in_mode.after_edit_of_last_crate
        })?;
    }
    drop(last);
    for number in 0..runs {
        leaf.edit(number)?;
        round("edit of the leaf crate", modes(number), |in_mode| {
            &mut in_mode.after_edit_of_leaf_crate
        })?;
    }
    drop(leaf);
    say(format_args!("{name}: its own benchmark"));
    benchmark(program, dir, &programs, &mut measured)?;
    Ok(measured)
}

impl InMode {
    fn new(mode: &'static str) -> InMode {
        InMode {
            mode,
            clean: Vec::new(),
            after_edit_of_last_crate: Vec::new(),
            after_edit_of_leaf_crate: Vec::new(),
            benchmark_seconds: Vec::new(),
        }
    }
}

/// The path of the copy of the program that the last clean build in `mode` made.
fn program_of(dir: &Path, mode: Mode) -> PathBuf {
    dir.join(format!("program-{}", mode as usize))
}

/// Completes the builds of one round with values from other builds.
///
/// Modes with the same folder share the compiles of all crates except the last. The first of them runs
/// these compiles; the time of the others is that of the first with their own last crate.
///
/// The LTO part of a distributed build is the thin link, the backends and the link. In one process it
/// is a part of the last crate's rustc: the time beyond that of the distributed build, which compiles
/// the same crate in the same way, but only to bitcode.
fn complete(builds: &mut [(Mode, Build)]) {
    for at in 1..builds.len() {
        let (before, rest) = builds.split_at_mut(at);
        let (mode, build) = &mut rest[0];
        let first = before.iter().find(|(one, _)| one.folder() == mode.folder());
        if let Some((_, first)) = first {
            build.seconds = first.seconds - first.last_crate_seconds + build.last_crate_seconds;
            build.steps[0] = first.steps[0].clone();
        }
    }
    let to_bitcode = |wanted: Mode| {
        let found = builds.iter().find(|(mode, _)| *mode == wanted);
        found.map(|(_, build)| build.last_crate_seconds)
    };
    let whole = to_bitcode(Mode::Distributed);
    let incremental = to_bitcode(Mode::DistributedIncremental);
    for (mode, build) in builds {
        let to_bitcode = match mode {
            Mode::LldCachedIncremental => incremental,
            _ => whole,
        };
        if let Some(to_bitcode) = to_bitcode {
            let rest = build.last_crate_seconds - to_bitcode;
            build.lto_seconds.get_or_insert(rest);
        }
    }
}

/// Runs the programs in turns. It is an error if their answers differ.
fn benchmark(
    program: &Program,
    dir: &Path,
    programs: &[PathBuf],
    measured: &mut Measured,
) -> anyhow::Result<()> {
    let arguments = program.workload.arguments(dir)?;
    let mut first = None;
    for _ in 0..BENCHMARK_RUNS {
        for (path, in_mode) in programs.iter().zip(&mut measured.modes) {
            let ended = command::run_to_any_end(Command::new(path).args(&arguments))?;
            in_mode.benchmark_seconds.push(ended.usage.seconds);
            let answer = (ended.status.code(), ended.stdout, ended.stderr);
            if first.get_or_insert_with(|| answer.clone()) != &answer {
                let (one, other) = (programs[0].display(), path.display());
                let message = format!("{one} and {other} answer differently");
                return Err(Helped::new(message, format!("run both with {arguments:?}")).into());
            }
        }
    }
    Ok(())
}

/// Prints a line of progress.
fn say(line: std::fmt::Arguments<'_>) {
    // A closed pipe is no reason to stop.
    let _ = writeln!(io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode::Step;

    fn build(last_crate_seconds: f64, lto_seconds: Option<f64>) -> Build {
        let compile = Step {
            name: "compile",
            seconds: 9.0 - last_crate_seconds,
            peak_memory: 0,
            actions: 3,
            cached: 0,
            sent_bytes: None,
            most_sent_bytes: None,
        };
        Build {
            seconds: 9.0,
            last_crate_seconds,
            lto_seconds,
            program_bytes: 0,
            steps: vec![compile],
            program: PathBuf::new(),
        }
    }

    #[test]
    fn the_lto_part_is_the_last_crate_s_time_beyond_bitcode() {
        let mut builds = vec![
            (Mode::Thin, build(5.0, None)),
            (Mode::LldCachedIncremental, build(4.0, None)),
            (Mode::Distributed, build(2.0, Some(0.5))),
            (Mode::DistributedIncremental, build(1.5, Some(0.25))),
        ];
        complete(&mut builds);
        let lto: Vec<_> = builds.iter().map(|(_, build)| build.lto_seconds).collect();
        assert_eq!(lto, [3.0, 2.5, 0.5, 0.25].map(Some));
    }

    #[test]
    fn builds_in_one_folder_share_compiles() {
        let second = |last_crate_seconds| {
            let mut build = build(last_crate_seconds, None);
            build.seconds = last_crate_seconds + 0.25;
            build.steps[0].actions = 0;
            build
        };
        let mut builds = vec![
            (Mode::Lld, build(4.0, None)),
            (Mode::LldCached, second(1.5)),
            (Mode::LldCachedIncremental, second(0.5)),
        ];
        complete(&mut builds);
        let seconds: Vec<_> = builds.iter().map(|(_, build)| build.seconds).collect();
        assert_eq!(seconds, [9.0, 6.5, 5.5]);
        assert!(builds.iter().all(|(_, build)| build.steps[0].actions == 3));
    }
}
