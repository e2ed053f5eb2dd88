//! The laid tree: a git repository. Its tag `pristine` is the unchanged source, and its HEAD is the
//! overlay as last laid, unless the user commits to it. It is changed with git's plumbing, which writes
//! only the files that differ.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use helped::Helped;

use crate::files::Overlay;

/// The commit that was laid last. Commits by the user do not move it.
pub const LAID: &str = "refs/x/laid";
/// The commit that is being laid. Deleted when it is laid.
const LAYING: &str = "refs/x/laying";
/// The lock files that a killed git leaves in `.git`.
const STALE_LOCKS: [&str; 7] = [
    "index.lock",
    "x.index.lock",
    "HEAD.lock",
    "refs/heads/overlay.lock",
    "refs/x/laid.lock",
    "refs/x/laying.lock",
    "worktrees/src/index.lock",
];

/// A git command that ignores the configuration of the user and of the machine.
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

    /// Passes `input` on standard input.
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Git {
        self.input = input.into();
        self
    }

    /// Uses the index `path` instead of the repository's own.
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
        // git may exit before it has read everything. Its exit status decides.
        let _ = writer.join();
        Ok(output)
    }

    /// The standard output. If git fails, the error has its message.
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

    /// The standard output as text, without the final newline.
    pub fn text(self) -> Result<String> {
        let text =
            String::from_utf8(self.bytes()?).context("git printed a name that is not UTF-8")?;
        Ok(text.trim_end_matches('\n').to_owned())
    }

    /// Runs the command and ignores its standard output.
    pub fn done(self) -> Result<()> {
        self.bytes().map(drop)
    }
}

/// The mode and object name of a path in a tree, or `None` if it is not in the tree.
pub type Entry = Option<(String, String)>;

/// The changes in the repository and in the laid tree since the overlay was last laid.
pub struct Changes {
    /// Paths that changed only in the repository.
    pub repository: BTreeMap<String, Entry>,
    /// Paths that changed only in the laid tree.
    pub tree: BTreeMap<String, Entry>,
    /// Paths that have the same change in both.
    pub same: Vec<String>,
    /// Paths that have different changes in both.
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

    /// The `paths` that are files of the pristine source.
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

    /// An index for work that must not change the repository's own.
    pub fn scratch_index(&self) -> PathBuf {
        self.dir.join(".git/x.index")
    }

    /// Applies the overlay in `root` to `base` in git's object store, and returns the commit, which
    /// depends only on the two. The error names each patch that does not apply.
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
                "correct them; or remove them, make the changes in {} and run `./x.py refresh`",
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

    /// A tree object with the current content of the work tree.
    pub fn work_tree(&self) -> Result<String> {
        let index = self.scratch_index();
        let laid = self.dir.join(".git/index");
        fs::copy(&laid, &index)?;
        // git compares the content of files that are not older than the index, so the copy must not
        // be newer than the original.
        File::options()
            .write(true)
            .open(&index)?
            .set_modified(fs::metadata(&laid)?.modified()?)?;
        self.git().index(&index).args(["add", "--all"]).done()?;
        self.git().index(&index).args(["write-tree"]).text()
    }

    /// The paths that differ between two trees, with their entries in the second.
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

    /// Fails if there are conflicts.
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

    /// Moves the work tree from the laid commit to `commit`. Writes only files that differ, and keeps
    /// edits of other files. Returns the number of files that changed.
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

    /// Records `tree`, the current work tree, as laid. The overlay has all of its edits, so another edit
    /// of a refreshed file is not a conflict.
    pub fn take_as_laid(&self, tree: &str) -> Result<()> {
        let commit = ["commit-tree", tree, "-p", "pristine", "-m", "overlay"];
        let commit = self.git().args(commit).text()?;
        self.git().args(["update-ref", LAID, &commit]).done()?;
        self.git().args(["reset", "--quiet", &commit]).done()
    }

    /// Removes the lock files of a killed git. No other git is running, because this process holds the
    /// lock of the build directory.
    pub fn unlock(&self) {
        for name in STALE_LOCKS {
            let _ = fs::remove_file(self.dir.join(".git").join(name));
        }
    }

    /// Undoes an interrupted [`Tree::lay`], file by file.
    ///
    /// The files that it writes had no edits, because it refuses to overwrite edits.
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

/// Splits git's diff by file, and removes the parts that depend on more than the change: the `index`
/// line, and the text of the enclosing item after `@@`.
fn canonical(diff: &[u8]) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut patches: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut path = String::new();
    for line in diff.split_inclusive(|byte| *byte == b'\n') {
        if let Some(names) = line.strip_prefix(b"diff --git a/") {
            let names = String::from_utf8(names.to_vec()).context("a name that is not UTF-8")?;
            // The line goes on with `X b/X`, twice the same name.
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
