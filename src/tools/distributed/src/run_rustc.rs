//! Starts rustc with the flags of build scripts, which rules_rust's actions write to files.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use helped::Helped;

/// The folder in which the build script ran. rules_rust replaces its path by this, wherever it is.
const ROOT: &str = "${pwd}";

/// Folders of outputs and of other repositories, below the folder in which an action runs.
const BELOW_ROOT: [&str; 2] = ["bazel-out", "external"];

/// Becomes rustc: `arguments` are any number of `--arg-file FILE`, then rustc and its arguments. Each line
/// of the files is another argument, with paths relative to the working directory, because link inputs
/// keep them.
pub fn run(arguments: Vec<OsString>) -> anyhow::Result<()> {
    let mut arguments = arguments.into_iter();
    let mut flags = Vec::new();
    let rustc = loop {
        match arguments.next() {
            Some(word) if word == "--arg-file" => {
                let file = arguments.next().unwrap_or_default();
                flags.extend(read(Path::new(&file))?);
            }
            word => break word,
        }
    };
    let rustc = rustc.with_context(|| {
        let help = "rust-thinlto run-rustc [--arg-file FILE]... RUSTC ARGUMENT...";
        Helped::new("there is no compiler", help)
    })?;
    let error = Command::new(&rustc).args(arguments).args(flags).exec();
    Err(error).with_context(|| format!("cannot start {}", Path::new(&rustc).display()))
}

fn read(file: &Path) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(file);
    let text = text.with_context(|| format!("cannot read the flags in {}", file.display()))?;
    let lines = text.lines().filter(|line| !line.is_empty());
    Ok(lines.map(relative).collect())
}

/// A flag with relative paths.
fn relative(flag: &str) -> String {
    let Some((before, path)) = flag.split_once(ROOT) else {
        return flag.to_owned();
    };
    if path.is_empty() || path.starts_with('/') {
        return flag.replace(&format!("{ROOT}/"), "").replace(ROOT, ".");
    }
    // The script ran in the root folder, as on workers of buildbox: every slash has been replaced.
    let path = path.replace(ROOT, "/");
    let is_below = BELOW_ROOT.iter().any(|folder| path.starts_with(folder));
    format!("{before}{}{path}", if is_below { "" } else { "/" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_wherever_the_script_ran() {
        for (flag, expected) in [
            ("-lstatic=deflate", "-lstatic=deflate"),
            (
                "-Lnative=${pwd}/bazel-out/x/lib",
                "-Lnative=bazel-out/x/lib",
            ),
            (
                "-Lnative=${pwd}bazel-out${pwd}x${pwd}lib",
                "-Lnative=bazel-out/x/lib",
            ),
            (
                "-Clink-arg=-Wl,-rpath,${pwd}external${pwd}a",
                "-Clink-arg=-Wl,-rpath,external/a",
            ),
            ("-Lnative=${pwd}usr${pwd}lib", "-Lnative=/usr/lib"),
            ("-Lnative=/usr/lib", "-Lnative=/usr/lib"),
            ("-L${pwd}", "-L."),
        ] {
            assert_eq!(relative(flag), expected);
        }
    }

    #[test]
    fn errors_name_what_is_missing() {
        let error = |words: &[&str]| {
            let words = words.iter().map(OsString::from).collect();
            helped::report(&run(words).unwrap_err())
        };
        assert_eq!(
            error(&[]),
            "error: there is no compiler\n\
             help: rust-thinlto run-rustc [--arg-file FILE]... RUSTC ARGUMENT..."
        );
        let missing = error(&["--arg-file", "missing", "rustc"]);
        assert!(
            missing.starts_with("error: cannot read the flags in missing: "),
            "{missing}"
        );
        let missing = error(&["no-such-rustc", "-O"]);
        assert!(
            missing.starts_with("error: cannot start no-such-rustc: "),
            "{missing}"
        );
    }
}
