//! The pairs of bitcode and summary that rustc leaves.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use object::read::archive::ArchiveFile;

/// The suffixes of a pair.
pub const BITCODE: &str = ".o";
pub const SUMMARY: &str = ".indexing.o";

const COMPILER: &str = "pass a compiler of this tree, as `./x.py build` makes it";

/// One module: a codegen unit, or the allocator shim of the program.
pub struct Module {
    pub crate_name: String,
    /// The file name of the bitcode; also the module's name in indexes.
    pub bitcode: String,
    /// The file name of the summary.
    pub summary: String,
    pub bitcode_bytes: u64,
    pub summary_bytes: u64,
}

/// The modules behind each input of the link line, in link order.
pub type Modules = HashMap<PathBuf, Vec<Module>>;

/// Finds the pairs of `input`, which is an object of the program or the rlib of a crate.
pub fn of_input(input: &Path) -> anyhow::Result<Vec<Module>> {
    let deps = input.parent().context("an input has no folder")?;
    let data = fs::read(input).with_context(|| format!("cannot read {}", input.display()))?;
    if input
        .extension()
        .is_none_or(|extension| extension != "rlib")
    {
        return Ok(vec![pair(deps, file_name(input)?, &data)?]);
    }
    let mut modules = Vec::new();
    for member in ArchiveFile::parse(&*data)?.members() {
        let member = member?;
        let name = std::str::from_utf8(member.name())?;
        if name != "lib.rmeta" {
            modules.push(pair(deps, name, member.data(&*data)?)?);
        }
    }
    Ok(modules)
}

/// The pair of the object that the link line knows as `name`, with the content `data`.
fn pair(deps: &Path, name: &str, data: &[u8]) -> anyhow::Result<Module> {
    let (stem, _) = name
        .split_once('.')
        .with_context(|| format!("{name} has no suffix"))?;
    let numbered = name.strip_suffix(BITCODE).unwrap_or(name);
    // A crate of one codegen unit has its pair under its own name, without that of the unit.
    let Some((found, summary)) = [numbered, stem].into_iter().find_map(|base| {
        let summary = fs::metadata(deps.join(format!("{base}{SUMMARY}"))).ok()?;
        Some((base, summary))
    }) else {
        bail!(
            "rustc left no summary for {name} in {}\nhelp: {COMPILER}",
            deps.display()
        );
    };
    let bitcode = format!("{found}{BITCODE}");
    let path = deps.join(&bitcode);
    let Ok(content) = fs::read(&path) else {
        bail!(
            "rustc left a summary for {name}, but no {}\nhelp: {COMPILER}",
            path.display()
        );
    };
    if content != data {
        bail!(
            "rustc links another {name} than {}\nhelp: {COMPILER}",
            path.display()
        );
    }
    Ok(Module {
        crate_name: crate_name(stem).to_owned(),
        bitcode,
        summary: format!("{found}{SUMMARY}"),
        bitcode_bytes: content.len() as u64,
        summary_bytes: summary.len(),
    })
}

/// The crate behind the stem of its outputs, which is its name and cargo's hash.
fn crate_name(stem: &str) -> &str {
    stem.rsplit_once('-').map_or(stem, |(name, _)| name)
}

fn file_name(path: &Path) -> anyhow::Result<&str> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.with_context(|| format!("{} is not a file name in UTF-8", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deps(files: &[(&str, &str)]) -> tempfile::TempDir {
        let deps = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(deps.path().join(name), content).unwrap();
        }
        deps
    }

    #[test]
    fn several_units() {
        let deps = deps(&[
            ("a_b-1f.a.0.rcgu.o", "bitcode"),
            ("a_b-1f.a.0.rcgu.indexing.o", "sum"),
            ("a_b-1f.indexing.o", "of another run"),
        ]);
        let module = pair(deps.path(), "a_b-1f.a.0.rcgu.o", b"bitcode").unwrap();
        assert_eq!(module.crate_name, "a_b");
        assert_eq!(module.bitcode, "a_b-1f.a.0.rcgu.o");
        assert_eq!(module.summary, "a_b-1f.a.0.rcgu.indexing.o");
        assert_eq!((module.bitcode_bytes, module.summary_bytes), (7, 3));
    }

    #[test]
    fn one_unit() {
        let deps = deps(&[("a-1f.o", "bitcode"), ("a-1f.indexing.o", "sum")]);
        let module = pair(deps.path(), "a-1f.a.0.rcgu.o", b"bitcode").unwrap();
        assert_eq!(module.bitcode, "a-1f.o");
        assert_eq!(module.summary, "a-1f.indexing.o");
    }

    #[test]
    fn refuses_half_a_pair_and_a_wrong_one() {
        let message = |files: &[(&str, &str)]| {
            let deps = deps(files);
            pair(deps.path(), "a-1f.a.0.rcgu.o", b"bitcode")
                .err()
                .unwrap()
                .to_string()
        };
        assert!(message(&[("a-1f.o", "bitcode")]).starts_with("rustc left no summary"));
        assert!(message(&[("a-1f.indexing.o", "sum")]).starts_with("rustc left a summary for"));
        let wrong = [("a-1f.o", "native"), ("a-1f.indexing.o", "sum")];
        assert!(message(&wrong).starts_with("rustc links another a-1f.a.0.rcgu.o"));
    }
}
