//! How the outcomes of two compilers differ.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use crate::outcome::Outcome;
use crate::random::first_difference;

/// One difference between the outcomes of the release and of the fork.
#[derive(Debug, PartialEq)]
pub struct Difference {
    /// A line of text about it.
    pub text: String,
    /// The file whose content differs.
    pub file: Option<String>,
}

/// All differences between a run of the release and one of the fork. `earlier` is another run of the
/// release, which shows what is random. If the fork `may_add_lines`, new lines in its output are allowed.
pub fn between(
    release: &Outcome,
    earlier: Option<&Outcome>,
    fork: &Outcome,
    may_add_lines: bool,
) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut add = |text: String, file: Option<&str>| {
        let file = file.map(str::to_owned);
        found.push(Difference { text, file });
    };
    if release.status != fork.status {
        let (release, fork) = (&release.status, &fork.status);
        add(format!("{fork}; the release: {release}"), None);
    }
    for (name, release, fork) in [
        ("stdout", &release.stdout, &fork.stdout),
        ("stderr", &release.stderr, &fork.stderr),
    ] {
        let kept = if may_add_lines {
            without_new_lines(release, fork)
        } else {
            fork.clone()
        };
        if *release != kept {
            add(format!("{name}: {}", first_line(release, &kept)), None);
        }
    }
    for (name, file) in &release.files {
        let Some(forks) = fork.files.get(name) else {
            add(format!("{name} is missing"), None);
            continue;
        };
        if file.mode != forks.mode {
            let (mode, forks) = (file.mode & 0o7777, forks.mode & 0o7777);
            add(
                format!("{name}: mode {forks:o}; the release: {mode:o}"),
                None,
            );
        }
        if file.content == forks.content {
            continue;
        }
        let earlier = earlier.and_then(|earlier| earlier.files.get(name));
        let earlier = earlier.map(|earlier| earlier.content.as_slice());
        if let Some(offset) = first_difference(&file.content, earlier, &forks.content) {
            let sizes = [file, forks].map(|file| file.content.len());
            let text = match sizes {
                [size, fork] if size == fork => format!("{name}: byte {offset} of {size}"),
                [size, fork] => format!(
                    "{name}: {fork} bytes; the release: {size}; they differ from byte {offset} on"
                ),
            };
            add(text, Some(name));
        }
    }
    for name in fork.files.keys() {
        if !release.files.contains_key(name) {
            add(format!("{name} is new"), None);
        }
    }
    found
}

/// `fork` without the lines that `release` does not have.
fn without_new_lines(release: &str, fork: &str) -> String {
    let known: HashSet<_> = release.split_inclusive('\n').collect();
    let lines = fork.split_inclusive('\n');
    lines.filter(|line| known.contains(line)).collect()
}

/// The first line in which two texts differ.
fn first_line(release: &str, fork: &str) -> String {
    let (mut release, mut fork) = (release.lines(), fork.lines());
    loop {
        match (release.next(), fork.next()) {
            (Some(line), Some(fork)) if line == fork => {}
            (None, None) => return "line ends".to_owned(),
            (line, fork) => {
                let shown =
                    |line: Option<&str>| line.map_or("nothing".into(), |line| format!("`{line}`"));
                return format!("{}; the release: {}", shown(fork), shown(line));
            }
        }
    }
}

/// Writes both versions of a file that differs into `folder`, as `release/NAME` and `fork/NAME`.
pub fn keep(folder: &Path, name: &str, release: &Outcome, fork: &Outcome) -> anyhow::Result<()> {
    for (side, outcome) in [("release", release), ("fork", fork)] {
        let path = folder.join(side).join(name);
        if let (Some(parent), Some(file)) = (path.parent(), outcome.files.get(name)) {
            fs::create_dir_all(parent)?;
            fs::write(&path, &file.content)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::File;

    fn outcome(stdout: &str, files: &[(&str, u32, &str)]) -> Outcome {
        let files = files.iter().map(|(name, mode, content)| {
            let content = content.as_bytes().to_vec();
            (
                name.to_string(),
                File {
                    mode: *mode,
                    content,
                },
            )
        });
        Outcome {
            status: "exit status: 0".to_owned(),
            stdout: stdout.to_owned(),
            stderr: String::new(),
            files: files.collect(),
        }
    }

    fn texts(release: &Outcome, fork: &Outcome, may_add_lines: bool) -> Vec<String> {
        let found = between(release, None, fork, may_add_lines);
        found.into_iter().map(|found| found.text).collect()
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        let release = outcome(
            "a\nb\n",
            &[("x", 0o644, "123"), ("y", 0o644, "1"), ("z", 0o644, "")],
        );
        let mut fork = outcome(
            "a\nc\n",
            &[("w", 0o644, ""), ("x", 0o644, "173"), ("z", 0o755, "more")],
        );
        fork.status = "exit status: 1".to_owned();
        assert_eq!(
            texts(&release, &fork, false),
            [
                "exit status: 1; the release: exit status: 0",
                "stdout: `c`; the release: `b`",
                "x: byte 1 of 3",
                "y is missing",
                "z: mode 755; the release: 644",
                "z: 4 bytes; the release: 0; they differ from byte 0 on",
                "w is new",
            ]
        );
        assert_eq!(texts(&release, &release, false), [""; 0]);
    }

    #[test]
    fn lists_may_have_new_lines_but_no_changed_ones() {
        let release = outcome("a\nb\n", &[]);
        let longer = outcome("a\nnew\nb\nlast\n", &[]);
        assert_eq!(texts(&release, &longer, true), [""; 0]);
        assert_eq!(
            texts(&release, &longer, false),
            ["stdout: `new`; the release: `b`"]
        );
        let changed = outcome("a\nB\n", &[]);
        assert_eq!(
            texts(&release, &changed, true),
            ["stdout: nothing; the release: `b`"]
        );
    }
}
