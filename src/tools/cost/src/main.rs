//! Counts, with callgrind, the instructions that `--emit=thin-link-bitcode` adds to a compile of
//! memchr, and those of rustc and clang as the backend of a module. The counts vary by about a
//! million from run to run (threads), so each is a median.

mod backend;
mod callgrind;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, ensure};
use cargo_metadata::MetadataCommand;
use clap::Parser;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use tool_support::args::ToolArgs;
use tool_support::spread::Spread;
use tool_support::table::table;

const FLAGS: &str = "-O -Clinker-plugin-lto -Ccodegen-units=1";

/// Counts the instructions of a compile with and without `--emit=thin-link-bitcode`, and of a
/// backend beside clang's.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    tool: ToolArgs,
    /// Another compiler, an unpatched one, say, to measure side by side
    #[arg(long)]
    beside: Option<PathBuf>,
    /// Compiles of each kind; the median of their counts is taken
    #[arg(long, default_value_t = 5)]
    runs: usize,
}

fn main() -> ExitCode {
    tool_support::main(|| run(Args::parse()))
}

fn run(args: Args) -> anyhow::Result<()> {
    ensure!(args.runs > 0, "`--runs` has to be at least 1");
    let work_dir = args.tool.work_dir()?;
    let memchr = memchr(&args.tool.cargo, &work_dir)?;

    let mut compilers = vec![args.tool.rustc.clone()];
    compilers.extend(args.beside);
    let style = ProgressStyle::with_template("{elapsed_precise} {bar:30} {pos}/{len} {msg}")?;
    let bar = ProgressBar::new((compilers.len() * args.runs * 2) as u64).with_style(style);
    let mut counts = vec![[vec![], vec![]]; compilers.len()];
    // Interleaved, so that what disturbs the machine disturbs all alike.
    for run in 0..args.runs {
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
        "memchr 2.7.4, {FLAGS}; median (least to most) of {} runs",
        args.runs
    );
    let mut table = table([
        "compiler",
        "--emit=obj",
        "--emit=obj,thin-link-bitcode",
        "more",
        "times",
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
    backend::compare(&args.tool, &work_dir, args.runs)
}

/// A whole number with its digits in groups of three.
fn grouped(number: f64) -> String {
    let sign = if number < 0.0 { "-" } else { "" };
    format!("{sign}{}", HumanCount(number.abs() as u64))
}

/// The root of memchr's source, fetched by cargo from crates.io.
fn memchr(cargo: &Path, work_dir: &Path) -> anyhow::Result<PathBuf> {
    let asking = tempfile::tempdir_in(work_dir)?;
    let manifest = asking.path().join("Cargo.toml");
    fs::write(
        &manifest,
        "[package]\nname = \"asking\"\nedition = \"2021\"\n\n[lib]\npath = \"lib.rs\"\n\n\
         [dependencies]\nmemchr = \"=2.7.4\"\n\n[workspace]\n",
    )?;
    fs::write(asking.path().join("lib.rs"), "")?;
    let metadata = MetadataCommand::new()
        .cargo_path(cargo)
        .manifest_path(&manifest)
        .exec()?;
    let package = metadata
        .packages
        .iter()
        .find(|package| package.name == "memchr");
    let package = package.context("cargo does not say where it put memchr 2.7.4")?;
    Ok(package.manifest_path.with_file_name("src/lib.rs").into())
}

/// The instructions of one compile, as callgrind counts them.
///
/// LLVM's tables are keyed by addresses, which valgrind makes the same each time: one layout of the
/// memory would be counted again and again. So each run has an output folder of another length.
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
