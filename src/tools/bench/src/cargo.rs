//! Builds by cargo, as users run them, with its own defaults for a release.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use distributed::compile::STD_IN_LTO;
use distributed::fetch::Source;
use distributed::folder;
use distributed::toolchain::Toolchain;
use helped::Helped;
use reapi_service::in_memory::{Server, State};
use tool_support::command;

use crate::build::{Build, Step};
use crate::linker::Linker;
use crate::mode::Mode;

/// The variables that change a build begin so.
const SETTINGS: [&str; 5] = [
    "CARGO_BUILD_",
    "CARGO_INCREMENTAL",
    "CARGO_PROFILE_",
    "CARGO_THINLTO_",
    "THINLTO_",
];

/// Builds the program in `dir`, on top of the previous build there.
pub fn build(mode: Mode, tools: &Toolchain, source: &Source, dir: &Path) -> anyhow::Result<Build> {
    let linker = Linker::install(dir)?;
    let cargo = match mode {
        Mode::CargoThinlto => thinlto(tools, &linker, dir)?,
        _ => plain(mode, tools, &linker),
    };
    let (mut build, _) = run(cargo, &linker, tools, source, dir)?;
    if matches!(mode, Mode::Lld | Mode::CargoThinlto) {
        build.lto_seconds = Some(build.link().seconds);
    }
    Ok(build)
}

/// Builds the program in `dir`, with all native objects from a server on this machine, which has them from
/// a build in another folder.
pub fn build_from_server(tools: &Toolchain, source: &Source, dir: &Path) -> anyhow::Result<Build> {
    let server = Server::start(State::default(), None);
    let build = |dir: &Path| {
        let linker = Linker::install(dir)?;
        let mut cargo = thinlto(tools, &linker, dir)?;
        cargo.arg(format!("--remote-cache=grpc://{}", server.address));
        run(cargo, &linker, tools, source, dir)
    };
    build(&folder::fresh(dir, "filling")?)?;
    let (build, messages) = build(dir)?;
    let last = messages.lines().last().unwrap_or_default();
    ensure!(
        last.contains(", 0 compiled in "),
        "the remote cache lacks modules: {last}"
    );
    Ok(build)
}

/// Runs `cargo`, and returns the build and cargo's messages.
fn run(
    mut cargo: Command,
    linker: &Linker,
    tools: &Toolchain,
    source: &Source,
    dir: &Path,
) -> anyhow::Result<(Build, String)> {
    let target = dir.join("target");
    cargo
        .args(["--release", "--locked", "--offline"])
        // With a target, flags reach neither build scripts nor proc macros.
        .args(["--target", &tools.host])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(&source.root);
    for value in &source.config {
        cargo.arg("--config").arg(value);
    }
    linker.record(&mut cargo, &tools.lld);
    let ended = command::run(&mut cargo)?;
    let link = linker.last_link()?;
    let program = target
        .join(&tools.host)
        .join("release")
        .join(source.program);
    let build = Build {
        seconds: ended.usage.seconds,
        lto_seconds: None,
        program_bytes: fs::metadata(&program)?.len(),
        steps: vec![Step::one("link", &link, None)],
        program,
    };
    Ok((build, String::from_utf8(ended.stderr)?))
}

/// A command line of cargo without the user's settings.
fn cargo(tools: &Toolchain, verb: &str, flags: &[String]) -> Command {
    let mut cargo = tools.cargo(verb, flags);
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if SETTINGS.iter().any(|setting| text.starts_with(setting)) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// `cargo build` with the settings of `mode`. Every link is by lld, as by `cargo thinlto`.
fn plain(mode: Mode, tools: &Toolchain, linker: &Linker) -> Command {
    let mut flags = vec![
        "-Clink-arg=-fuse-ld=lld".to_owned(),
        format!("-Clink-arg=-B{}", linker.folder().display()),
    ];
    if mode == Mode::Lld {
        flags.extend(["-Clinker-plugin-lto", STD_IN_LTO].map(str::to_owned));
        // As many as in `cargo thinlto`. lld's default is the number of physical cores.
        flags.push(format!("-Clink-arg=-Wl,--thinlto-jobs={}", tools.jobs));
    }
    let mut cargo = cargo(tools, "build", &flags);
    match mode {
        Mode::Plain => cargo.env("CARGO_INCREMENTAL", "1"),
        Mode::Thin => cargo.env("CARGO_PROFILE_RELEASE_LTO", "thin"),
        Mode::Fat => cargo.env("CARGO_PROFILE_RELEASE_LTO", "fat"),
        _ => &mut cargo,
    };
    cargo
}

/// `cargo thinlto build` with caches in `dir`. It runs the rustc beside it, and the lld in `PATH`.
fn thinlto(tools: &Toolchain, linker: &Linker, dir: &Path) -> anyhow::Result<Command> {
    let toolchain = tools.rustc.parent().context("rustc is in no folder")?;
    let program = toolchain.join("cargo-thinlto");
    if !program.exists() {
        let message = format!("cannot find {}", program.display());
        return Err(Helped::new(message, "`./x.py build` builds it").into());
    }
    let own_path = env::var_os("PATH").unwrap_or_default();
    // Cargo would search its own folder for subcommands first, if it were not the last.
    let last = home::cargo_home()?.join("bin");
    let path = [linker.folder(), toolchain]
        .map(Path::to_owned)
        .into_iter()
        .chain(env::split_paths(&own_path).filter(|folder| *folder != last))
        .chain([last.clone()]);
    let mut cargo = cargo(tools, "thinlto", &[]);
    cargo
        .arg("build")
        .env_remove("RUSTC")
        .env("PATH", env::join_paths(path)?)
        .env("CARGO_THINLTO_CACHE_DIR", dir.join("cache"))
        .env("THINLTO_CACHE_DIR", dir.join("objects"))
        // The user's settings may name a server.
        .env("XDG_CONFIG_HOME", dir);
    Ok(cargo)
}
