//! rustc and clang as the backend of the same modules: a program that imports, memchr, and an
//! allocator shim, which is little but start-up.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use wait4::Wait4;

use crate::callgrind;
use crate::spread::{Spread, grouped};

/// The crates whose modules are measured. The first imports from the second.
const CRATES: [&str; 2] = ["measured", "memchr"];

/// Prints what rustc and clang need as backends, in instructions and in memory.
pub fn compare(rustc: &Path, cargo: &Path, work_dir: &Path, runs: usize) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(work_dir)?;
    let modules = modules(rustc, cargo, folder.path())?;

    let style = ProgressStyle::with_template("{elapsed_precise} {bar:30} {pos}/{len} {msg}")?;
    let bar = ProgressBar::new((modules.len() * 2 * runs) as u64).with_style(style);
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header([
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
            grouped(fs::metadata(module)?.len() as i64),
        ];
        for mut measured in [counts, peaks] {
            let [ours, clang] = [0, 1].map(|number| Spread::of(&mut measured[number]));
            row.extend([ours.to_string(), clang.to_string()]);
            row.push(format!("{:.4}", ours.median as f64 / clang.median as f64));
        }
        table.add_row(row);
    }
    bar.finish_and_clear();
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
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
    run(Command::new(std::path::absolute(cargo)?)
        .args(["build", "--quiet", "--release", "--target", target])
        .args(["--target-dir", "target"])
        .current_dir(folder)
        .env("RUSTC", std::path::absolute(rustc)?)
        .env(
            "RUSTFLAGS",
            "-Zunstable-options -Clinker-plugin-lto --emit=obj,thin-link-bitcode \
             -Clinker=clang-19 -Clink-arg=-fuse-ld=lld",
        ))?;
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
    run(Command::new("ld.lld-19")
        .args(["-shared", "--thinlto-index-only"])
        .arg("--thinlto-object-suffix-replace=.indexing.o;.o")
        .args(bitcode.iter().map(|path| path.with_extension("indexing.o"))))?;
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
fn peak(command: &Command) -> anyhow::Result<u64> {
    let mut again = Command::new(command.get_program());
    let usage = again
        .args(command.get_args())
        .spawn()
        .and_then(|mut child| child.wait4())
        .with_context(|| format!("cannot run {command:?}"))?;
    ensure!(usage.status.success(), "{command:?} failed");
    Ok(usage.rusage.maxrss / 1024)
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}
