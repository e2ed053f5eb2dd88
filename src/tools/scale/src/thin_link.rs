//! Runs the thin link of a program, over its summaries or over its bitcode.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use distributed::folder;
use distributed::pairs::{self, BITCODE, SUMMARY};
use tool_support::command::{self, Usage};

use crate::compile::Modules;

/// The input of the linker.
#[derive(Clone, Copy, PartialEq)]
pub enum Input {
    Summaries,
    Bitcode,
}

impl Input {
    pub const ALL: [Input; 2] = [Input::Summaries, Input::Bitcode];

    /// The name in the results.
    pub fn name(self) -> &'static str {
        match self {
            Input::Summaries => "summaries",
            Input::Bitcode => "bitcode",
        }
    }

    /// The input files.
    pub fn files(self, modules: &Modules) -> Vec<PathBuf> {
        let suffix = match self {
            Input::Summaries => SUMMARY,
            Input::Bitcode => BITCODE,
        };
        let names = modules.names.iter();
        names
            .map(|name| modules.dir.join(format!("{name}{suffix}")))
            .collect()
    }
}

/// Runs the thin link of `modules` with the linker `lld`. Empties `out`, and writes the indexes and
/// the lists of imports to it.
///
/// The modules are the whole input. Symbols of std and of the C library stay undefined, which a thin
/// link allows, so only the modules are measured.
pub fn run(lld: &Path, modules: &Modules, input: Input, out: &Path) -> anyhow::Result<Usage> {
    folder::empty(out)?;
    let arguments = out.join("arguments");
    let mut list = String::new();
    for file in input.files(modules) {
        let name = file.file_name().and_then(|name| name.to_str());
        list += name.with_context(|| format!("{} is not UTF-8", file.display()))?;
        list.push('\n');
    }
    fs::write(&arguments, list)?;
    let with = |flag: &str, path: &Path| {
        let mut argument = OsString::from(flag);
        argument.push(path);
        argument
    };
    let mut linker = Command::new(lld);
    linker
        .args(["--entry=main", "--thinlto-emit-imports-files"])
        .arg(with("--thinlto-index-only=", &out.join("selected")))
        // Without the trailing `/` this would be a prefix of file names.
        .arg(with("--thinlto-prefix-replace=;", &out.join("indexes/")));
    if input == Input::Summaries {
        linker.arg(pairs::suffix_replace());
    }
    linker
        .arg(with("@", &arguments))
        .arg("-o")
        .arg(out.join("program"))
        .current_dir(&modules.dir);
    Ok(command::run(&mut linker)?.usage)
}

/// The output of a thin link.
pub struct Indexes {
    /// The bytes of all indexes.
    pub bytes: u64,
    /// The number of pairs of a module and one that it imports from.
    pub imports: usize,
}

/// Checks that the thin links with outputs in `one` and `other` wrote the same files, among them an
/// index and a list of imports for each of `modules`.
pub fn compare(one: &Path, other: &Path, modules: &Modules) -> anyhow::Result<Indexes> {
    let [one, other] = [one, other].map(|out| out.join("indexes"));
    let files = list(&one)?;
    ensure!(
        files == list(&other)?,
        "the two thin links wrote different files: {} and {}",
        one.display(),
        other.display()
    );
    let mut indexes = Indexes {
        bytes: 0,
        imports: 0,
    };
    for name in &modules.names {
        for suffix in ["thinlto.bc", "imports"] {
            let file = format!("{name}{BITCODE}.{suffix}");
            ensure!(files.contains(&file), "the thin link wrote no {file}");
        }
    }
    for file in files {
        let content = fs::read(one.join(&file))?;
        if content != fs::read(other.join(&file))? {
            bail!(
                "{file} differs between {} and {}",
                one.display(),
                other.display()
            );
        }
        if file.ends_with(".imports") {
            indexes.imports += content.iter().filter(|byte| **byte == b'\n').count();
        } else {
            indexes.bytes += content.len() as u64;
        }
    }
    Ok(indexes)
}

/// The names of the files in `dir`.
fn list(dir: &Path) -> anyhow::Result<BTreeSet<String>> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outputs of a thin link of the module `a`.
    fn output(index: &str, imports: &str) -> tempfile::TempDir {
        let out = tempfile::tempdir().unwrap();
        let indexes = out.path().join("indexes");
        fs::create_dir(&indexes).unwrap();
        fs::write(indexes.join("a.o.thinlto.bc"), index).unwrap();
        fs::write(indexes.join("a.o.imports"), imports).unwrap();
        out
    }

    #[test]
    fn compares_bytes_and_counts() {
        let modules = |names: &[&str]| Modules {
            dir: PathBuf::new(),
            names: names.iter().map(|name| name.to_string()).collect(),
        };
        let one = output("index", "b.o\nc.o\n");
        let same = output("index", "b.o\nc.o\n");
        let indexes = compare(one.path(), same.path(), &modules(&["a"])).unwrap();
        assert_eq!((indexes.bytes, indexes.imports), (5, 2));

        let error = |other: &tempfile::TempDir, names| {
            let error = compare(one.path(), other.path(), &modules(names)).err();
            error.unwrap().to_string()
        };
        let missing = error(&same, &["a", "b"]);
        assert_eq!(missing, "the thin link wrote no b.o.thinlto.bc");
        let differs = error(&output("Index", "b.o\nc.o\n"), &["a"]);
        assert!(
            differs.starts_with("a.o.thinlto.bc differs between "),
            "{differs}"
        );
    }
}
