//! Step 1: source to pairs of bitcode and summary; and the plain build to compare with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::command;
use crate::fetch::{PROGRAM, Source};
use crate::link_line::LinkLine;
use crate::module::{self, Module, Modules};
use crate::toolchain::Toolchain;

/// Everything that the compile step hands on.
pub struct Compiled {
    /// cargo's target folder, which holds all bitcode: objects and rlibs.
    pub target: PathBuf,
    /// The folder in it that holds the pairs.
    pub deps: PathBuf,
    pub link_line: LinkLine,
    modules: Modules,
}

impl Compiled {
    /// The modules behind one input of the link line.
    pub fn modules_of(&self, input: &Path) -> &[Module] {
        &self.modules[input]
    }

    /// All modules, in link order.
    pub fn modules(&self) -> impl Iterator<Item = &Module> {
        self.link_line
            .inputs()
            .flat_map(|input| self.modules_of(input))
    }
}

/// Builds the program as anyone would and returns its path. cargo reuses what an earlier run built.
pub fn plain(tools: &Toolchain, source: &Source, dir: &Path) -> anyhow::Result<PathBuf> {
    let target = dir.join("plain");
    command::run(&mut cargo_rustc(tools, source, &target, &[]))?;
    Ok(target.join(&tools.host).join("release").join(PROGRAM))
}

/// Compiles the program and all its dependencies to bitcode and summaries, from nothing.
pub fn bitcode(tools: &Toolchain, source: &Source, dir: &Path) -> anyhow::Result<Compiled> {
    let target = fresh(dir, "bitcode")?;
    // rustc's own temporary files: the link line names one of them, `symbols.o`.
    let temporary = fresh(dir, "tmp")?;
    let link_args = temporary.join("link-args");
    let flags = [
        "-Zunstable-options".into(),
        // Beside cargo's own kinds of output.
        "--emit=obj,thin-link-bitcode".into(),
        // Objects are bitcode, and links take it.
        "-Clinker-plugin-lto".into(),
        // What a release build has; `--emit=obj` alone would mean one.
        "-Ccodegen-units=16".into(),
        // A driver and a linker of rustc's LLVM, by which every link of the demo goes.
        format!("-Clinker={}", tools.clang.display()),
        format!("-Clink-arg=--ld-path={}", tools.lld.display()),
    ];
    let mut cargo = cargo_rustc(tools, source, &target, &flags);
    // rustc says how it links only when it does, so the bitcode is linked here once, in one
    // process; the outcome is not used.
    cargo
        .arg(format!("--print=link-args={}", link_args.display()))
        // Keeps what the link line names.
        .arg("-Csave-temps")
        .env("TMPDIR", &temporary);
    command::run(&mut cargo)?;

    let deps = target.join(&tools.host).join("release").join("deps");
    let text = fs::read_to_string(&link_args).context("rustc printed no link line")?;
    let link_line = LinkLine::parse(&text, &deps)?;
    let modules = link_line
        .inputs()
        .map(|input| Ok((input.to_owned(), module::of_input(input)?)))
        .collect::<anyhow::Result<Modules>>()?;
    Ok(Compiled {
        target,
        deps,
        link_line,
        modules,
    })
}

/// `cargo rustc` of the program in release mode for the host. The host is named as the target so
/// that `flags` reach neither build scripts nor proc macros. Further arguments reach the program's
/// crate only.
fn cargo_rustc(tools: &Toolchain, source: &Source, target: &Path, flags: &[String]) -> Command {
    let mut cargo = tools.cargo("rustc", flags);
    cargo
        .args([
            "--release",
            "--locked",
            "--bin",
            PROGRAM,
            "--target",
            &tools.host,
        ])
        .args(["--jobs", &tools.jobs.to_string()])
        .arg("--target-dir")
        .arg(target)
        .arg("--")
        .current_dir(&source.root);
    cargo
}

/// An empty folder `name` in `dir`, whatever an earlier run left there.
pub fn fresh(dir: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let folder = dir.join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}
