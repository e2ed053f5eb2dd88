//! One program, built in all modes, clean and after edits, and run.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;
use distributed::fetch;
use distributed::folder;
use distributed::toolchain::Toolchain;
use serde::Serialize;
use tool_support::command;

use crate::edit::Place;
use crate::mode::{Build, MODES, Mode};
use crate::programs::Program;

/// How often the own benchmark of each program is run.
const BENCHMARK_RUNS: usize = 7;

const CLEAN: &str = "clean";

/// What was measured of one program.
#[derive(Serialize)]
pub struct Measured {
    pub program: String,
    /// In the order of [`MODES`].
    pub modes: Vec<InMode>,
}

/// What was measured of one program in one mode, each thing several times.
#[derive(Serialize)]
pub struct InMode {
    pub mode: &'static str,
    pub clean: Vec<Build>,
    pub after_edit_of_last_crate: Vec<Build>,
    pub after_edit_of_leaf_crate: Vec<Build>,
    /// Of the program of the last clean build.
    pub benchmark_seconds: Vec<f64>,
}

impl Measured {
    pub fn of(&self, mode: Mode) -> &InMode {
        &self.modes[mode as usize]
    }

    fn of_mut(&mut self, mode: Mode) -> &mut InMode {
        &mut self.modes[mode as usize]
    }
}

/// Measures `program` in a folder in `work_dir`: each clean build `cleans` times, and each build after an edit
/// `runs` times.
///
/// In each round the modes build the same source, one after the other, so that what disturbs the
/// machine disturbs all alike.
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
    let last = Place::find(&source.root, &program.last)?;
    let leaf = Place::find(&leaf, &program.leaf)?;

    let mut measured = Measured {
        program: program.package.to_string(),
        modes: MODES.map(|mode| InMode::new(mode.name())).into(),
    };
    let mut round = |what: &str, modes: &[Mode], list: fn(&mut InMode) -> &mut Vec<Build>| {
        let mut builds = Vec::new();
        for mode in modes {
            let build = mode.build(tools, &source, &dir.join(mode.folder()))?;
            say(format_args!(
                "{name}: {what}, {}: {:.1} s, {:.1} of them the last crate",
                mode.name(),
                build.seconds,
                build.last_crate_seconds,
            ));
            if what == CLEAN {
                // Edits change it.
                fs::copy(&build.program, program_of(dir, *mode))?;
            }
            builds.push((*mode, build));
        }
        reckon(&mut builds);
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

/// Where the program of the last clean build in `mode` is kept.
fn program_of(dir: &Path, mode: Mode) -> PathBuf {
    dir.join(format!("program-{}", mode as usize))
}

/// Adds what a build alone does not tell.
///
/// A build with lld's cache that follows one without it has the compiles of that.
///
/// The LTO part of a distributed build is the thin link, the backends and the link. In the others
/// it is in the rustc of the last crate: what that takes longer than the one of the distributed
/// build, which compiles the same crate to bitcode and stops.
fn reckon(builds: &mut [(Mode, Build)]) {
    let at = |wanted: Mode| builds.iter().position(|(mode, _)| *mode == wanted);
    let (lld, cached) = (at(Mode::Lld), at(Mode::LldCached));
    let distributed = at(Mode::Distributed);
    if let (Some(lld), Some(cached)) = (lld, cached) {
        let lld = &builds[lld].1;
        let (seconds, compile) = (lld.seconds - lld.last_crate_seconds, lld.steps[0].clone());
        let cached = &mut builds[cached].1;
        cached.seconds += seconds;
        cached.steps[0] = compile;
    }
    if let Some(distributed) = distributed {
        let to_bitcode = builds[distributed].1.last_crate_seconds;
        for (_, build) in builds {
            let rest = build.last_crate_seconds - to_bitcode;
            build.lto_seconds.get_or_insert(rest);
        }
    }
}

/// Runs the programs in turns. It is an error if they do not answer the same.
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
            let same = first.get_or_insert_with(|| answer.clone()) == &answer;
            ensure!(
                same,
                "{} answers other than that of the first mode\nhelp: run both with {arguments:?}",
                path.display()
            );
        }
    }
    Ok(())
}

/// A line of progress.
fn say(what: std::fmt::Arguments<'_>) {
    // What cannot be printed to a closed pipe is lost anyway.
    let _ = writeln!(io::stderr(), "{what}");
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
    fn the_lto_part_is_what_the_last_crate_takes_beyond_bitcode() {
        let mut builds = vec![
            (Mode::Thin, build(5.0, None)),
            (Mode::Distributed, build(2.0, Some(0.5))),
        ];
        reckon(&mut builds);
        assert_eq!(builds[0].1.lto_seconds, Some(3.0));
        assert_eq!(builds[1].1.lto_seconds, Some(0.5));
    }

    #[test]
    fn a_build_with_lld_cache_has_the_compiles_of_the_one_without() {
        let mut cached = build(1.5, None);
        cached.seconds = 1.75;
        cached.steps[0].actions = 0;
        let mut builds = vec![(Mode::Lld, build(4.0, None)), (Mode::LldCached, cached)];
        reckon(&mut builds);
        assert_eq!(builds[1].1.seconds, 6.75);
        assert_eq!(builds[1].1.steps[0].actions, 3);
        assert_eq!(builds[0].1.seconds, 9.0);
    }
}
