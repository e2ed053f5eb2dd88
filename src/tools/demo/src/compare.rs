//! The two programs asked the same.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use distributed::fetch::Source;
use serde::Serialize;
use serde_json::Value;

/// The questions, each with the exit status that the answer must have: 0 for a match, 1 for none,
/// 2 for an error.
const QUERIES: &[(&[&str], i32)] = &[
    (&["memchr"], 0),
    (&["-n", "-i", "-w", "error"], 0),
    (&["-U", r"impl[^{]*\{\s*fn \w+"], 0),
    (&["--json", r"unsafe fn \w+"], 0),
    (&["--count", r"\bfn\b"], 0),
    (&["--files"], 0),
    (&["--files-without-match", "--type=rust", "fn"], 0),
    (&["-o", "-N", r"\p{Greek}+"], 0),
    (&["-c", "-v", "-g*.toml", "="], 0),
    (&["-C2", "-n", r"^pub (struct|enum) \w*Error"], 0),
    (&["-o", "-r$2 $1", r"(\w+)::(\w+)"], 0),
    (&["--encoding=latin1", "-o", "Ã."], 0),
    (&["--vimgrep", "--max-count=3", "u8"], 0),
    (&["-f-"], 1),
    (&["-F", "there is no such line"], 1),
    (&["("], 2),
];

/// What was compared.
#[derive(Serialize)]
pub struct Answers {
    pub queries: usize,
    /// Bytes that each program wrote to its standard output.
    pub bytes: usize,
}

#[derive(PartialEq)]
struct Answer {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Asks both programs about the source of the program and of all that it depends on. It is an error
/// if they differ, or if a query does not end as it must.
pub fn run(source: &Source, plain: &Path, thin: &Path) -> anyhow::Result<Answers> {
    let folders: Vec<_> = source
        .packages
        .iter()
        .map(|(_, folder)| folder.clone())
        .collect();
    let mut bytes = 0;
    for (query, status) in QUERIES {
        bytes += ask_both(plain, thin, query, *status, &folders)?;
    }
    Ok(Answers {
        queries: QUERIES.len(),
        bytes,
    })
}

/// Asks one query; returns the bytes of the answer.
fn ask_both(
    plain: &Path,
    thin: &Path,
    query: &[&str],
    status: i32,
    folders: &[PathBuf],
) -> anyhow::Result<usize> {
    let expected = ask(plain, query, folders)?;
    if expected.status != Some(status) {
        bail!(
            "the plain build ends with {:?}, not {status}, when asked for {query:?}\n{}",
            expected.status,
            expected.stderr
        );
    }
    let answer = ask(thin, query, folders)?;
    if answer != expected {
        bail!(
            "the programs differ when asked for {query:?}: {}\nhelp: ask both: {} and {}",
            difference(&expected, &answer),
            plain.display(),
            thin.display()
        );
    }
    Ok(answer.stdout.len())
}

/// What `program` answers, with nothing in it that depends on time or on this machine's settings.
fn ask(program: &Path, query: &[&str], folders: &[PathBuf]) -> anyhow::Result<Answer> {
    let output = Command::new(program)
        .args(["--no-config", "--no-ignore-parent", "--sort=path"])
        .args(query)
        .args(folders)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let mut stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if query.contains(&"--json") {
        stdout = without_times(&stdout)?;
    }
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(Answer {
        status: output.status.code(),
        stdout,
        stderr,
    })
}

/// Lines of JSON without the fields that hold how long something took.
fn without_times(lines: &str) -> anyhow::Result<String> {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|name, _| !name.starts_with("elapsed"));
                fields.values_mut().for_each(strip);
            }
            Value::Array(values) => values.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut stripped = String::new();
    for line in lines.lines() {
        let mut value = serde_json::from_str(line)?;
        strip(&mut value);
        stripped += &format!("{value}\n");
    }
    Ok(stripped)
}

/// Where `other` first departs from `expected`.
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

    #[test]
    fn same_answers_pass_and_others_do_not() {
        let ask = |plain: &str, thin: &str| {
            let folders = [PathBuf::from("folder")];
            ask_both(Path::new(plain), Path::new(thin), &["query"], 0, &folders)
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
            message.starts_with("the plain build ends with Some(1), not 0"),
            "{message}"
        );
    }

    #[test]
    fn json_loses_times_only() {
        let line = r#"{"data":{"elapsed_total":{"secs":1},"stats":[{"elapsed":2,"matches":3}]}}"#;
        assert_eq!(
            without_times(line).unwrap(),
            "{\"data\":{\"stats\":[{\"matches\":3}]}}\n"
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
