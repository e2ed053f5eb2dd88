//! Compares rustc and clang as the backend of the same modules: a program that imports, memchr, and
//! an allocator shim, whose backend does little but start.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use distributed::toolchain::{Toolchain, find_llvm};
use indicatif::{ProgressBar, ProgressStyle};
use tool_support::command;
use tool_support::spread::Spread;
use tool_support::table::table;

use crate::callgrind;
use crate::{grouped, package};

/// Prints the instructions and the memory of rustc and of clang as backends of modules of the package
/// in `folder`.
pub fn compare(tools: &Toolchain, folder: &Path, runs: usize) -> anyhow::Result<()> {
    let clang = find_llvm("clang", "clang")?;
    let modules = package::modules(tools, folder)?;

    let style = ProgressStyle::with_template("{elapsed_precise} {bar:30} {pos}/{len} {msg}")?;
    let bar = ProgressBar::new((modules.len() * 2 * runs) as u64).with_style(style);
    let mut table = table([
        "module",
        "bitcode",
        "rustc",
        "clang",
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

/// The peak memory of `command`, in KiB.
fn peak(command: &Command) -> anyhow::Result<f64> {
    let mut again = Command::new(command.get_program());
    let usage = command::run(again.args(command.get_args()))?.usage;
    Ok(usage.peak_memory as f64 / 1024.0)
}
