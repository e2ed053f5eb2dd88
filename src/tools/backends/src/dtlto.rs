//! The jobs of a link: the file that lld writes for the program of `--thinlto-distributor`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use helped::Helped;
use serde::Deserialize;

use crate::action::{Argument, Job};
use crate::compiler::Kind;
use crate::index;
use crate::runner::Runner;

/// Options of clang that lld passes, which rustc derives from the target and the module.
const KNOWN_TO_RUSTC: [&str; 6] = [
    "-c",
    "-faddrsig",
    "-fdata-sections",
    "-ffunction-sections",
    "-fpic",
    "-Wno-unused-command-line-argument",
];
/// Options with which the compiler would write more files than the object.
const MORE_OUTPUTS: [&str; 6] = [
    "-foptimization-record-file",
    "-fsave-optimization-record",
    "-ftime-trace",
    "-gsplit-dwarf",
    "-save-temps",
    "--save-temps",
];

#[derive(Deserialize)]
struct Link {
    common: Common,
    jobs: Vec<LinkJob>,
}

#[derive(Deserialize)]
struct Common {
    args: Vec<String>,
}

#[derive(Deserialize)]
struct LinkJob {
    args: Vec<String>,
}

/// Reads the jobs in `file`. The compiler is the one that lld names, or the rustc of the settings.
pub fn jobs(file: &Path, runner: &Runner) -> anyhow::Result<Vec<Job>> {
    let settings = runner.settings();
    let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let link: Link = serde_json::from_slice(&text).with_context(|| not_of_lld(file))?;
    let (program, options) = link
        .common
        .args
        .split_first()
        .with_context(|| not_of_lld(file))?;
    // Compilers are found when there is a module for them.
    let (mut clang, mut of_rustc) = (None, None);
    let mut jobs = Vec::new();
    for job in link.jobs {
        let [module, index, dash_o, output] = &job.args[..] else {
            return Err(not_of_lld(file).into());
        };
        let index = index
            .strip_prefix("-fthinlto-index=")
            .filter(|_| dash_o == "-o");
        let index = index.with_context(|| not_of_lld(file))?;
        let (compiler, options) = match &settings.rustc {
            Some(rustc) if is_of_rustc(module)? => match &of_rustc {
                Some(found) => found,
                None => {
                    let compiler = runner.compiler(Kind::Rustc, rustc)?;
                    let options = [rustc_options(options)?, settings.rustc_option.clone()].concat();
                    of_rustc.insert((compiler, arguments(options)?))
                }
            },
            _ => match &clang {
                Some(found) => found,
                None => {
                    if program.is_empty() {
                        let help = "pass lld `--thinlto-remote-compiler=/usr/bin/clang-22`";
                        return Err(Helped::new("lld names no compiler", help).into());
                    }
                    let compiler = runner.compiler(Kind::Clang, Path::new(program))?;
                    clang.insert((compiler, arguments(options.to_owned())?))
                }
            },
        }
        .clone();
        jobs.push(Job {
            compiler,
            options,
            dir: PathBuf::new(),
            module: module.clone(),
            index: index.into(),
            output: output.into(),
        });
    }
    Ok(jobs)
}

fn not_of_lld(file: &Path) -> Helped {
    Helped::new(
        format!(
            "{} does not have the jobs of a link by lld 22",
            file.display()
        ),
        "this program is for lld's `--thinlto-distributor`",
    )
}

fn is_of_rustc(module: &str) -> anyhow::Result<bool> {
    let file = fs::read(module).with_context(|| format!("cannot read {module}"))?;
    index::is_of_rustc(&file).with_context(|| format!("cannot read the module {module}"))
}

/// The options of rustc for those of clang.
fn rustc_options(clang: &[String]) -> anyhow::Result<Vec<String>> {
    let mut options = Vec::new();
    let mut clang = clang.iter();
    while let Some(option) = clang.next() {
        // rustc's names of targets are its own.
        if KNOWN_TO_RUSTC.contains(&option.as_str()) || option.starts_with("--target=") {
            continue;
        }
        if let Some(level) = option.strip_prefix("-O") {
            options.push(format!("-Copt-level={level}"));
        } else if option == "-mllvm"
            && let Some(value) = clang.next()
        {
            options.push(format!("-Cllvm-args={value}"));
        } else {
            return Err(Helped::new(
                format!("no option of rustc is known for clang's `{option}`"),
                "pass rustc's own with `--rustc-option`, or leave out `--rustc`",
            )
            .into());
        }
    }
    Ok(options)
}

/// Finds the files in `options`. Refuses what would not be in the key, or not among the outputs.
fn arguments(options: Vec<String>) -> anyhow::Result<Arc<[Argument]>> {
    let arguments = options.into_iter().map(|option| {
        let refuse = |reason: &str, help: &str| -> anyhow::Result<Argument> {
            Err(Helped::new(format!("the compiler's option `{option}` {reason}"), help).into())
        };
        if MORE_OUTPUTS.iter().any(|name| option.starts_with(name)) {
            return refuse("writes more than an object", "leave it out");
        }
        if option.ends_with("=native") {
            return refuse("depends on the machine", "name the CPU");
        }
        if option.starts_with('@') {
            return refuse("is a response file", "pass the options in it");
        }
        let (before, value) = match option.split_once('=') {
            Some((before, value)) => (format!("{before}="), value),
            None if option.starts_with('-') => return Ok(Argument::Text(option)),
            None => (String::new(), &*option),
        };
        let path = Path::new(value);
        if path.is_file() {
            return Ok(Argument::File(before, path.to_owned()));
        }
        if path.is_absolute() {
            return refuse(
                "is not a file",
                "cached objects would not depend on its content",
            );
        }
        Ok(Argument::Text(option))
    });
    arguments.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn options_of_lld_have_counterparts() {
        let of_lld = strings(&[
            "-c",
            "--target=x86_64-pc-linux-gnu",
            "-O3",
            "-faddrsig",
            "-ffunction-sections",
            "-fdata-sections",
            "-fpic",
            "-mllvm",
            "-no-pgo-warn-mismatch",
            "-Wno-unused-command-line-argument",
        ]);
        let expected = ["-Copt-level=3", "-Cllvm-args=-no-pgo-warn-mismatch"];
        assert_eq!(rustc_options(&of_lld).unwrap(), expected);
        let error = rustc_options(&strings(&["-fno-plt"])).unwrap_err();
        assert!(error.to_string().ends_with("`-fno-plt`"), "{error}");
    }

    #[test]
    fn files_in_options_become_inputs() {
        let dir = tempfile::tempdir().unwrap();
        let profile = dir.path().join("p");
        fs::write(&profile, "profile").unwrap();
        let option = format!("-fprofile-sample-use={}", profile.display());
        let found = arguments(vec!["-O2".into(), option, profile.display().to_string()]).unwrap();
        let expected = [
            Argument::Text("-O2".into()),
            Argument::File("-fprofile-sample-use=".into(), profile.clone()),
            Argument::File(String::new(), profile),
        ];
        assert_eq!(found[..], expected);
    }

    #[test]
    fn options_that_a_key_cannot_have_are_refused() {
        for (option, reason) in [
            ("-march=native", "depends on the machine"),
            ("-gsplit-dwarf=single", "writes more than an object"),
            ("@options", "is a response file"),
            ("--sysroot=/", "is not a file"),
        ] {
            let error = arguments(strings(&[option])).unwrap_err();
            let expected = format!("the compiler's option `{option}` {reason}");
            assert_eq!(error.to_string(), expected);
        }
    }
}
