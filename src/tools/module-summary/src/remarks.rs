//! Optimization remarks, such as those of the inliner.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::llvm;

/// A remark of a pass on a function.
#[derive(Debug, PartialEq)]
pub struct Remark {
    /// The pass, such as `inline`.
    pub pass: String,
    /// What it is about, such as `TooCostly`.
    pub name: String,
    /// The mangled name of the function that was optimized.
    pub function: String,
    /// Whether the pass changed something.
    pub is_passed: bool,
    /// The source file, or nothing without debug information.
    pub file: String,
    /// The line in it, from 1.
    pub line: u32,
    /// The parts of the message in their order: what each is, or `String`, and its text, in which YAML's
    /// quotes are doubled.
    pub arguments: Vec<(String, String)>,
}

impl Remark {
    /// Reads the YAML file `path`.
    pub fn read(path: &Path) -> anyhow::Result<Vec<Remark>> {
        let yaml = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        llvm::remarks::read(&yaml)
            .with_context(|| format!("cannot read the remarks {}", path.display()))
    }

    /// The first argument of this kind, such as `Callee`.
    pub fn argument(&self, kind: &str) -> Option<&str> {
        let argument = self.arguments.iter().find(|(key, _)| key == kind);
        argument.map(|(_, text)| text.as_str())
    }
}
