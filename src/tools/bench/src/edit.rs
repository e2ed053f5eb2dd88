//! Edits a function's body.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::programs::Function;

/// A function to edit. Dropping it restores the file.
pub struct Target {
    path: PathBuf,
    original: String,
    /// The offset of the body.
    body: usize,
}

impl Target {
    /// Finds `function` in the crate whose folder is `root`.
    pub fn find(root: &Path, function: &Function) -> anyhow::Result<Target> {
        let path = root.join(function.file);
        let original =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let places: Vec<_> = original.match_indices(function.head).collect();
        let [(start, _)] = places[..] else {
            bail!(
                "{} has {} of `{}` instead of one",
                path.display(),
                places.len(),
                function.head
            );
        };
        Ok(Target {
            path,
            body: start + function.head.len(),
            original,
        })
    }

    /// Makes the function compute `number`, which the compiler must not optimize away, so that each
    /// edit results in different code.
    pub fn edit(&self, number: usize) -> anyhow::Result<()> {
        let (head, body) = self.original.split_at(self.body);
        let edited = format!("{head}\n    core::hint::black_box({number}_u64);{body}");
        fs::write(&self.path, edited)
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

impl Drop for Target {
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
        let target = Target::find(dir.path(), &FUNCTION).unwrap();
        for number in [1, 2] {
            target.edit(number).unwrap();
            let edited = format!(
                "// fn f()\nfn f() {{\n    core::hint::black_box({number}_u64);\n    g();\n}}\n"
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), edited);
        }
        drop(target);
        assert_eq!(fs::read_to_string(&path).unwrap(), original);
    }

    #[test]
    fn the_function_is_found_once() {
        let dir = tempfile::tempdir().unwrap();
        let message = |text: &str| {
            fs::write(dir.path().join("lib.rs"), text).unwrap();
            Target::find(dir.path(), &FUNCTION)
                .err()
                .unwrap()
                .to_string()
        };
        assert!(message("fn g() {}").contains("has 0 of `fn f() {`"));
        assert!(message("fn f() {} mod a { fn f() {} }").contains("has 2 of `fn f() {`"));
    }
}
