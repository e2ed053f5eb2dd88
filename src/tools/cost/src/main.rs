//! Counts, with callgrind, the instructions that `--emit=thin-link-bitcode` adds to a compile of
//! memchr, and those of rustc and clang as the backend of a module. Counts vary by about a million
//! between runs because of threads, so each is a median.
//!
//! [`package`] has the compiled package, [`backend`] compares backends.

mod backend;
mod package;

use std::ffi::OsStr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Parser;
use distributed::toolchain::Toolchain;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use tool_support::args::ToolArgs;
use tool_support::callgrind;
use tool_support::spread::Spread;
use tool_support::table::table;

const FLAGS: &str = "-O -Clinker-plugin-lto -Ccodegen-units=1";

/// Counts the instructions of a compile with and without `--emit=thin-link-bitcode`, and of rustc and
/// clang as backends.
#[derive(Parser)]
#[command(override_usage = "./x.py cost [OPTIONS]")]
struct Args {
    #[command(flatten)]
    tool: ToolArgs,
    /// Another compiler to measure side by side, such as an unpatched one
    #[arg(long, value_name = "RUSTC")]
    beside: Option<PathBuf>,
    /// Number of compiles of each kind, of which the median counts
    #[arg(long, value_name = "N", default_value = "5")]
    runs: NonZeroUsize,
}

fn main() -> ExitCode {
    tool_support::main(|| run(Args::parse()))
}

fn run(args: Args) -> anyhow::Result<()> {
    let runs = args.runs.get();
    let tools = Toolchain::find(&args.tool.rustc, &args.tool.cargo, None)?;
    let work_dir = args.tool.work_dir()?;
    let folder = tempfile::tempdir_in(&work_dir)?;
    package::write(folder.path())?;
    let memchr = package::memchr(&tools, folder.path())?;

    let mut compilers = vec![tools.rustc.clone()];
    compilers.extend(args.beside);
    let style = ProgressStyle::with_template("{elapsed_precise} {bar:30} {pos}/{len} {msg}")?;
    let bar = ProgressBar::new((compilers.len() * runs * 2) as u64).with_style(style);
    let mut counts = vec![[vec![], vec![]]; compilers.len()];
    // Interleaved, so that changes in the load of the machine affect all alike.
    for run in 0..runs {
        for (compiler, counts) in compilers.iter().zip(&mut counts) {
            for (emit, counts) in ["obj", "obj,thin-link-bitcode"].iter().zip(counts) {
                bar.set_message(format!("{} --emit={emit}", compiler.display()));
                counts.push(instructions(compiler, &memchr, emit, &work_dir, run)?);
                bar.inc(1);
            }
        }
    }
    bar.finish_and_clear();

    println!(
        "{}, {FLAGS}; median (least to most) of {runs} runs",
        package::MEMCHR
    );
    let mut table = table([
        "compiler",
        "--emit=obj",
        "--emit=obj,thin-link-bitcode",
        "added",
        "ratio",
    ]);
    for (compiler, counts) in compilers.iter().zip(counts) {
        let [without, with] = counts.map(Spread::of);
        let more = with.median - without.median;
        table.add_row([
            compiler.display().to_string(),
            without.text(grouped),
            with.text(grouped),
            grouped(more),
            format!("{:.4}", with.median / without.median),
        ]);
    }
    println!("{table}\n");
    backend::compare(&tools, folder.path(), runs)
}

/// A whole number with its digits in groups of three.
fn grouped(number: f64) -> String {
    let sign = if number < 0.0 { "-" } else { "" };
    format!("{sign}{}", HumanCount(number.abs() as u64))
}

/// The instructions of one compile, as callgrind counts them.
///
/// LLVM's tables are keyed by addresses, which are the same in every run under valgrind. An output
/// folder of a different length in each run varies them.
fn instructions(
    rustc: &Path,
    source: &Path,
    emit: &str,
    work_dir: &Path,
    run: usize,
) -> anyhow::Result<f64> {
    let out_dir = tempfile::Builder::new()
        .prefix(&"run-".repeat(1 + run * 3))
        .tempdir_in(work_dir)?;
    let mut compile = Command::new(rustc);
    compile.arg(source);
    compile.args(["--crate-name=memchr", "--crate-type=lib", "--edition=2021"]);
    compile.args([
        "--cfg=feature=\"alloc\"",
        "--cfg=feature=\"std\"",
        "--cap-lints=allow",
    ]);
    compile
        .args(FLAGS.split(' '))
        .args(["-Zunstable-options", &format!("--emit={emit}")]);
    compile.args([OsStr::new("--out-dir"), out_dir.path().as_os_str()]);
    callgrind::count(&compile)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!(grouped(999.0), "999");
        assert_eq!(grouped(4_786_839.0), "4,786,839");
        assert_eq!(grouped(-100_000.0), "-100,000");
    }
}
