//! The ways to build a program, and one build in each.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use distributed::compile::{self, Built};
use distributed::fetch::Source;
use distributed::toolchain::Toolchain;
use distributed::wrapper;
use distributed::{backend, link, thin_link};
use serde::Serialize;
use tool_support::command::Usage;

/// The most units of an incremental compile: rustc's number.
const INCREMENTAL_UNITS: u32 = 256;

/// A way to build a program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    None,
    Thin,
    Fat,
    /// `-Clinker-plugin-lto`: lld does ThinLTO in one process.
    Lld,
    /// The same with lld's cache of native objects. Its crates but the last are those of
    /// [`Mode::Lld`], and are not built if those are.
    LldCached,
    Distributed,
    /// The same, with the program's own crate, the one that is edited, compiled incrementally: its
    /// units are those of an incremental build, which an edit leaves alone but for a few.
    DistributedIncremental,
}

pub const MODES: [Mode; 7] = [
    Mode::None,
    Mode::Thin,
    Mode::Fat,
    Mode::Lld,
    Mode::LldCached,
    Mode::Distributed,
    Mode::DistributedIncremental,
];

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Mode::None => "no LTO",
            Mode::Thin => "-Clto=thin",
            Mode::Fat => "-Clto=fat",
            Mode::Lld => "lld, one process",
            Mode::LldCached => "lld with cache",
            Mode::Distributed => "distributed",
            Mode::DistributedIncremental => "distributed, incremental",
        }
    }

    /// The name of its folder.
    pub fn folder(self) -> &'static str {
        match self {
            Mode::None => "none",
            Mode::Thin => "thin",
            Mode::Fat => "fat",
            Mode::Lld | Mode::LldCached => "lld",
            Mode::Distributed => "distributed",
            Mode::DistributedIncremental => "distributed-incremental",
        }
    }

    /// Whether the builds after edits are repeated: where they are to be compared, which saves half
    /// of the time.
    pub fn is_repeated(self) -> bool {
        !matches!(self, Mode::None | Mode::Fat | Mode::Lld)
    }

    /// Builds the program in `dir`, which holds what the last build in this mode left.
    pub fn build(self, tools: &Toolchain, source: &Source, dir: &Path) -> anyhow::Result<Build> {
        let in_process = |lto: &str, flags: &[String], last_flags: &[String]| {
            let built = compile::program(tools, source, dir, lto, flags, last_flags)?;
            Build::in_process(tools, source, built)
        };
        let plugin = ["-Clinker-plugin-lto".to_owned()];
        let cache = dir.join("lld-cache");
        let cache = [format!(
            "-Clink-arg=-Wl,--thinlto-cache-dir={}",
            cache.display()
        )];
        match self {
            Mode::None => in_process("false", &[], &[]),
            Mode::Thin => in_process("thin", &[], &[]),
            Mode::Fat => in_process("fat", &[], &[]),
            Mode::Lld => in_process("false", &plugin, &[]),
            Mode::LldCached => in_process("false", &plugin, &cache),
            Mode::Distributed => distributed(tools, source, dir, &[]),
            Mode::DistributedIncremental => {
                let session = dir.join("incremental");
                let units = format!("-Ccodegen-units={INCREMENTAL_UNITS}");
                let incremental = format!("-Cincremental={}", session.display());
                distributed(tools, source, dir, &[incremental, units])
            }
        }
    }
}

/// One build.
#[derive(Debug, Serialize)]
pub struct Build {
    /// From the start of cargo to the program.
    pub seconds: f64,
    /// Of rustc for the program's own crate: its compile, and LTO and the link if they are there.
    pub last_crate_seconds: f64,
    /// After all is compiled to bitcode. Measured for the distributed build, reckoned for others.
    pub lto_seconds: Option<f64>,
    pub program_bytes: u64,
    pub steps: Vec<Step>,
    #[serde(skip)]
    pub program: PathBuf,
}

/// The actions of one kind in a build.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    pub name: &'static str,
    pub seconds: f64,
    /// Of the action that had the most.
    pub peak_memory: u64,
    /// How many were run.
    pub actions: usize,
    /// How many were not, for their output was in a cache.
    pub cached: usize,
    /// The files that all actions that were run have to be sent together, but for compiles, which
    /// are sent the same in each mode.
    pub sent_bytes: Option<u64>,
    /// The files of the action that needs the most.
    pub most_sent_bytes: Option<u64>,
}

impl Step {
    /// A step of one action.
    fn one(name: &'static str, usage: &Usage, sent_bytes: u64) -> Step {
        Step {
            name,
            seconds: usage.seconds,
            peak_memory: usage.peak_memory,
            actions: 1,
            cached: 0,
            sent_bytes: Some(sent_bytes),
            most_sent_bytes: Some(sent_bytes),
        }
    }
}

impl Build {
    /// The compiles of all crates but the last, and the last one with LTO and the link in it.
    fn in_process(tools: &Toolchain, source: &Source, mut built: Built) -> anyhow::Result<Build> {
        let last = take_last(source, &mut built)?;
        let mut compile = compiles(&built);
        compile.seconds -= last.seconds;
        let mut sent_bytes = rlibs(built.program.with_file_name("deps"))?;
        let std = tools
            .sysroot
            .join("lib/rustlib")
            .join(&tools.host)
            .join("lib");
        sent_bytes += rlibs(std)?;
        Ok(Build {
            seconds: built.usage.seconds,
            last_crate_seconds: last.seconds,
            lto_seconds: None,
            program_bytes: fs::metadata(&built.program)?.len(),
            steps: vec![
                compile,
                Step::one("last crate, LTO, link", &last, sent_bytes),
            ],
            program: built.program,
        })
    }
}

/// What rustc took for the program's own crate.
fn take_last(source: &Source, built: &mut Built) -> anyhow::Result<Usage> {
    let last = built.compiles.pop().context("cargo compiled nothing")?;
    anyhow::ensure!(
        last.crate_name == wrapper::crate_name(source.program),
        "the last crate is {}, not {}",
        last.crate_name,
        source.program
    );
    Ok(last.usage)
}

fn compiles(built: &Built) -> Step {
    let peaks = built
        .compiles
        .iter()
        .map(|compile| compile.usage.peak_memory);
    Step {
        name: "compile",
        seconds: built.usage.seconds,
        peak_memory: peaks.max().unwrap_or_default(),
        actions: built.compiles.len(),
        cached: 0,
        sent_bytes: None,
        most_sent_bytes: None,
    }
}

/// The bytes of all rlibs in `folder`.
fn rlibs(folder: PathBuf) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "rlib")
        {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}

/// The four steps of the distributed build.
fn distributed(
    tools: &Toolchain,
    source: &Source,
    dir: &Path,
    last_flags: &[String],
) -> anyhow::Result<Build> {
    let (mut built, program) = compile::bitcode(tools, source, dir, last_flags)?;
    let compile = compiles(&built);
    let last = take_last(source, &mut built)?;
    let start = Instant::now();
    let thin = thin_link::run(&program, dir)?;
    let backends_start = Instant::now();
    let backends = backend::run(tools, &program, &thin, dir, |_| ())?;
    let backends_seconds = backends_start.elapsed().as_secs_f64();
    let linked = link::run(&program, &backends, dir, source.program)?;
    let lto_seconds = start.elapsed().as_secs_f64();

    let summaries: u64 = program
        .modules
        .iter()
        .map(|module| module.summary_bytes)
        .sum();
    let run = || {
        backends
            .values()
            .filter_map(|backend| Some((backend, backend.usage?)))
    };
    let backends = Step {
        name: "backends",
        seconds: backends_seconds,
        peak_memory: run()
            .map(|(_, usage)| usage.peak_memory)
            .max()
            .unwrap_or_default(),
        actions: run().count(),
        cached: backends.len() - run().count(),
        sent_bytes: Some(run().map(|(backend, _)| backend.sent_bytes).sum()),
        most_sent_bytes: Some(
            run()
                .map(|(backend, _)| backend.sent_bytes)
                .max()
                .unwrap_or_default(),
        ),
    };
    Ok(Build {
        seconds: built.usage.seconds + lto_seconds,
        last_crate_seconds: last.seconds,
        lto_seconds: Some(lto_seconds),
        program_bytes: fs::metadata(&linked.program)?.len(),
        steps: vec![
            compile,
            Step::one(
                "thin link",
                &thin.usage,
                summaries + program.native_bytes()?,
            ),
            backends,
            Step::one("link", &linked.usage, linked.sent_bytes),
        ],
        program: linked.program,
    })
}
