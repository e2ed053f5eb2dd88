//! `test`: the project's tests, or the paths on the command line.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};
use glob::{Pattern, glob};
use helped::{Helped, report};

use crate::bootstrap;
use crate::files::Overlay;
use crate::flags::Flags;
use crate::place::{Place, run as run_command};
use crate::source;
use crate::suites::{BAZEL, CRATES, Counts, LINTS, OURS, RUN_MAKE, UPSTREAM};
use crate::tree::Tree;
use crate::verbs::{build, overlay, tool};

/// Tests the given paths; a run-make suite selects our tests in it. Without paths, runs the tests of the
/// project, except for those with Bazel, and ends with a line of counts.
pub fn run(place: &Place, args: Vec<String>) -> Result<ExitCode> {
    let (flags, paths) = Flags::read(&source::ensure(place)?, "test")?.split(args);
    if paths.is_empty() {
        return project(place, flags);
    }
    if paths.iter().any(|path| path.trim_end_matches('/') == BAZEL) {
        return bazel(place, &flags, &paths);
    }
    let (_, overlay) = overlay::lay(place)?;
    let mut args = flags;
    for path in paths {
        let suite = path.trim_end_matches('/');
        if !RUN_MAKE.contains(&suite) {
            args.insert(0, path);
            continue;
        }
        let ours = overlay.tests(suite);
        if ours.is_empty() {
            let message = format!("the overlay has no test in {suite}");
            let help = format!("{suite}/NAME runs one of upstream's");
            return Err(Helped::new(message, help).into());
        }
        args.splice(0..0, ours);
    }
    build::run(place, "test", args)
}

/// Runs every part, even if one fails.
fn project(place: &Place, flags: Vec<String>) -> Result<ExitCode> {
    let mut parts: Vec<(&str, Counts)> = Vec::new();
    let checked = overlay::lay(place).and_then(|laid| overlay::check(place).map(|_| laid));
    parts.push(("overlay --check", check(&checked)));

    place.step(7, "test: format and lints of our workspace");
    for (name, program, args) in LINTS {
        parts.push((name, check(&lint(place, program, args))));
    }

    if let Ok((tree, overlay)) = checked {
        let known = fs::read_to_string(place.root.join("src/overlay/known-failures.toml"))?;
        let known: BTreeMap<String, String> =
            toml::from_str(&known).context("cannot use known-failures.toml")?;
        let paths = suite_paths(&tree, &overlay)?;
        let known = known_in(&known, &paths);
        for name in &known {
            println!("skipping {name}: the release fails it as well (known-failures.toml)");
        }
        let own = ["--no-fail-fast", "--force-rerun", "--no-doc"];
        let mut args: Vec<String> = own.map(str::to_owned).into();
        args.extend(
            known
                .iter()
                .flat_map(|name| ["--skip".to_owned(), name.clone()]),
        );
        args.extend(CRATES.map(str::to_owned));
        args.extend(paths);
        args.extend(flags);
        place.step(7, "test: the compiler");
        let mut bootstrap = bootstrap::command(place, &tree, "test", &[], args)?;
        tool::ship(place, &mut bootstrap)?;
        let mut counts = counted(&mut bootstrap)?;
        counts.skipped += known.len();
        parts.push(("compiler", counts));
    }

    place.step(7, "test: our workspace, including x.py");
    let mut cargo = place.cargo();
    cargo
        .env("TESTED_RUSTC", place.build.join("host/stage1/bin/rustc"))
        .env("THINLTO_TEST_ROOT", place.build.join("forky"));
    parts.push((
        "workspace",
        counted(cargo.args(["test", "--workspace", "--locked", "--no-fail-fast"]))?,
    ));

    println!("the tests with Bazel are not part of this: ./x.py test {BAZEL}");
    finish(place, &parts)
}

/// Prints the counts of each part, and at last their sum.
fn finish(place: &Place, parts: &[(&str, Counts)]) -> Result<ExitCode> {
    println!("finished after {}", place.elapsed());
    let mut total = Counts::default();
    for (name, counts) in parts {
        println!("  {name}: {counts}");
        total = total.plus(*counts);
    }
    println!("{total}");
    Ok(if total.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs the tests with Bazel, or those that `--test-args` selects. Ends with a line of counts.
fn bazel(place: &Place, flags: &[String], paths: &[String]) -> Result<ExitCode> {
    let words = test_args(flags);
    let (Some(words), [_]) = (words, paths) else {
        let message = format!("{BAZEL} is not tested with other paths or flags");
        let help = format!("./x.py test {BAZEL} [--test-args WORD]...");
        return Err(Helped::new(message, help).into());
    };
    if build::run(place, "build", Vec::new())? != ExitCode::SUCCESS {
        return Ok(ExitCode::FAILURE);
    }
    let mut tests = tool::command(place, "bazel-test");
    tests.arg("--root").arg(place.build.join("forky"));
    finish(place, &[(BAZEL, counted(tests.args(words))?)])
}

/// The values of `--test-args`; None if there are other flags.
fn test_args(flags: &[String]) -> Option<Vec<&str>> {
    let mut words = Vec::new();
    let mut flags = flags.iter();
    while let Some(flag) = flags.next() {
        words.push(match flag.strip_prefix("--test-args")? {
            "" => flags.next()?,
            word => word.strip_prefix('=')?,
        });
    }
    Some(words)
}

/// Counts a check as one test, and prints its error.
fn check<T>(result: &Result<T>) -> Counts {
    if let Err(error) = result {
        eprintln!("{}", report(error));
    }
    Counts::one(result.is_ok())
}

/// Runs a program of stage 0 that checks the sources of our workspace.
fn lint(place: &Place, program: &str, args: &[&str]) -> Result<()> {
    let stage0 = place.stage0();
    if !stage0.join("bin").join(program).exists() {
        let message = format!("stage 0 in {} has no {program}", stage0.display());
        let help = "`rustup component add clippy rustfmt` adds it to a toolchain of rustup";
        return Err(Helped::new(message, help).into());
    }
    run_command(place.stage0_program(program).args(args))
}

/// The paths of our tests and of the upstream tests closest to our changes.
fn suite_paths(tree: &Tree, overlay: &Overlay) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    for pattern in UPSTREAM {
        let folder = tree.dir.to_str();
        let folder = folder.with_context(|| format!("{} is not UTF-8", tree.dir.display()))?;
        let folder = Pattern::escape(folder);
        for found in glob(&format!("{folder}/{pattern}"))? {
            let found = found?;
            let path = found.strip_prefix(&tree.dir)?.to_string_lossy();
            paths.push(path.into_owned());
        }
    }
    for suite in OURS {
        let ours = overlay.tests(suite);
        paths.extend(
            ours.into_iter()
                .filter(|path| !paths.iter().any(|whole| within(path, whole)))
                .collect::<Vec<_>>(),
        );
    }
    paths.sort();
    Ok(paths)
}

/// The known failures that `paths` would run.
fn known_in(known: &BTreeMap<String, String>, paths: &[String]) -> Vec<String> {
    known
        .keys()
        .filter(|name| paths.iter().any(|path| within(name, path)))
        .cloned()
        .collect()
}

fn within(path: &str, whole: &str) -> bool {
    path.strip_prefix(whole)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Runs a command, shows its output and counts the tests in it. If the command fails without a
/// failed test, for example because the tests do not compile, that counts as a failure.
fn counted(command: &mut Command) -> Result<Counts> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let mut counts = Counts::default();
    for line in BufReader::new(child.stdout.take().context("no output")?).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        counts.add_line(&line);
    }
    if !child.wait()?.success() && counts.failed == 0 {
        counts.failed = 1;
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_failures_count_only_where_they_would_run() {
        let name = |path: &str| (path.to_owned(), "why".to_owned());
        let known = BTreeMap::from([
            name("tests/codegen-llvm/a/b.rs"),
            name("tests/run-make/lto-x"),
            name("tests/ui/z.rs"),
        ]);
        let paths = [
            "tests/codegen-llvm".to_owned(),
            "tests/run-make/lto-x".to_owned(),
            "tests/ui/lto".to_owned(),
        ];
        assert_eq!(
            known_in(&known, &paths),
            ["tests/codegen-llvm/a/b.rs", "tests/run-make/lto-x"]
        );
    }

    #[test]
    fn a_command_that_fails_before_its_tests_counts_as_one_failure() {
        let counts = counted(Command::new("sh").args(["-c", "exit 3"])).unwrap();
        assert_eq!(counts, Counts::one(false));
        let line = "test result: FAILED. 4 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out";
        let counts =
            counted(Command::new("sh").args(["-c", &format!("echo '{line}'; exit 1")])).unwrap();
        assert_eq!(
            counts,
            Counts {
                passed: 4,
                failed: 2,
                skipped: 1
            }
        );
    }

    #[test]
    fn every_known_failure_has_a_reason() {
        let known: BTreeMap<String, String> =
            toml::from_str(include_str!("../../known-failures.toml")).unwrap();
        assert!(
            known
                .iter()
                .all(|(path, reason)| path.starts_with("tests/") && reason.len() > 10)
        );
    }
}
