//! The ways to build a program, and builds in them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use distributed::compile::{self, Built, Lto};
use distributed::fetch::Source;
use distributed::toolchain::Toolchain;
use distributed::wrapper;
use distributed::{backend, folder, link, thin_link};
use serde::Serialize;
use tool_support::command::Usage;

/// The number of codegen units of an incremental compile: rustc's default.
const INCREMENTAL_UNITS: u32 = 256;

/// A way to build a program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    /// Cargo's default for a release: ThinLTO within each crate.
    Local,
    /// `-Clto=thin`.
    Thin,
    /// `-Clto=fat`.
    Fat,
    /// `-Clinker-plugin-lto -Zlink-embedded-bitcode`: lld runs ThinLTO in one process, std included.
    Lld,
    /// The same with lld's cache of native objects. Shares the builds of all crates but the last with
    /// [`Mode::Lld`].
    LldCached,
    /// The same with the program's own crate, the one that is edited, compiled incrementally: an edit
    /// changes only a few of its units.
    LldCachedIncremental,
    /// Distributed ThinLTO.
    Distributed,
    /// The same with the program's own crate compiled incrementally.
    DistributedIncremental,
}

/// All modes, in the order of the results.
pub const MODES: [Mode; 8] = [
    Mode::Local,
    Mode::Thin,
    Mode::Fat,
    Mode::Lld,
    Mode::LldCached,
    Mode::LldCachedIncremental,
    Mode::Distributed,
    Mode::DistributedIncremental,
];

impl Mode {
    /// The name in the results.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Local => "no LTO across crates",
            Mode::Thin => "-Clto=thin",
            Mode::Fat => "-Clto=fat",
            Mode::Lld => "lld, one process",
            Mode::LldCached => "lld with cache",
            Mode::LldCachedIncremental => "lld with cache, incremental",
            Mode::Distributed => "distributed",
            Mode::DistributedIncremental => "distributed, incremental",
        }
    }

    /// The name of the folder of builds.
    pub fn folder(self) -> &'static str {
        match self {
            Mode::Local => "local",
            Mode::Thin => "thin",
            Mode::Fat => "fat",
            Mode::Lld | Mode::LldCached | Mode::LldCachedIncremental => "lld",
            Mode::Distributed => "distributed",
            Mode::DistributedIncremental => "distributed-incremental",
        }
    }

    /// Whether builds after edits are repeated: only in those modes that the goals compare.
    pub fn is_repeated(self) -> bool {
        !matches!(self, Mode::Local | Mode::Fat | Mode::Lld)
    }

    /// Builds the program in `dir`, on top of the previous build in this mode.
    pub fn build(self, tools: &Toolchain, source: &Source, dir: &Path) -> anyhow::Result<Build> {
        let in_rustc = |lto| {
            let built = compile::program(tools, source, dir, lto, &[], &[])?;
            Build::in_process(tools, source, built)
        };
        let in_lld = |last_flags: &[String]| {
            let flags = ["-Clinker-plugin-lto", compile::STD_IN_LTO].map(str::to_owned);
            let built = compile::program(tools, source, dir, Lto::Local, &flags, last_flags)?;
            Build::in_process(tools, source, built)
        };
        let cache = |name: &str| {
            let cache = dir.join(name).display().to_string();
            format!("-Clink-arg=-Wl,--thinlto-cache-dir={cache}")
        };
        let incremental = [
            format!("-Cincremental={}", dir.join("incremental").display()),
            format!("-Ccodegen-units={INCREMENTAL_UNITS}"),
        ];
        match self {
            Mode::Local => in_rustc(Lto::Local),
            Mode::Thin => in_rustc(Lto::Thin),
            Mode::Fat => in_rustc(Lto::Fat),
            Mode::Lld => in_lld(&[]),
            Mode::LldCached => in_lld(&[cache("lld-cache")]),
            Mode::LldCachedIncremental => {
                let [session, units] = incremental;
                in_lld(&[cache("lld-cache-incremental"), session, units])
            }
            Mode::Distributed => distributed(tools, source, dir, &[]),
            Mode::DistributedIncremental => distributed(tools, source, dir, &incremental),
        }
    }
}

/// One build.
#[derive(Debug, Serialize)]
pub struct Build {
    /// From the start of cargo to the program.
    pub seconds: f64,
    /// The duration of rustc for the program's own crate; in one process it includes LTO and the link.
    pub last_crate_seconds: f64,
    /// The time after the compiles to bitcode: measured in distributed builds, computed in others.
    pub lto_seconds: Option<f64>,
    /// The size of the program.
    pub program_bytes: u64,
    /// The steps, in their order.
    pub steps: Vec<Step>,
    /// The path of the program.
    #[serde(skip)]
    pub program: PathBuf,
}

/// The actions of one kind in a build.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Their name.
    pub name: &'static str,
    /// The duration of the step.
    pub seconds: f64,
    /// The peak memory of the largest action.
    pub peak_memory: u64,
    /// The number of actions that ran.
    pub actions: usize,
    /// The number of actions whose output was in a cache.
    pub cached: usize,
    /// The bytes of the input files of all actions that ran; `None` for compiles, whose inputs are
    /// the same in each mode.
    pub sent_bytes: Option<u64>,
    /// The bytes of the input files of the action with the most.
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
    /// A build of two steps: the compiles of all crates but the last, and the last one with LTO and
    /// the link.
    fn in_process(tools: &Toolchain, source: &Source, mut built: Built) -> anyhow::Result<Build> {
        let last = take_last(source, &mut built)?;
        let mut compile = compiles(&built);
        compile.seconds -= last.seconds;
        let deps = built.program.with_file_name("deps");
        // The metadata of std is beside its rlibs.
        let sent_bytes = size_of(&deps, &["rlib"])? + size_of(&tools.std, &["rlib", "rmeta"])?;
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

/// Removes the compile of the program's own crate, which is the last, and returns its resources.
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

/// The bytes of all files in `folder` with one of `extensions`.
fn size_of(folder: &Path, extensions: &[&str]) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if extension.is_some_and(|extension| extensions.contains(&extension)) {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}

/// A distributed build, in four steps.
fn distributed(
    tools: &Toolchain,
    source: &Source,
    dir: &Path,
    last_flags: &[String],
) -> anyhow::Result<Build> {
    let (mut built, mut program) = compile::bitcode(tools, source, dir, last_flags)?;
    let compile = compiles(&built);
    let last = take_last(source, &mut built)?;
    let start = Instant::now();
    let (thin_dir, _old) = folder::replaced(dir, "thin-link")?;
    program.gather(&folder::reused(dir, "modules")?)?;
    let thin = thin_link::run(&program, &thin_dir)?;
    let backends_start = Instant::now();
    let backends = backend::run(tools, &program, &thin, dir, |_| ())?;
    let backends_seconds = backends_start.elapsed().as_secs_f64();
    let linked = dir.join(source.program);
    let native = |module: &str| Some(backends.get(module)?.native.clone());
    let link = link::run(&program, native, thin.regular().as_deref(), &linked)?;
    let lto_seconds = start.elapsed().as_secs_f64();

    let named_bytes = program.bytes(&program.natives)?;
    let native_bytes = program.bytes(backends.values().map(|backend| &backend.native))?;
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
        program_bytes: fs::metadata(&linked)?.len(),
        steps: vec![
            compile,
            Step::one(
                "thin link",
                &thin.linker.usage,
                program.summary_bytes()? + named_bytes,
            ),
            backends,
            Step::one("link", &link.usage, native_bytes + named_bytes),
        ],
        program: linked,
    })
}
