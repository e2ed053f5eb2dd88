//! The package whose compiles and modules are measured: a program that imports from memchr.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use distributed::toolchain::Toolchain;
use distributed::{fetch, pairs};
use tool_support::command;

const MANIFEST: &str = r#"[package]
name = "measured"
edition = "2021"

[[bin]]
name = "measured"
path = "main.rs"

[dependencies]
aho-corasick = "=1.1.3"
memchr = "=2.7.4"

[profile.release]
codegen-units = 1

[workspace]
"#;

const MAIN: &str = r#"fn main() {
    let text = std::env::args().nth(1).unwrap_or_default();
    let found = aho_corasick::AhoCorasick::new(["thin", "link"]).unwrap().find(&text);
    println!("{found:?} {:?}", memchr::memchr(b'x', text.as_bytes()));
}
"#;

/// The crates whose modules are measured. The first imports from the second.
const CRATES: [&str; 2] = ["measured", "memchr"];

/// The measured crate of [`memchr`], with its version.
pub const MEMCHR: &str = "memchr 2.7.4";

/// Writes the package into `folder`.
pub fn write(folder: &Path) -> anyhow::Result<()> {
    fs::write(folder.join("Cargo.toml"), MANIFEST)?;
    fs::write(folder.join("main.rs"), MAIN)?;
    Ok(())
}

/// The root of memchr's source, a dependency of the package in `folder`.
pub fn memchr(tools: &Toolchain, folder: &Path) -> anyhow::Result<PathBuf> {
    let packages = fetch::packages(tools, folder, &[])?;
    let found = packages.into_iter().find(|(name, _)| name == "memchr");
    let (_, source) = found.context("cargo does not name the folder of memchr")?;
    Ok(source.join("src/lib.rs"))
}

/// Compiles the package in `folder`, runs a thin link over its summaries, and returns the modules of
/// [`CRATES`], each with an index beside it.
pub fn modules(tools: &Toolchain, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let flags = [&tools.linker_flags()[..], &pairs::flags()].concat();
    let mut cargo = tools.cargo("build", &flags);
    cargo
        // With a target, the flags are not for build scripts.
        .args(["--quiet", "--release", "--target", &tools.host])
        .args(["--target-dir", "target"])
        .current_dir(folder);
    command::run(&mut cargo)?;
    let deps = folder.join("target").join(&tools.host).join("release/deps");
    let names = pairs::in_folder(&deps)?;
    let file = |name: &String, suffix| deps.join(format!("{name}{suffix}"));
    let mut linker = Command::new(&tools.lld);
    linker
        // Symbols of std stay undefined, which `-shared` allows.
        .args(["-shared", "--thinlto-index-only"])
        .arg(pairs::suffix_replace())
        .args(names.iter().map(|name| file(name, pairs::SUMMARY)));
    command::run(&mut linker)?;
    let measured = |name: &&String| CRATES.iter().any(|krate| name.starts_with(krate));
    let modules: Vec<_> = names
        .iter()
        .filter(measured)
        .map(|name| file(name, pairs::BITCODE))
        .collect();
    ensure!(
        modules.len() == 3,
        "expected modules of two crates and a shim: {modules:?}"
    );
    Ok(modules)
}
