//! The programs, and the queries to which both builds of each must give the same answers.

use distributed::fetch::{FD, Package, RIPGREP};
use serde_json::Value;

/// A program that searches folders.
pub struct Program {
    /// Its package on crates.io.
    pub package: Package,
    /// Arguments of every query, for output that does not depend on the machine's settings.
    pub arguments: &'static [&'static str],
    /// Arguments, each with the exit status that the program must have.
    pub queries: &'static [(&'static [&'static str], i32)],
    /// Removes everything from the output of a query that depends on time.
    pub stable: fn(&[&str], &str) -> serde_json::Result<String>,
}

/// All programs.
pub const PROGRAMS: [Program; 2] = [
    Program {
        package: RIPGREP,
        arguments: &["--no-config", "--no-ignore-parent", "--sort=path"],
        // 0 for a match, 1 for none, 2 for an error.
        queries: &[
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
        ],
        stable: without_times,
    },
    Program {
        package: FD,
        arguments: &["--color=never", "--threads=1", "--unrestricted"],
        // 1 for an error, or for no match with `--quiet`.
        queries: &[
            (&["error"], 0),
            (&["--extension=rs", "."], 0),
            (&["--glob", "*.{toml,md}"], 0),
            (&["--ignore-case", "--type=file", "license"], 0),
            (&["--type=directory", "^src$"], 0),
            (&["--full-path", r"src/\w+/\w+\.rs$"], 0),
            (&["--max-depth=2", "--type=file", r"\.toml$"], 0),
            (&["--size=+64k", "."], 0),
            (&["--exclude=*.rs", "--type=file", "."], 0),
            (&["--fixed-strings", "--and=test", ".rs"], 0),
            (&["--type=empty", "."], 0),
            (&["--changed-before=2100-01-01", "^build"], 0),
            (&["--format={/.} in {//}", r"\.rs$"], 0),
            (&["--exec", "echo", "{/}", ";", r"^Cargo\.lock$"], 0),
            (&["--quiet", "there is no such file"], 1),
            (&["("], 1),
        ],
        stable: sorted,
    },
];

/// The lines of JSON without the fields that hold a duration.
fn without_times(query: &[&str], lines: &str) -> serde_json::Result<String> {
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
    if !query.contains(&"--json") {
        return Ok(lines.to_owned());
    }
    let mut stripped = String::new();
    for line in lines.lines() {
        let mut value = serde_json::from_str(line)?;
        strip(&mut value);
        stripped += &format!("{value}\n");
    }
    Ok(stripped)
}

/// The lines in order: fd sorts them only if it finds them all in a tenth of a second.
fn sorted(_: &[&str], lines: &str) -> serde_json::Result<String> {
    let mut lines: Vec<_> = lines.split_inclusive('\n').collect();
    lines.sort();
    Ok(lines.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_loses_only_times() {
        let line = r#"{"data":{"elapsed_total":{"secs":1},"stats":[{"elapsed":2,"matches":3}]}}"#;
        assert_eq!(
            without_times(&["--json"], line).unwrap(),
            "{\"data\":{\"stats\":[{\"matches\":3}]}}\n"
        );
        assert_eq!(without_times(&["--count"], line).unwrap(), line);
    }

    #[test]
    fn files_are_in_order() {
        assert_eq!(sorted(&[], "b\na b\na\n").unwrap(), "a\na b\nb\n");
    }
}
