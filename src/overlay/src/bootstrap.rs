//! The tree's own bootstrap: its configuration, and the command that runs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use helped::Helped;
use tempfile::NamedTempFile;
use toml::{Table, Value};

use crate::flags::Flags;
use crate::place::Place;
use crate::tree::Tree;

/// The command that runs bootstrap's `verb` in `tree`: at stage 1 and on the paths `defaults`, unless `args`
/// has a stage or paths. Writes bootstrap's configuration first.
pub fn command(
    place: &Place,
    tree: &Tree,
    verb: &str,
    defaults: &[&str],
    args: Vec<String>,
) -> Result<Command> {
    let (llvm_bin, stage0) = (llvm_bin(place)?, Stage0::ask(place)?);
    let config = build_dir(tree)?.join("bootstrap.toml");
    write_if_changed(&config, &configuration(place, tree, &stage0, &llvm_bin)?)?;

    let (flags, paths) = Flags::read(tree, verb)?.split(args);
    let mut command = Command::new("python3");
    // Bootstrap resolves paths against its working directory.
    command
        .current_dir(&tree.dir)
        .arg(tree.dir.join("x.py"))
        .arg(verb);
    let staged = flags.iter().any(|flag| flag.starts_with("--stage"));
    if !staged && verb != "check" {
        command.args(["--stage", "1"]);
    }
    if stage0.is_newer {
        command.arg("--skip-stage0-validation");
    }
    if paths.is_empty() {
        command.args(defaults);
    }
    command.args(paths).arg("--config").arg(config).args(flags);
    // Tests of LTO look for clang and lld in `PATH`.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::env::split_paths(&path).chain([llvm_bin]))?;
    command.env("PATH", path);
    Ok(command)
}

/// The folder that `tree` is in, which has bootstrap's results too.
fn build_dir(tree: &Tree) -> Result<&Path> {
    tree.dir.parent().context("no folder")
}

/// The folder of LLVM's programs. It is an error if llvm-config is not of the pinned version.
fn llvm_bin(place: &Place) -> Result<PathBuf> {
    let llvm_config = &place.config.llvm_config;
    let shown = llvm_config.display();
    let helped = |message: String| {
        Helped::new(
            message,
            "point llvm-config in config.toml to the right one, or leave it out",
        )
    };
    let ask = |option: &str| -> Result<String> {
        let output = Command::new(llvm_config).arg(option).output();
        let output = output.with_context(|| helped(format!("cannot start {shown}")))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let (version, major) = (ask("--version")?, &place.pins.llvm_major);
    if version.split('.').next() != Some(major) {
        return Err(helped(format!("{shown} is LLVM {version}, not {major}")).into());
    }
    Ok(ask("--bindir")?.into())
}

/// The facts about stage 0 that the configuration depends on.
struct Stage0 {
    host: String,
    /// Whether its release is newer than the source's, which bootstrap accepts only with a flag.
    is_newer: bool,
}

impl Stage0 {
    fn ask(place: &Place) -> Result<Stage0> {
        let rustc = place.stage0().join("bin/rustc");
        let output = Command::new(&rustc).arg("-vV").output();
        let output = output.with_context(|| format!("cannot start {}", rustc.display()))?;
        let text = String::from_utf8(output.stdout)?;
        let value = |key: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(key));
            value.with_context(|| format!("{} does not print its {key}", rustc.display()))
        };
        Ok(Stage0 {
            host: value("host: ")?.to_owned(),
            is_newer: value("release: ")? != place.pins.release,
        })
    }
}

/// The overlay's `bootstrap.toml` with the settings that depend on this machine and on `config.toml`.
fn configuration(place: &Place, tree: &Tree, stage0: &Stage0, llvm_bin: &Path) -> Result<String> {
    let text = |path: PathBuf| -> Result<Value> {
        let text = path
            .to_str()
            .with_context(|| format!("{} is not UTF-8", path.display()))?;
        Ok(text.into())
    };
    let config = &place.config;
    let mut build = Table::new();
    build.insert("build-dir".into(), text(build_dir(tree)?.to_owned())?);
    build.insert("rustc".into(), text(place.stage0().join("bin/rustc"))?);
    build.insert("cargo".into(), text(place.stage0().join("bin/cargo"))?);
    // A checkout has no vendored crates: cargo downloads them.
    build.insert("vendor".into(), tree.dir.join("vendor").exists().into());
    if stage0.is_newer {
        // Stage 0 is not the previous release, so `cfg(bootstrap)` must not be set.
        build.insert("local-rebuild".into(), true.into());
    }
    if config.jobs != 0 {
        build.insert("jobs".into(), config.jobs.into());
    }
    let mut rust = Table::new();
    rust.insert("optimize".into(), i64::from(config.optimize).into());
    rust.insert("codegen-units".into(), config.codegen_units.into());
    rust.insert(
        "debuginfo-level".into(),
        i64::from(config.debuginfo_level).into(),
    );
    let mut host = Table::new();
    host.insert("llvm-config".into(), text(config.llvm_config.clone())?);
    host.insert("llvm-filecheck".into(), text(llvm_bin.join("FileCheck"))?);

    let mut all: Table = toml::from_str(include_str!("../bootstrap.toml"))?;
    for (section, settings) in [("build", build), ("rust", rust)] {
        let section = all.get_mut(section).and_then(Value::as_table_mut);
        section
            .context("bootstrap.toml lacks a section")?
            .extend(settings);
    }
    let target = Table::from_iter([(stage0.host.clone(), Value::from(host))]);
    all.insert("target".into(), target.into());
    Ok(format!(
        "# Written by x.py. Change config.toml instead.\n{all}"
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
