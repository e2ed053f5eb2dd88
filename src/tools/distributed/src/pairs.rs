//! The pairs of bitcode and summary that a compile writes for its modules.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};

/// The suffix of bitcode.
pub const BITCODE: &str = ".o";
/// The suffix of a summary.
pub const SUMMARY: &str = ".indexing.o";

/// The flags that make rustc write pairs, in addition to the outputs that cargo asks for.
pub fn flags() -> [String; 3] {
    [
        "-Zunstable-options",
        // Without it, objects are native code.
        "-Clinker-plugin-lto",
        "--emit=obj,thin-link-bitcode",
    ]
    .map(str::to_owned)
}

/// lld's option that names modules by their bitcode in a thin link over summaries.
pub fn suffix_replace() -> String {
    format!("--thinlto-object-suffix-replace={SUMMARY};{BITCODE}")
}

/// The file names of the pairs in `dir` without their suffixes, in order.
pub fn in_folder(dir: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let file = entry?.file_name();
        let name = file.to_str().and_then(|file| file.strip_suffix(SUMMARY));
        let Some(name) = name else { continue };
        let bitcode = dir.join(format!("{name}{BITCODE}"));
        ensure!(
            bitcode.exists(),
            "there is a summary, but no {}",
            bitcode.display()
        );
        names.push(name.to_owned());
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_pairs_in_order() {
        let dir = tempfile::tempdir().unwrap();
        for file in [
            "b.o",
            "b.indexing.o",
            "a.1.o",
            "a.1.indexing.o",
            "c.o",
            "d.d",
        ] {
            fs::write(dir.path().join(file), "").unwrap();
        }
        assert_eq!(in_folder(dir.path()).unwrap(), ["a.1", "b"]);
        fs::remove_file(dir.path().join("b.o")).unwrap();
        let error = in_folder(dir.path()).unwrap_err().to_string();
        assert!(error.ends_with("/b.o"), "{error}");
    }
}
