//! Compares rustc and clang as the backend of the same modules: a program that imports, memchr, and
//! an allocator shim, whose backend does little but start. For that one there is a goal.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use distributed::toolchain::{Toolchain, find_llvm};
use indicatif::{ProgressBar, ProgressStyle};
use tool_support::callgrind;
use tool_support::command::{self, Usage};
use tool_support::spread::Spread;
use tool_support::table::table;

use crate::{grouped, package};

/// The number of runs of each backend without callgrind.
const TIMED_RUNS: usize = 20;

/// The largest ratio of rustc to clang that reaches the goal for the start of a backend.
const START_AT_MOST: f64 = 1.0;

/// Prints the instructions, the time and the memory of rustc and of clang as backends of modules of the
/// package in `folder`.
pub fn compare(tools: &Toolchain, folder: &Path, runs: usize) -> anyhow::Result<()> {
    let clang = find_llvm("clang", "clang")?;
    let modules = package::modules(tools, folder)?;

    let style = ProgressStyle::with_template("{elapsed_precise} {bar:30} {pos}/{len} {msg}")?;
    let all = modules.len() * 2 * (runs + TIMED_RUNS);
    let bar = ProgressBar::new(all as u64).with_style(style);
    let mut start = None;
    let mut table = table([
        "module",
        "bitcode",
        "rustc",
        "clang",
        "ratio",
        "rustc, ms",
        "clang, ms",
        "ratio",
        "rustc, peak KiB",
        "clang, peak KiB",
        "ratio",
    ]);
    for module in &modules {
        let backends = [
            rustc_backend(&tools.rustc, module),
            clang_backend(&clang, module),
        ];
        let mut counts = [vec![], vec![]];
        let mut usages = [vec![], vec![]];
        for run in 0..runs + TIMED_RUNS {
            for (number, backend) in backends.iter().enumerate() {
                bar.set_message(format!("{backend:?}"));
                if run < runs {
                    counts[number].push(callgrind::count(backend)?);
                } else {
                    usages[number].push(usage(backend)?);
                }
                bar.inc(1);
            }
        }
        let bytes = fs::metadata(module)?.len();
        let mut row = vec![
            module.file_name().unwrap().to_string_lossy().into_owned(),
            grouped(bytes as f64),
        ];
        let of_usages = |value: fn(&Usage) -> f64| {
            usages
                .each_ref()
                .map(|usages| usages.iter().map(value).collect())
        };
        let seconds = of_usages(|usage| usage.seconds * 1000.0);
        let peaks = of_usages(|usage| usage.peak_memory as f64 / 1024.0);
        let tenths = |number: f64| format!("{number:.1}");
        let texts: [fn(f64) -> String; 3] = [grouped, tenths, grouped];
        let mut ratios = Vec::new();
        for (measured, text) in [counts, seconds, peaks].into_iter().zip(texts) {
            let [ours, clang] = measured.map(Spread::of);
            let ratio = ours.median / clang.median;
            row.extend([ours.text(text), clang.text(text), format!("{ratio:.4}")]);
            ratios.push(ratio);
        }
        table.add_row(row);
        if start.as_ref().is_none_or(|(least, _)| bytes < *least) {
            start = Some((bytes, ratios));
        }
    }
    bar.finish_and_clear();
    println!(
        "Backends of modules with -O3; median (least to most) of {runs} runs, time and memory of \
         {TIMED_RUNS}\n{table}"
    );
    let (_, ratios) = start.context("there are no modules")?;
    for (what, ratio) in ["instructions", "time"].into_iter().zip(ratios) {
        let reached = if ratio <= START_AT_MOST {
            "reached"
        } else {
            "missed"
        };
        println!(
            "Goal: {what} of the start of a backend process, rustc / clang, at most \
             {START_AT_MOST:.2}: {ratio:.3}, {reached}"
        );
    }
    Ok(())
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
        // Count the binding of all symbols, called or not.
        .env("LD_BIND_NOW", "1");
    command
}

/// clang with the options that rustc derives from the module's target.
fn clang_backend(clang: &Path, module: &Path) -> Command {
    let mut option = OsString::from("-fthinlto-index=");
    option.push(index(module));
    let mut command = Command::new(clang);
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

/// The resources of `command` in the environment of users.
fn usage(command: &Command) -> anyhow::Result<Usage> {
    let mut again = Command::new(command.get_program());
    Ok(command::run(again.args(command.get_args()))?.usage)
}
