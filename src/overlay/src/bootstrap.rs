//! The tree's own bootstrap: its configuration, and the command that runs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use tempfile::NamedTempFile;

use crate::place::Place;

/// Flags of bootstrap whose value is the next word.
const WITH_VALUE: [&str; 21] = [
    "--build",
    "--color",
    "--compare-mode",
    "--exclude",
    "--host",
    "--jobs",
    "--keep-stage",
    "--keep-stage-std",
    "--on-fail",
    "--pass",
    "--run",
    "--rust-profile-generate",
    "--rust-profile-use",
    "--rustc-args",
    "--set",
    "--skip",
    "--stage",
    "--target",
    "--test-args",
    "--warnings",
    "-j",
];

/// Splits bootstrap's arguments into flags, with their values, and paths. What follows
/// `--` is a flag.
pub fn split(args: Vec<String>) -> (Vec<String>, Vec<String>) {
    let (mut flags, mut paths) = (Vec::new(), Vec::new());
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        if !arg.starts_with('-') {
            paths.push(arg);
            continue;
        }
        let (last, value) = (arg == "--", WITH_VALUE.contains(&arg.as_str()));
        flags.push(arg);
        if last {
            flags.extend(args.by_ref());
        } else if value {
            flags.extend(args.next());
        }
    }
    (flags, paths)
}

/// A run of bootstrap's `verb` at stage 1 on `defaults`, where the user's `args` do not say
/// otherwise. Writes bootstrap's configuration first.
pub fn command(place: &Place, verb: &str, defaults: &[&str], args: Vec<String>) -> Result<Command> {
    let llvm_bin = llvm_bin(place)?;
    let config = place.build.join("bootstrap.toml");
    write_if_changed(&config, &configuration(place, &llvm_bin)?)?;

    let (flags, paths) = split(args);
    let mut command = Command::new("python3");
    // Bootstrap takes paths relative to where it is run.
    let tree = place.build.join("src");
    command.current_dir(&tree).arg(tree.join("x.py")).arg(verb);
    let staged = flags.iter().any(|flag| flag.starts_with("--stage"));
    if !staged && verb != "check" {
        command.args(["--stage", "1"]);
    }
    if paths.is_empty() {
        command.args(defaults);
    }
    command.args(paths).arg("--config").arg(config).args(flags);
    // Tests of LTO look for clang and lld there.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::env::split_paths(&path).chain([llvm_bin]))?;
    command.env("PATH", path);
    Ok(command)
}

/// The folder of LLVM's programs; an error when llvm-config is not of the pinned version.
fn llvm_bin(place: &Place) -> Result<PathBuf> {
    let llvm_config = &place.config.llvm_config;
    let shown = llvm_config.display();
    let help = "help: point llvm-config in config.toml to the right one, or leave it out";
    let ask = |what: &str| -> Result<String> {
        let output = Command::new(llvm_config).arg(what).output();
        let output = output.with_context(|| format!("cannot start {shown}\n{help}"))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let (version, major) = (ask("--version")?, &place.pins.llvm_major);
    if version.split('.').next() != Some(major) {
        bail!("{shown} is LLVM {version}, not {major}\n{help}");
    }
    Ok(ask("--bindir")?.into())
}

fn configuration(place: &Place, llvm_bin: &Path) -> Result<String> {
    let (config, stage0) = (&place.config, place.stage0());
    let version = Command::new(stage0.join("bin/rustc")).arg("-vV").output()?;
    let version = String::from_utf8(version.stdout)?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("stage 0's rustc does not name its host")?;
    let jobs = if config.jobs == 0 {
        String::new()
    } else {
        format!("jobs = {}\n", config.jobs)
    };
    Ok(format!(
        "# Written by x.py: change config.toml instead.
change-id = 134650
[build]
build-dir = {build:?}
rustc = {rustc:?}
cargo = {cargo:?}
{jobs}vendor = true
locked-deps = false
submodules = false
docs = false
extended = false
compiler-docs = false
optimized-compiler-builtins = false
[llvm]
link-shared = true
download-ci-llvm = false
[rust]
channel = \"dev\"
optimize = {optimize}
codegen-units = {units}
debuginfo-level = {debuginfo}
jemalloc = false
lld = false
llvm-tools = false
omit-git-hash = true
deny-warnings = false
download-rustc = false
backtrace-on-ice = true
[target.{host}]
llvm-config = {llvm_config:?}
llvm-filecheck = {filecheck:?}
",
        build = place.build,
        rustc = stage0.join("bin/rustc"),
        cargo = stage0.join("bin/cargo"),
        optimize = config.optimize,
        units = config.codegen_units,
        debuginfo = config.debuginfo_level,
        llvm_config = config.llvm_config,
        filecheck = llvm_bin.join("FileCheck"),
    ))
}

fn write_if_changed(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).ok().as_deref() != Some(text) {
        let file = NamedTempFile::new_in(path.parent().context("no folder")?)?;
        fs::write(file.path(), text)?;
        file.persist(path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::split;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn values_of_flags_are_not_paths() {
        let (flags, paths) = split(words(
            "-j 2 tests/ui --stage 2 --stage=1 tests/codegen --bless -- a b",
        ));
        assert_eq!(paths, words("tests/ui tests/codegen"));
        assert_eq!(flags, words("-j 2 --stage 2 --stage=1 --bless -- a b"));
    }
}
