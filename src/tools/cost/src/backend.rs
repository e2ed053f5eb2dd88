//! rustc and clang as the backend of the same modules: a program that imports, memchr, and an
//! allocator shim, which is little but start-up.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;
use indicatif::{ProgressBar, ProgressStyle};
use tool_support::args::ToolArgs;
use tool_support::command;
use tool_support::spread::Spread;
use tool_support::table::table;

use crate::callgrind;
use crate::grouped;

/// The crates whose modules are measured. The first imports from the second.
const CRATES: [&str; 2] = ["measured", "memchr"];

/// Prints what rustc and clang need as backends, in instructions and in memory.
pub fn compare(tool: &ToolArgs, work_dir: &Path, runs: usize) -> anyhow::Result<()> {
    let (rustc, cargo) = (&tool.rustc, &tool.cargo);
    let folder = tempfile::tempdir_in(work_dir)?;
    let modules = modules(rustc, cargo, folder.path())?;

    let style = ProgressStyle::with_template("{elapsed_precise} {bar:30} {pos}/{len} {msg}")?;
    let bar = ProgressBar::new((modules.len() * 2 * runs) as u64).with_style(style);
    let mut table = table([
        "module",
        "bitcode",
        "rustc",
        "clang-19",
        "times",
        "rustc, peak KiB",
        "clang-19, peak KiB",
        "times",
    ]);
    for module in &modules {
        let backends = [rustc_backend(rustc, module), clang_backend(module)];
        let (mut counts, mut peaks) = ([vec![], vec![]], [vec![], vec![]]);
        for _ in 0..runs {
            for (number, backend) in backends.iter().enumerate() {
                bar.set_message(format!("{backend:?}"));
                counts[number].push(callgrind::count(backend)?);
                peaks[number].push(peak(backend)?);
                bar.inc(1);
            }
        }
        let mut row = vec![
            module.file_name().unwrap().to_string_lossy().into_owned(),
            grouped(fs::metadata(module)?.len() as f64),
        ];
        for measured in [counts, peaks] {
            let [ours, clang] = measured.map(Spread::of);
            row.extend([ours.text(grouped), clang.text(grouped)]);
            row.push(format!("{:.4}", ours.median / clang.median));
        }
        table.add_row(row);
    }
    bar.finish_and_clear();
    println!("Backends of modules with -O3; median (least to most) of {runs} runs\n{table}");
    Ok(())
}

/// Compiles the crates, runs a thin link over their summaries, and returns the modules, with an
/// index beside each.
fn modules(rustc: &Path, cargo: &Path, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    fs::write(
        folder.join("Cargo.toml"),
        "[package]\nname = \"measured\"\nedition = \"2021\"\n\n[[bin]]\nname = \"measured\"\n\
         path = \"main.rs\"\n\n[dependencies]\naho-corasick = \"=1.1.3\"\nmemchr = \"=2.7.4\"\n\n\
         [profile.release]\ncodegen-units = 1\n\n[workspace]\n",
    )?;
    fs::write(
        folder.join("main.rs"),
        "fn main() {\n    let text = std::env::args().nth(1).unwrap_or_default();\n    \
         let found = aho_corasick::AhoCorasick::new([\"thin\", \"link\"]).unwrap().find(&text);\n    \
         println!(\"{found:?} {:?}\", memchr::memchr(b'x', text.as_bytes()));\n}\n",
    )?;
    // With a target, the flags are not for build scripts.
    let target = "x86_64-unknown-linux-gnu";
    command::run(
        Command::new(std::path::absolute(cargo)?)
            .args(["build", "--quiet", "--release", "--target", target])
            .args(["--target-dir", "target"])
            .current_dir(folder)
            .env("RUSTC", std::path::absolute(rustc)?)
            .env(
                "RUSTFLAGS",
                "-Zunstable-options -Clinker-plugin-lto --emit=obj,thin-link-bitcode \
             -Clinker=clang-19 -Clink-arg=-fuse-ld=lld",
            ),
    )?;
    let deps = folder.join("target").join(target).join("release/deps");
    let mut bitcode = Vec::new();
    for entry in fs::read_dir(&deps)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".o") && !name.ends_with(".indexing.o") {
            bitcode.push(path);
        }
    }
    bitcode.sort();
    // What std defines is not looked at: `-shared` allows that.
    command::run(
        Command::new("ld.lld-19")
            .args(["-shared", "--thinlto-index-only"])
            .arg("--thinlto-object-suffix-replace=.indexing.o;.o")
            .args(bitcode.iter().map(|path| path.with_extension("indexing.o"))),
    )?;
    let measured = bitcode.into_iter().filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        CRATES.iter().any(|krate| name.starts_with(krate))
    });
    let measured: Vec<PathBuf> = measured.collect();
    ensure!(
        measured.len() == 3,
        "not two crates and a shim: {measured:?}"
    );
    Ok(measured)
}

fn index(module: &Path) -> PathBuf {
    let mut index = module.as_os_str().to_owned();
    index.push(".thinlto.bc");
    index.into()
}

fn rustc_backend(rustc: &Path, module: &Path) -> Command {
    let mut option = OsString::from("-Zthinlto-index=");
    option.push(index(module));
    let mut command = Command::new(rustc);
    command
        .args(["-Zunstable-options", "-Copt-level=3", "--emit=obj"])
        .arg(option)
        .arg(module)
        .arg("-o")
        .arg(module.with_extension("rustc.native"))
        // What is bound late would not be counted where it is not called.
        .env("LD_BIND_NOW", "1");
    command
}

/// clang with what rustc takes from the target of the module.
fn clang_backend(module: &Path) -> Command {
    let mut option = OsString::from("-fthinlto-index=");
    option.push(index(module));
    let mut command = Command::new("clang-19");
    command
        .args(["-O3", "-x", "ir", "-c", "-fPIC", "-ffunction-sections"])
        .args(["-fdata-sections", "-mllvm", "-enable-merge-functions"])
        .args(["--target=x86_64-unknown-linux-gnu", "-Wno-override-module"])
        .arg(option)
        .arg(module)
        .arg("-o")
        .arg(module.with_extension("clang.native"))
        .env("LD_BIND_NOW", "1");
    command
}

/// The most memory that `command` has in use, in KiB.
fn peak(command: &Command) -> anyhow::Result<f64> {
    let mut again = Command::new(command.get_program());
    let usage = command::run(again.args(command.get_args()))?.usage;
    Ok(usage.peak_memory as f64 / 1024.0)
}
