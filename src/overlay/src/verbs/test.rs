//! `test`: the project's tests, or the paths that the user gives.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};

use crate::bootstrap;
use crate::files::Overlay;
use crate::place::Place;
use crate::suites::{CRATES, Counts, NOT_NEAR, OURS, UPSTREAM, matches};
use crate::tree::Tree;
use crate::verbs::{build, overlay};

/// With paths, those; `tests/run-make` alone is ours only. With none, all that the project
/// asks for, and a last line that counts the tests.
pub fn run(place: &Place, args: Vec<String>) -> Result<ExitCode> {
    let (flags, paths) = bootstrap::split(args);
    if paths.is_empty() {
        return project(place, flags);
    }
    let (_, overlay) = overlay::lay(place)?;
    let mut args = flags;
    for path in paths {
        if path.trim_end_matches('/') != "tests/run-make" {
            args.insert(0, path);
            continue;
        }
        let ours = overlay.tests("tests/run-make");
        if ours.is_empty() {
            bail!(
                "the overlay has no run-make test\nhelp: tests/run-make/NAME runs one of upstream's"
            );
        }
        args.splice(0..0, ours);
    }
    build::run(place, "test", args)
}

/// Runs every part, even when one fails.
fn project(place: &Place, flags: Vec<String>) -> Result<ExitCode> {
    let mut parts: Vec<(&str, Counts)> = Vec::new();
    let checked = overlay::lay(place).and_then(|laid| overlay::check(place).map(|_| laid));
    let laid = match checked {
        Ok(laid) => {
            parts.push((
                "overlay --check",
                Counts {
                    passed: 1,
                    ..Counts::default()
                },
            ));
            Some(laid)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            parts.push((
                "overlay --check",
                Counts {
                    failed: 1,
                    ..Counts::default()
                },
            ));
            None
        }
    };

    place.step(7, "test: our workspace, x.py among it");
    let mut cargo = place.cargo();
    parts.push((
        "workspace",
        counted(cargo.args(["test", "--workspace", "--locked", "--no-fail-fast"]))?,
    ));

    if let Some((tree, overlay)) = laid {
        let known = fs::read_to_string(place.root.join("src/overlay/known-failures.toml"))?;
        let known: BTreeMap<String, String> =
            toml::from_str(&known).context("known-failures.toml is not right")?;
        let paths = suite_paths(&tree, &overlay)?;
        let known = known_in(&known, &paths);
        for name in &known {
            println!("skipping {name}: it fails without our change too (known-failures.toml)");
        }
        place.step(7, "test: the compiler's crates");
        let mut args = vec!["--no-fail-fast".to_owned(), "--stage=0".to_owned()];
        args.extend(without_stage(&flags));
        let mut crates = bootstrap::command(place, "test", &CRATES, args)?;
        parts.push(("compiler's crates", counted(&mut crates)?));

        let mut args = vec!["--no-fail-fast".to_owned(), "--force-rerun".to_owned()];
        args.extend(["--skip".to_owned(), NOT_NEAR.to_owned()]);
        args.extend(
            known
                .iter()
                .flat_map(|name| ["--skip".to_owned(), name.clone()]),
        );
        args.extend(flags);
        args.extend(paths);
        place.step(7, "test: the compiler");
        let mut counts = counted(&mut bootstrap::command(place, "test", &[], args)?)?;
        counts.skipped += known.len();
        parts.push(("compiler", counts));
    }

    println!("finished after {}", place.elapsed());
    let mut total = Counts::default();
    for (name, counts) in &parts {
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

/// The flags without `--stage`, which is of the compiler and not of what is built to test it.
fn without_stage(flags: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut flags = flags.iter();
    while let Some(flag) = flags.next() {
        if flag == "--stage" {
            flags.next();
        } else if !flag.starts_with("--stage=") {
            kept.push(flag.clone());
        }
    }
    kept
}

/// The paths of our tests and of the upstream tests nearest to our change.
fn suite_paths(tree: &Tree, overlay: &Overlay) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    for pattern in UPSTREAM {
        let (folder, _) = pattern
            .rsplit_once('/')
            .context("a pattern without folder")?;
        for entry in fs::read_dir(tree.dir.join(folder))? {
            let path = format!("{folder}/{}", entry?.file_name().to_string_lossy());
            if matches(pattern, &path) && path != NOT_NEAR {
                paths.push(path);
            }
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

/// Runs a command, shows its output and counts the tests in it. A command that fails with no
/// failed test, because it could not build them, counts as one.
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
            name("tests/codegen/a/b.rs"),
            name("tests/run-make/lto-x"),
            name("tests/ui/z.rs"),
        ]);
        let paths = [
            "tests/codegen".to_owned(),
            "tests/run-make/lto-x".to_owned(),
            "tests/ui/lto".to_owned(),
        ];
        assert_eq!(
            known_in(&known, &paths),
            ["tests/codegen/a/b.rs", "tests/run-make/lto-x"]
        );
    }

    #[test]
    fn crates_are_not_tested_at_the_stage_of_the_compiler() {
        let kept = |flags: &str| {
            let flags: Vec<_> = flags.split(' ').map(str::to_owned).collect();
            without_stage(&flags).join(" ")
        };
        assert_eq!(kept("-v --stage 1 -j 2"), "-v -j 2");
        assert_eq!(kept("--stage=1 --keep-stage 1"), "--keep-stage 1");
    }

    #[test]
    fn a_command_that_fails_before_its_tests_counts_as_one_failure() {
        let counts = counted(Command::new("sh").args(["-c", "exit 3"])).unwrap();
        assert_eq!(
            counts,
            Counts {
                failed: 1,
                ..Counts::default()
            }
        );
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
