//! Builds by distributed ThinLTO, in four steps.

use std::fs;
use std::path::Path;
use std::time::Instant;

use distributed::compile;
use distributed::fetch::Source;
use distributed::toolchain::Toolchain;
use distributed::{backend, folder, link, thin_link};

use crate::build::{Build, Step};

/// The number of codegen units of an incremental compile: rustc's default.
const INCREMENTAL_UNITS: u32 = 256;

/// Builds the program in `dir`; its own crate incrementally, if `incremental`.
pub fn build(
    tools: &Toolchain,
    source: &Source,
    dir: &Path,
    incremental: bool,
) -> anyhow::Result<Build> {
    let mut last_flags = Vec::new();
    if incremental {
        let session = dir.join("incremental");
        last_flags.push(format!("-Cincremental={}", session.display()));
        last_flags.push(format!("-Ccodegen-units={INCREMENTAL_UNITS}"));
    }
    let (built, mut program) = compile::bitcode(tools, source, dir, &last_flags)?;
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
    let peaks = built
        .compiles
        .iter()
        .map(|compile| compile.usage.peak_memory);
    let compiles = Step {
        name: "compile",
        seconds: built.usage.seconds,
        peak_memory: peaks.max().unwrap_or_default(),
        actions: built.compiles.len(),
        cached: 0,
        sent_bytes: None,
        most_sent_bytes: None,
    };
    let run = || {
        backends
            .values()
            .filter_map(|backend| Some((backend, backend.usage?)))
    };
    let peaks = run().map(|(_, usage)| usage.peak_memory);
    let sent = || run().map(|(backend, _)| backend.sent_bytes);
    let backends = Step {
        name: "backends",
        seconds: backends_seconds,
        peak_memory: peaks.max().unwrap_or_default(),
        actions: run().count(),
        cached: backends.len() - run().count(),
        sent_bytes: Some(sent().sum()),
        most_sent_bytes: Some(sent().max().unwrap_or_default()),
    };
    let thin_link_bytes = program.summary_bytes()? + named_bytes;
    Ok(Build {
        seconds: built.usage.seconds + lto_seconds,
        lto_seconds: Some(lto_seconds),
        program_bytes: fs::metadata(&linked)?.len(),
        steps: vec![
            compiles,
            Step::one("thin link", &thin.linker.usage, Some(thin_link_bytes)),
            backends,
            Step::one("link", &link.usage, Some(native_bytes + named_bytes)),
        ],
        program: linked,
    })
}
