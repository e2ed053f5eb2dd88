//! The laid tree: a git repository whose tag `pristine` is the untouched source and whose
//! HEAD is the overlay as it was last laid, unless the user commits there. All by git's
//! plumbing, so that only files that change are written.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::error::Helped;
use crate::files::Overlay;

/// Names the commit that was laid last; commits that the user makes in the tree do not move it.
pub const LAID: &str = "refs/x/laid";
/// Names the commit that is being laid, for as long as that lasts.
const LAYING: &str = "refs/x/laying";
/// Locks that a git which was killed leaves in `.git`.
const STALE_LOCKS: [&str; 6] = [
    "index.lock",
    "x.index.lock",
    "HEAD.lock",
    "refs/heads/overlay.lock",
    "refs/x/laid.lock",
    "refs/x/laying.lock",
];

/// A git command that no configuration of the user's or the machine's can change.
pub struct Git {
    command: Command,
    input: Vec<u8>,
}

impl Git {
    /// A command in the repository at `dir`.
    pub fn at(dir: &Path) -> Git {
        let mut command = Command::new("git");
        command
            .arg("-C")
            .arg(dir)
            .args(["-c", "safe.directory=*", "--literal-pathspecs"]);
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
            command.env_remove(name);
        }
        for role in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{role}_NAME"), "x.py")
                .env(format!("GIT_{role}_EMAIL"), "x.py@localhost")
                .env(format!("GIT_{role}_DATE"), "2025-02-20T00:00:00Z");
        }
        command
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("LC_ALL", "C");
        Git {
            command,
            input: Vec::new(),
        }
    }

    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Git {
        self.command.args(args);
        self
    }

    /// Gives `input` on standard input.
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Git {
        self.input = input.into();
        self
    }

    /// Works on this index instead of the repository's own.
    pub fn index(mut self, path: &Path) -> Git {
        self.command.env("GIT_INDEX_FILE", path);
        self
    }

    /// The exit status and both outputs.
    fn output(mut self) -> Result<std::process::Output> {
        let command = &mut self.command;
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .with_context(|| Helped::new("cannot start git", "install git"))?;
        let mut stdin = child.stdin.take().context("no standard input")?;
        let input = self.input;
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output()?;
        // git may end before it has read everything; its status says what that means.
        let _ = writer.join();
        Ok(output)
    }

    /// Standard output; an error with git's own message when git fails.
    pub fn bytes(self) -> Result<Vec<u8>> {
        let args: Vec<_> = self
            .command
            .get_args()
            .map(OsStr::to_string_lossy)
            .collect();
        let name = format!("git {}", args.join(" "));
        let output = self.output()?;
        if !output.status.success() {
            bail!(
                "{name} failed: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(output.stdout)
    }

    /// Standard output as text without the last line end.
    pub fn text(self) -> Result<String> {
        let text =
            String::from_utf8(self.bytes()?).context("git printed a name that is not UTF-8")?;
        Ok(text.trim_end_matches('\n').to_owned())
    }

    /// Runs for the effect.
    pub fn done(self) -> Result<()> {
        self.bytes().map(drop)
    }
}

/// Mode and object name of a path in a tree, or nothing.
pub type Entry = Option<(String, String)>;

/// How the repository and the laid tree went apart since the overlay was last laid.
pub struct Changes {
    /// Paths that only the repository changed.
    pub repository: BTreeMap<String, Entry>,
    /// Paths that only the laid tree changed.
    pub tree: BTreeMap<String, Entry>,
    /// Paths that both changed, to the same.
    pub same: Vec<String>,
    /// Paths that both changed, each to something else.
    pub conflicts: Vec<String>,
}

/// A source that the overlay applies to.
pub struct Base {
    /// Its commit in the laid tree's repository.
    pub commit: String,
    /// Its name in messages.
    pub name: &'static str,
}

impl Base {
    /// The source that was unpacked.
    pub fn pristine() -> Base {
        Base {
            commit: "pristine".to_owned(),
            name: "the source",
        }
    }
}

/// The laid tree.
pub struct Tree {
    pub dir: PathBuf,
}

impl Tree {
    /// A git command in the laid tree.
    pub fn git(&self) -> Git {
        Git::at(&self.dir)
    }

    /// Those of `paths` that are files of the pristine source.
    pub fn pristine_files<'a>(&self, paths: BTreeSet<&'a str>) -> Result<BTreeSet<&'a str>> {
        if paths.is_empty() {
            return Ok(paths);
        }
        let listed = self
            .git()
            .args(["ls-tree", "-r", "-z", "--name-only", "pristine", "--"]);
        let listed = listed.args(&paths).text()?;
        let listed: BTreeSet<&str> = listed.split_terminator('\0').collect();
        Ok(paths
            .into_iter()
            .filter(|path| listed.contains(path))
            .collect())
    }

    /// The index for work that leaves the repository's own alone.
    pub fn scratch_index(&self) -> PathBuf {
        self.dir.join(".git/x.index")
    }

    /// Applies the overlay in `root` to `base`, in git's store only.
    ///
    /// The commit depends on nothing but the overlay and the base. An error names each patch
    /// that does not apply.
    pub fn commit_of(&self, root: &Path, overlay: &Overlay, base: &Base) -> Result<String> {
        let index = self.scratch_index();
        let git = || self.git().index(&index);
        git().args(["read-tree", &base.commit]).done()?;

        let patch = |path: &String| root.join(format!("{path}.patch"));
        let apply = ["apply", "--cached", "--whitespace=nowarn"];
        if !overlay.patched.is_empty()
            && git()
                .args(apply)
                .args(overlay.patched.iter().map(patch))
                .done()
                .is_err()
        {
            let mut bad = String::new();
            for path in &overlay.patched {
                let tried = git()
                    .args(apply)
                    .args(["--check".into(), patch(path)])
                    .output()?;
                if !tried.status.success() {
                    let why = String::from_utf8_lossy(&tried.stderr)
                        .trim()
                        .replace('\n', "; ");
                    bad += &format!("\n  {path}.patch ({})", why.replace("error: ", ""));
                }
            }
            let message = format!("these patches do not apply to {}:{bad}", base.name);
            let help = format!(
                "correct them, or take them away, make the change in {} and run `./x.py refresh`",
                self.dir.display()
            );
            return Err(Helped::new(message, help).into());
        }
        let touched = git()
            .args(["diff-index", "--cached", "-z", "--name-only", &base.commit])
            .text()?;
        if let Some(path) = touched
            .split_terminator('\0')
            .find(|path| !overlay.patched.contains(*path))
        {
            let message = format!("a patch changes {path}");
            let help = format!("put that change in {path}.patch, one patch for each file");
            return Err(Helped::new(message, help).into());
        }

        let mut names = Vec::new();
        for path in overlay.new.keys() {
            names.extend_from_slice(root.join(path).as_os_str().as_encoded_bytes());
            names.push(b'\n');
        }
        let hashes = self
            .git()
            .args(["hash-object", "-w", "--no-filters", "--stdin-paths"]);
        let hashes = hashes.input(names).text()?;
        let mut entries = String::new();
        for ((path, executable), hash) in overlay.new.iter().zip(hashes.lines()) {
            let mode = if *executable { "100755" } else { "100644" };
            entries += &format!("{mode} {hash}\t{path}\0");
        }
        git()
            .args(["update-index", "-z", "--index-info"])
            .input(entries)
            .done()?;
        let tree = git().args(["write-tree"]).text()?;
        self.git()
            .args(["commit-tree", &tree, "-p", &base.commit, "-m", "overlay"])
            .text()
    }

    /// The tree object of the work tree as it is now.
    pub fn work_tree(&self) -> Result<String> {
        let index = self.scratch_index();
        let laid = self.dir.join(".git/index");
        fs::copy(&laid, &index)?;
        // git looks into files that are not older than the index: the copy must not be newer.
        File::options()
            .write(true)
            .open(&index)?
            .set_modified(fs::metadata(&laid)?.modified()?)?;
        self.git().index(&index).args(["add", "--all"]).done()?;
        self.git().index(&index).args(["write-tree"]).text()
    }

    /// The paths in which two trees differ, with what they are in the second.
    pub fn diff(&self, from: &str, to: &str) -> Result<BTreeMap<String, Entry>> {
        let raw = self
            .git()
            .args(["diff-tree", "-r", "-z", "--raw", "--no-renames", from, to])
            .text()?;
        let mut fields = raw.split_terminator('\0');
        let mut found = BTreeMap::new();
        while let (Some(change), Some(path)) = (fields.next(), fields.next()) {
            let words: Vec<&str> = change.split(' ').collect();
            let entry = (words[4] != "D").then(|| (words[1].to_owned(), words[3].to_owned()));
            found.insert(path.to_owned(), entry);
        }
        Ok(found)
    }

    /// Compares the repository (its overlay as `commit`) and the work tree with the laid commit.
    pub fn changes(&self, commit: &str) -> Result<Changes> {
        let mut repository = self.diff(LAID, commit)?;
        let mut tree = self.diff(LAID, &self.work_tree()?)?;
        let both: Vec<String> = tree
            .keys()
            .filter(|path| repository.contains_key(*path))
            .cloned()
            .collect();
        let (mut same, mut conflicts) = (Vec::new(), Vec::new());
        for path in both {
            let agree = repository.remove(&path) == tree.remove(&path);
            if agree { &mut same } else { &mut conflicts }.push(path);
        }
        Ok(Changes {
            repository,
            tree,
            same,
            conflicts,
        })
    }

    /// The error for paths that the repository and the laid tree changed differently.
    pub fn refuse(&self, conflicts: &[String]) -> Result<()> {
        if conflicts.is_empty() {
            return Ok(());
        }
        let dir = self.dir.display();
        let message = format!(
            "changed both in the repository and in {dir}, since the overlay was laid:\n  {}",
            conflicts.join("\n  ")
        );
        let keep = format!(
            "to keep both, `git -C {dir} stash --include-untracked`, `./x.py overlay`, \
             `git -C {dir} stash pop`, then `./x.py refresh`"
        );
        let drop =
            format!("to drop the edits in {dir}, `git -C {dir} stash` alone, then run this again");
        Err(Helped::new(message, keep).or(drop).into())
    }

    /// Moves the work tree from the laid commit to `commit`, writing only files that differ,
    /// and keeps edits of files that the move does not touch. Returns how many it wrote.
    pub fn lay(&self, commit: &str) -> Result<usize> {
        if self.git().args(["rev-parse", LAID]).text()? == commit {
            return Ok(0);
        }
        let changes = self.changes(commit)?;
        self.refuse(&changes.conflicts)?;
        if !changes.same.is_empty() {
            let add = [
                "add",
                "--all",
                "--force",
                "--pathspec-from-file=-",
                "--pathspec-file-nul",
            ];
            self.git().args(add).input(changes.same.join("\0")).done()?;
        }
        self.git().args(["update-ref", LAYING, commit]).done()?;
        self.git()
            .args(["read-tree", "-m", "-u", LAID, commit])
            .done()?;
        self.git().args(["update-ref", LAID, commit]).done()?;
        self.git().args(["update-ref", "HEAD", commit]).done()?;
        self.git().args(["update-ref", "-d", LAYING]).done()?;
        Ok(changes.repository.len())
    }

    /// Records `tree`, the work tree as it is, as laid: the overlay holds all of it, so the next
    /// edit of a file that was refreshed is an edit and not a conflict.
    pub fn take_as_laid(&self, tree: &str) -> Result<()> {
        let commit = ["commit-tree", tree, "-p", "pristine", "-m", "overlay"];
        let commit = self.git().args(commit).text()?;
        self.git().args(["update-ref", LAID, &commit]).done()?;
        self.git().args(["reset", "--quiet", &commit]).done()
    }

    /// Removes the locks of a killed git: we hold the build directory, so nobody has them.
    pub fn unlock(&self) {
        for name in STALE_LOCKS {
            let _ = fs::remove_file(self.dir.join(".git").join(name));
        }
    }

    /// Takes an interrupted laying back, file by file, so that it can start again.
    ///
    /// The files that it was about to write held no edits, else it would have been refused.
    pub fn recover(&self) -> Result<()> {
        if !self
            .git()
            .args(["rev-parse", "--verify", "--quiet", LAYING])
            .output()?
            .status
            .success()
        {
            return Ok(());
        }
        self.git().args(["reset", "--quiet", LAID]).done()?;
        let (mut restore, touched) = (Vec::new(), self.diff(LAYING, LAID)?);
        for (path, before) in touched {
            match before {
                Some(_) => restore.push(path),
                None => drop(fs::remove_file(self.dir.join(path))),
            }
        }
        if !restore.is_empty() {
            let checkout = [
                "checkout",
                "--quiet",
                LAID,
                "--pathspec-from-file=-",
                "--pathspec-file-nul",
            ];
            self.git().args(checkout).input(restore.join("\0")).done()?;
        }
        self.git().args(["update-ref", "-d", LAYING]).done()
    }

    /// The canonical patch of each file of `base` that differs in `to`.
    pub fn patches(&self, base: &Base, to: &str) -> Result<BTreeMap<String, Vec<u8>>> {
        let diff = [
            "diff-tree",
            "-p",
            "-r",
            "-U1",
            "--no-renames",
            "--diff-filter=MDT",
            "--no-color",
        ];
        let fixed = [
            "--no-ext-diff",
            "--no-textconv",
            "--diff-algorithm=myers",
            "--indent-heuristic",
        ];
        let text = self
            .git()
            .args(diff)
            .args(fixed)
            .args([&base.commit, to])
            .bytes()?;
        canonical(&text)
    }
}

/// Splits git's diff by file and drops the parts that depend on more than the change itself: the
/// `index` line, and the text of the enclosing item after `@@`.
fn canonical(diff: &[u8]) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut patches: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut path = String::new();
    for line in diff.split_inclusive(|byte| *byte == b'\n') {
        if let Some(names) = line.strip_prefix(b"diff --git a/") {
            let names = String::from_utf8(names.to_vec()).context("a name that is not UTF-8")?;
            // `X b/X` and a line end: the two names are the same.
            path = names[..(names.len() - 4) / 2].to_owned();
        } else if line.starts_with(b"index ") {
            continue;
        } else if line.starts_with(b"Binary files ") {
            let message = format!("{path} cannot be a patch: it is not text");
            return Err(Helped::new(message, "undo its change").into());
        }
        let patch = patches.entry(path.clone()).or_default();
        match line
            .strip_prefix(b"@@ ")
            .and_then(|rest| rest.windows(3).position(|end| end == b" @@"))
        {
            Some(end) => {
                patch.extend_from_slice(&line[..end + 6]);
                patch.push(b'\n');
            }
            None => patch.extend_from_slice(line),
        }
    }
    Ok(patches)
}

#[cfg(test)]
mod tests {
    #[test]
    fn patches_are_split_and_stripped() {
        let diff = b"diff --git a/a b.rs b/a b.rs\nindex 123..456 100644\n--- a/a b.rs\n+++ b/a b.rs\n\
            @@ -2,2 +2,3 @@ fn upstream() {\n x @@ y\n+@@ -1 +1 @@ kept\n z\n\
            diff --git a/gone b/gone\ndeleted file mode 100644\nindex 1..0\n--- a/gone\n+++ /dev/null\n\
            @@ -1 +0,0 @@\n-last\n\\ No newline at end of file\n";
        let patches = super::canonical(diff).unwrap();
        let text = |name: &str| String::from_utf8(patches[name].clone()).unwrap();
        assert_eq!(patches.len(), 2);
        assert_eq!(
            text("a b.rs"),
            "diff --git a/a b.rs b/a b.rs\n--- a/a b.rs\n+++ b/a b.rs\n\
             @@ -2,2 +2,3 @@\n x @@ y\n+@@ -1 +1 @@ kept\n z\n"
        );
        assert!(text("gone").ends_with("@@ -1 +0,0 @@\n-last\n\\ No newline at end of file\n"));
    }

    #[test]
    fn a_binary_change_is_refused() {
        let diff = b"diff --git a/x b/x\nindex 1..2\nBinary files a/x and b/x differ\n";
        let error = super::canonical(diff).unwrap_err().to_string();
        assert!(error.starts_with("x cannot be a patch"), "{error}");
    }
}
