//! What runs again after an edit of a file.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use helped::Helped;
use serde::Serialize;

use crate::linked::Linked;

/// What runs again, at most: an edit may leave units of its crate and imports from them as they are.
#[derive(Debug, PartialEq, Serialize)]
pub struct Edit {
    /// The file that is edited.
    pub file: String,
    /// The crates that are compiled from it.
    pub crates: BTreeSet<String>,
    /// The names of the modules of these crates.
    pub modules: BTreeSet<String>,
    /// The names of the modules whose backends run: those of the crates, and those that import from them.
    pub backends: BTreeSet<String>,
}

impl Edit {
    /// An edit of `file`, a source file or a module.
    pub fn new(linked: &Linked, file: &Path) -> anyhow::Result<Edit> {
        let shown = file.display();
        let wanted = fs::canonicalize(file).with_context(|| format!("cannot read {shown}"))?;
        let mut dep_info = DepInfo::new(linked);
        let mut changed = HashSet::new();
        for (number, module) in linked.program.modules.iter().enumerate() {
            let bitcode = linked.program.dir.join(&module.bitcode);
            let is_it = fs::canonicalize(bitcode).is_ok_and(|path| path == wanted);
            if is_it || dep_info.is_source(&module.name, &wanted)? {
                changed.insert(number);
            }
        }
        if changed.is_empty() {
            let message = format!("no module of the program is compiled from {shown}");
            let help = "pass a module, or a source file in the dep-info (`NAME.d`) beside the modules or rlibs";
            return Err(Helped::new(message, help).into());
        }
        Ok(Edit::of_modules(linked, &shown.to_string(), &changed))
    }

    /// An edit that changes the modules with these numbers.
    pub fn of_modules(linked: &Linked, file: &str, changed: &HashSet<usize>) -> Edit {
        let modules = changed
            .iter()
            .map(|number| &linked.program.modules[*number]);
        let names: BTreeSet<String> = modules.clone().map(|module| module.name.clone()).collect();
        let planned = linked.thin.plan.modules.iter().filter(|planned| {
            let mut read = planned.imports.iter().chain([&planned.name]);
            read.any(|name| names.contains(name))
        });
        Edit {
            file: file.to_owned(),
            crates: modules.map(|module| module.crate_name.clone()).collect(),
            backends: planned.map(|planned| planned.name.clone()).collect(),
            modules: names,
        }
    }
}

/// The dep-info of crates, which is called after the crate's rlib and modules.
struct DepInfo {
    folders: BTreeSet<PathBuf>,
    /// Canonical source files by the stem of the dep-info.
    sources: HashMap<String, HashSet<PathBuf>>,
}

impl DepInfo {
    fn new(linked: &Linked) -> DepInfo {
        let program = &linked.program;
        let modules = program.modules.iter().map(|module| &module.bitcode);
        let files = modules.chain(&program.natives);
        let folders = files.map(|file| {
            let file = program.dir.join(file);
            file.parent().unwrap_or(Path::new("")).to_owned()
        });
        DepInfo {
            folders: folders.collect(),
            sources: HashMap::new(),
        }
    }

    /// Whether the crate of the module called `module` is compiled from `file`, a canonical path.
    fn is_source(&mut self, module: &str, file: &Path) -> anyhow::Result<bool> {
        // `x-1.x.0.rcgu.o` and `x-1.o` are of the crate with `x-1.d`.
        let stem = module.split('.').next().unwrap_or(module);
        if let Some(sources) = self.sources.get(stem) {
            return Ok(sources.contains(file));
        }
        let mut sources = HashSet::new();
        for folder in &self.folders {
            let path = folder.join(format!("{stem}.d"));
            if path.is_file() {
                let text = fs::read_to_string(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                let files = listed(&text).into_iter();
                sources.extend(files.filter_map(|file| fs::canonicalize(file).ok()));
            }
        }
        let is_source = sources.contains(file);
        self.sources.insert(stem.to_owned(), sources);
        Ok(is_source)
    }
}

/// The files that dep-info lists behind its outputs.
fn listed(text: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((_, rest)) = line.split_once(": ") else {
            continue;
        };
        // rustc puts a backslash before a space in a name.
        let rest = rest.replace("\\ ", "\0");
        files.extend(rest.split(' ').map(|file| file.replace('\0', " ")));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn dep_info_lists_files() {
        let text = "a.o: src/a.rs src/b\\ c.rs\n\nsrc/a.rs:\nsrc/b\\ c.rs:\n# env-dep:X=a: b\n";
        assert_eq!(listed(text), ["src/a.rs", "src/b c.rs"]);
    }
}
