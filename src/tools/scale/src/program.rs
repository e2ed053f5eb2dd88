//! Generates a program: crates of modules that call each other, the same for the same seed.
//!
//! Each crate depends on the first and on a few before it; each module calls a few before it, in its
//! own crate and in those. The last crate has `main`, which calls every module, so that none is dead.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context;
use fastrand::Rng;

use crate::source;

/// A crate that has been written.
struct Crate {
    name: String,
    modules: usize,
}

/// Writes a program of exactly `modules` modules as a cargo workspace into `dir`, and returns the
/// name of the crate with `main`. Does not touch unchanged files, so that cargo does not compile them
/// again. Holds only one crate in memory, because this process's memory counts as its children's.
pub fn write(modules: usize, seed: u64, dir: &Path) -> anyhow::Result<String> {
    let mut rng = Rng::with_seed(seed);
    // As many crates as a crate has modules.
    let size = (modules as f64).sqrt().ceil() as usize;
    let mut crates: Vec<Crate> = Vec::new();
    let mut root = String::from("[workspace]\nresolver = \"2\"\nmembers = [\"c*\"]\n");
    let mut left = modules;
    while left > 0 {
        let size = size.min(left);
        left -= size;
        let name = format!("c{:03}", crates.len());
        // One codegen unit a module.
        write!(
            root,
            "\n[profile.release.package.{name}]\ncodegen-units = {size}\n"
        )?;
        write_crate(&mut rng, &crates, &name, size, left == 0, &dir.join(&name))?;
        crates.push(Crate {
            name,
            modules: size,
        });
    }
    update(&dir.join("Cargo.toml"), &root)?;
    let last = crates.pop().context("a program has at least one module")?;
    Ok(last.name)
}

/// Writes the crate `name` of `size` modules, which comes after `before`.
fn write_crate(
    rng: &mut Rng,
    before: &[Crate],
    name: &str,
    size: usize,
    last: bool,
    dir: &Path,
) -> anyhow::Result<()> {
    let mut used: Vec<&Crate> = before.iter().take(1).collect();
    used.extend(rng.choose_multiple(before.iter().skip(1), 4));
    for number in 0..size {
        let own = (0..number).map(|number| format!("crate::m{number}"));
        let mut calls = rng.choose_multiple(own, 2);
        for of in rng.choose_multiple(&used, 2) {
            calls.push(format!("{}::m{}", of.name, rng.usize(..of.modules)));
        }
        let base = match (before.first(), number) {
            (None, 0) => None,
            (None, _) => Some("crate::m0".to_owned()),
            (Some(first), _) => Some(format!("{}::m0", first.name)),
        };
        let mut module = source::module(rng, base.as_deref(), &calls);
        if number + 1 == size {
            module.push_str(&source::enter(size));
            if last {
                let crates = before.iter().map(|of| of.name.as_str());
                module.push_str(&source::main(crates));
            }
        }
        update(&dir.join(format!("m{number}.rs")), &module)?;
    }
    let list: String = (0..size)
        .map(|number| format!("pub mod m{number};\n"))
        .collect();
    let reexported = format!("pub use m{}::enter;\n", size - 1);
    update(&dir.join("lib.rs"), &(list + &reexported))?;

    let dependencies = if last { before.iter().collect() } else { used };
    let mut manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n\
         [lib]\npath = \"lib.rs\"\n\n[dependencies]\n"
    );
    for Crate { name, .. } in dependencies {
        writeln!(manifest, "{name}.path = \"../{name}\"")?;
    }
    update(&dir.join("Cargo.toml"), &manifest)
}

/// Writes `content` to `path`, unless it is there already.
fn update(path: &Path, content: &str) -> anyhow::Result<()> {
    let write = || -> io::Result<()> {
        if fs::read(path).is_ok_and(|old| old == content.as_bytes()) {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, content)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;

    /// A program, as its files.
    fn files(modules: usize, seed: u64) -> BTreeMap<PathBuf, String> {
        let dir = tempfile::tempdir().unwrap();
        write(modules, seed, dir.path()).unwrap();
        let mut files = BTreeMap::new();
        let mut folders = vec![dir.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(dir.path()).unwrap();
                    files.insert(name.to_owned(), fs::read_to_string(&path).unwrap());
                }
            }
        }
        files
    }

    #[test]
    fn the_same_seed_gives_the_same_program() {
        assert_eq!(files(30, 1), files(30, 1));
        assert_ne!(files(30, 1), files(30, 2));
    }

    #[test]
    fn has_as_many_modules_as_asked() {
        for count in [1, 2, 10, 101] {
            let files = files(count, 1);
            let is_module =
                |path: &&PathBuf| path.file_name().unwrap().as_encoded_bytes()[0] == b'm';
            assert_eq!(files.keys().filter(is_module).count(), count);
            let units = files[Path::new("Cargo.toml")]
                .lines()
                .filter_map(|line| line.strip_prefix("codegen-units = "))
                .map(|units| units.parse::<usize>().unwrap());
            assert_eq!(units.sum::<usize>(), count);
            let mains = files
                .values()
                .filter(|source| source.contains("extern \"C\" fn main"));
            assert_eq!(mains.count(), 1);
        }
    }

    #[test]
    fn modules_call_across_crates() {
        let files = files(30, 1);
        let crosses = |number: usize| {
            let module = &files[&PathBuf::from(format!("c002/m{number}.rs"))];
            module.contains("c000::m") || module.contains("c001::m")
        };
        assert!((0..6).all(crosses));
    }

    #[test]
    fn writes_only_what_changed() {
        let dir = tempfile::tempdir().unwrap();
        let time = |file: &str| {
            fs::metadata(dir.path().join(file))
                .unwrap()
                .modified()
                .unwrap()
        };
        write(2, 1, dir.path()).unwrap();
        let before = [time("c000/m0.rs"), time("c000/m1.rs")];
        fs::write(dir.path().join("c000/m1.rs"), "").unwrap();
        write(2, 1, dir.path()).unwrap();
        assert_eq!(time("c000/m0.rs"), before[0]);
        assert!(time("c000/m1.rs") > before[1]);
    }
}
