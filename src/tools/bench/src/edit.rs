//! Edits of a function's body.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::programs::Function;

/// The function to edit. When this is dropped, the file has its old content.
pub struct Place {
    path: PathBuf,
    original: String,
    /// Where the body begins.
    body: usize,
}

impl Place {
    /// Finds `function` in the crate whose folder is `root`.
    pub fn find(root: &Path, function: &Function) -> anyhow::Result<Place> {
        let path = root.join(function.file);
        let original =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut found = original.match_indices(function.head);
        let (start, _) = found
            .next()
            .with_context(|| format!("{} has no `{}`", path.display(), function.head))?;
        ensure!(
            found.next().is_none(),
            "{} has two `{}`",
            path.display(),
            function.head
        );
        drop(found);
        Ok(Place {
            path,
            body: start + function.head.len(),
            original,
        })
    }

    /// Makes the edit of this number: the function stores it where the compiler cannot see it used,
    /// so that each edit gives other code.
    pub fn edit(&self, number: usize) -> anyhow::Result<()> {
        let (head, body) = self.original.split_at(self.body);
        let edited = format!("{head}\n    core::hint::black_box({number}_u64);{body}");
        fs::write(&self.path, edited)
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = fs::write(&self.path, &self.original) {
            eprintln!("cannot restore {}: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FUNCTION: Function = Function {
        file: "lib.rs",
        head: "fn f() {",
    };

    #[test]
    fn edits_differ_and_are_undone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lib.rs");
        let original = "// fn f()\nfn f() {\n    g();\n}\n";
        fs::write(&path, original).unwrap();
        let place = Place::find(dir.path(), &FUNCTION).unwrap();
        for number in [1, 2] {
            place.edit(number).unwrap();
            let edited = format!(
                "// fn f()\nfn f() {{\n    core::hint::black_box({number}_u64);\n    g();\n}}\n"
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), edited);
        }
        drop(place);
        assert_eq!(fs::read_to_string(&path).unwrap(), original);
    }

    #[test]
    fn the_function_is_found_once() {
        let dir = tempfile::tempdir().unwrap();
        let message = |text: &str| {
            fs::write(dir.path().join("lib.rs"), text).unwrap();
            Place::find(dir.path(), &FUNCTION)
                .err()
                .unwrap()
                .to_string()
        };
        assert!(message("fn g() {}").contains("has no `fn f() {`"));
        assert!(message("fn f() {} mod a { fn f() {} }").contains("has two `fn f() {`"));
    }
}
