//! Compares the answers of two builds of a program.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use distributed::fetch::Source;
use helped::Helped;
use serde::Serialize;

use crate::programs::Program;

/// The size of a comparison.
#[derive(Serialize)]
pub struct Answers {
    /// The number of queries.
    pub queries: usize,
    /// Bytes that each build wrote to its standard output.
    pub bytes: usize,
}

#[derive(PartialEq)]
struct Answer {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Asks both builds of `program` about its source and its dependencies'. It is an error if their
/// answers differ, or if an exit status is not the expected one.
pub fn run(
    program: &Program,
    source: &Source,
    plain: &Path,
    thin: &Path,
) -> anyhow::Result<Answers> {
    let folders: Vec<_> = source
        .packages
        .iter()
        .map(|(_, folder)| folder.clone())
        .collect();
    let mut bytes = 0;
    for (query, status) in program.queries {
        bytes += ask_both(program, plain, thin, query, *status, &folders)?;
    }
    Ok(Answers {
        queries: program.queries.len(),
        bytes,
    })
}

/// Asks one query and returns the bytes of the answer.
fn ask_both(
    program: &Program,
    plain: &Path,
    thin: &Path,
    query: &[&str],
    status: i32,
    folders: &[PathBuf],
) -> anyhow::Result<usize> {
    let expected = ask(program, plain, query, folders)?;
    if expected.status != Some(status) {
        bail!(
            "the plain build exits with {:?}, not {status}, for {query:?}\n{}",
            expected.status,
            expected.stderr
        );
    }
    let answer = ask(program, thin, query, folders)?;
    if answer != expected {
        let difference = difference(&expected, &answer);
        let message = format!("the answers to {query:?} differ: {difference}");
        let help = format!("run both: {} and {}", plain.display(), thin.display());
        return Err(Helped::new(message, help).into());
    }
    Ok(answer.stdout.len())
}

/// The answer of the build `path` of `program`, without anything that depends on time.
fn ask(
    program: &Program,
    path: &Path,
    query: &[&str],
    folders: &[PathBuf],
) -> anyhow::Result<Answer> {
    let output = Command::new(path)
        .args(program.arguments)
        .args(query)
        .args(folders)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", path.display()))?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    Ok(Answer {
        status: output.status.code(),
        stdout: (program.stable)(query, &stdout)?,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// The first difference of `other` from `expected`.
fn difference(expected: &Answer, other: &Answer) -> String {
    if expected.status != other.status {
        return format!("exit status {:?} and {:?}", expected.status, other.status);
    }
    for (name, one, two) in [
        ("output", &expected.stdout, &other.stdout),
        ("error output", &expected.stderr, &other.stderr),
    ] {
        let same = one
            .lines()
            .zip(two.lines())
            .take_while(|(one, two)| one == two)
            .count();
        if one != two {
            let (one, two) = (one.lines().nth(same), two.lines().nth(same));
            return format!("line {} of the {name} is {one:?} and {two:?}", same + 1);
        }
    }
    "nowhere".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::PROGRAMS;

    #[test]
    fn same_answers_pass_and_others_do_not() {
        let ask = |plain: &str, thin: &str| {
            let folders = [PathBuf::from("folder")];
            let [program, _] = &PROGRAMS;
            let (plain, thin) = (Path::new(plain), Path::new(thin));
            ask_both(program, plain, thin, &["query"], 0, &folders)
                .map_err(|error| error.to_string())
        };
        let echo = "--no-config --no-ignore-parent --sort=path query folder\n";
        assert_eq!(ask("echo", "echo"), Ok(echo.len()));
        let message = ask("echo", "true").unwrap_err();
        assert!(
            message.contains("line 1 of the output is Some(\"--no-config"),
            "{message}"
        );
        let message = ask("true", "false").unwrap_err();
        assert!(
            message.contains("exit status Some(0) and Some(1)"),
            "{message}"
        );
        let message = ask("false", "false").unwrap_err();
        assert!(
            message.starts_with("the plain build exits with Some(1), not 0"),
            "{message}"
        );
    }

    #[test]
    fn difference_names_the_first_line() {
        let answer = |stdout: &str| Answer {
            status: Some(0),
            stdout: stdout.to_owned(),
            stderr: String::new(),
        };
        assert_eq!(
            difference(&answer("a\nb\n"), &answer("a\nc\nd\n")),
            r#"line 2 of the output is Some("b") and Some("c")"#
        );
        assert_eq!(
            difference(&answer("a\n"), &answer("a\nb\n")),
            r#"line 2 of the output is None and Some("b")"#
        );
    }
}
