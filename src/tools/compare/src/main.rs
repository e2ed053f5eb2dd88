//! Compares what this fork's compiler writes without the fork's flags with what the release writes.
//!
//! Both compilers run in the same folder, one after the other, with the same options and the same
//! sysroot. Compared are the exit status, standard output and error, the set of files in the folder
//! (`TMPDIR` is in it, so temporary files count), their permissions, and their bytes. Both compilers are
//! of the same version, so neither version strings nor crate hashes are excluded. Excluded is only what
//! also differs between two runs of the release:
//!
//! - Random names: temporary folders, the folders of sessions with `-Cincremental`, and the part that such
//!   a session adds to the names of a codegen unit's files, also where debug information holds these names
//!   ([`random`]).
//! - Bytes in which two runs of the release differ, and seven bytes on either side. These are hashes of such
//!   names.
//! - With `-Cincremental`, the content of `query-cache.bin` and of `.dwp` files, whose order is random, and of
//!   files other than native objects that hold random names: bitcode has a hash of varying length, and
//!   linkers order the names of several units. The names of these files are compared.
//!
//! The bytes of a file have to agree in one of five attempts, because ThinLTO of debug information now and
//! then varies in the release too.
//!
//! Lines that the fork adds to `--help` and `-Zhelp` are allowed. Of the sysroot, only std's libraries are
//! compared, in `lib/rustlib/<host>/lib`.
//!
//! One file a step: [`matrix`] and [`more`] list what is compared, [`crates`] has the sources, [`case`]
//! runs the compilers, [`outcome`] reads what they leave, [`difference`] compares.

mod case;
mod crates;
mod difference;
mod matrix;
mod more;
mod outcome;
mod random;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::ensure;
use clap::Parser;
use distributed::toolchain::find_llvm;
use helped::Helped;
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use tool_support::args::ToolArgs;
use tool_support::table::table;

use crate::case::{Case, Compared, Compilers};

/// Compares what this fork's compiler writes without the fork's flags with what the release writes: the
/// set of files and their bytes, in hundreds of combinations of options, and std itself.
///
/// Files that differ are kept in the folder `compare/differences` of the build directory. The exit status
/// is 1 if anything differs.
#[derive(Parser)]
#[command(override_usage = "./x.py compare [OPTIONS] [WORDS]...")]
struct Args {
    #[command(flatten)]
    tool: ToolArgs,
    /// The compiler to compare with, of the same version [default: the release, built once and kept]
    #[arg(long, value_name = "RUSTC")]
    release: PathBuf,
    /// Compare only compiles whose command line contains all of these words
    words: Vec<String>,
}

fn main() -> ExitCode {
    tool_support::main(|| run(Args::parse()))
}

fn run(args: Args) -> anyhow::Result<()> {
    let compilers = Compilers::new(&args.release, &args.tool.rustc)?;
    let linker = find_llvm("clang", "clang")?;
    let linker_plugin_lto = format!(
        "-Clinker-plugin-lto -Clinker={} -Clink-arg=-fuse-ld=lld",
        linker.display()
    );
    let mut cases = matrix::cases(&linker_plugin_lto);
    cases.extend(more::cases(&linker_plugin_lto));
    cases.retain(|case| {
        let command = case.command();
        args.words.iter().all(|word| command.contains(word))
    });
    ensure!(
        !cases.is_empty(),
        "no compile has all of these words in its command line"
    );

    let work_dir = args.tool.work_dir()?;
    let kept = work_dir.join("differences");
    if kept.exists() {
        fs::remove_dir_all(&kept)?;
    }
    let scratch = tempfile::tempdir_in(&work_dir)?;
    let dependencies = scratch.path().join("dependencies");
    crates::write_dependencies(&compilers.release, &compilers.sysroot, &dependencies)?;

    let mut compared = compare(&cases, &compilers, scratch.path(), &kept)?;
    if args.words.is_empty() {
        cases.push(Case::new("std", "--print=target-libdir"));
        compared.push(compilers.compare_std(&kept.join(cases.len().to_string()))?);
    }
    report(&cases, &compared, &kept)
}

/// Compares all cases, as many at a time as there are cores.
fn compare(
    cases: &[Case],
    compilers: &Compilers,
    scratch: &Path,
    kept: &Path,
) -> anyhow::Result<Vec<Compared>> {
    let style = ProgressStyle::with_template("{elapsed_precise} {bar:30} {pos}/{len} {msg}")?;
    let bar = ProgressBar::new(cases.len() as u64).with_style(style);
    let numbered = cases.par_iter().enumerate();
    let compared = numbered.map(|(number, case)| {
        let number = (number + 1).to_string();
        bar.set_message(case.command());
        let compared = case.compare(compilers, &scratch.join(&number), &kept.join(&number));
        bar.inc(1);
        compared
    });
    let compared = compared.collect();
    bar.finish_and_clear();
    compared
}

/// Prints each difference with its command, and the summary; an error if anything differs.
fn report(cases: &[Case], compared: &[Compared], kept: &Path) -> anyhow::Result<()> {
    let mut groups: Vec<(&str, [usize; 4])> = Vec::new();
    for (number, (case, compared)) in cases.iter().zip(compared).enumerate() {
        let differs = !compared.differences.is_empty();
        if differs {
            println!("{}: {}", number + 1, case.command());
        }
        for (run, difference) in &compared.differences {
            let edited = if *run > 0 { "after an edit, " } else { "" };
            println!("    {edited}{}", difference.text);
        }
        if groups.last().is_none_or(|(name, _)| *name != case.group) {
            groups.push((case.group, [0; 4]));
        }
        if let Some((_, counts)) = groups.last_mut() {
            let more = [1, compared.runs, compared.files, usize::from(differs)];
            for (count, more) in counts.iter_mut().zip(more) {
                *count += more;
            }
        }
    }
    let mut table = table(["", "combinations", "runs", "files", "that differ"]);
    let mut total = [0; 4];
    for (name, counts) in &groups {
        table.add_row(
            [name.to_string()]
                .into_iter()
                .chain(counts.map(|count| count.to_string())),
        );
        for (total, count) in total.iter_mut().zip(counts) {
            *total += count;
        }
    }
    table.add_row(
        ["all".to_owned()]
            .into_iter()
            .chain(total.map(|count| count.to_string())),
    );
    println!("{table}");
    let [combinations, .., differ] = total;
    if differ > 0 {
        let message = format!("{differ} of {combinations} combinations differ from the release");
        let help = format!(
            "{}/NUMBER has both versions of each file whose content differs",
            kept.display()
        );
        return Err(Helped::new(message, help).into());
    }
    Ok(())
}
