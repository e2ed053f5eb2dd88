//! Native objects, addressed by the content of their inputs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// The hash of all inputs of a native object.
pub struct Key(blake3::Hasher);

impl Key {
    /// A key for the compiler `identity`, run with `options`.
    pub fn new(identity: &blake3::Hash, options: &[&str]) -> Key {
        let mut key = Key(blake3::Hasher::new());
        for option in options {
            key.text(option);
        }
        key.add("compiler", identity);
        key
    }

    /// Adds the input file that the compiler knows as `name`, with the content `hash`.
    pub fn add(&mut self, name: &str, hash: &blake3::Hash) {
        self.text(name);
        self.0.update(hash.as_bytes());
    }

    /// Adds the length as well, so that no two sequences of texts are the same.
    fn text(&mut self, text: &str) {
        self.0.update(&(text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
    }
}

/// A folder of native objects.
pub struct Cache {
    dir: PathBuf,
}

impl Cache {
    /// Opens the cache in `dir`, which is created if missing.
    pub fn open(dir: &Path) -> anyhow::Result<Cache> {
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        Ok(Cache {
            dir: dir.to_owned(),
        })
    }

    /// The object for `key`. If it is missing, calls `make`, which has to write the object to the
    /// path that it gets, and returns its result as well. The object gets its name when it is
    /// complete.
    pub fn get<T>(
        &self,
        key: Key,
        make: impl FnOnce(&Path) -> anyhow::Result<T>,
    ) -> anyhow::Result<(PathBuf, Option<T>)> {
        let object = self.dir.join(format!("{}.o", key.0.finalize()));
        if object.try_exists()? {
            return Ok((object, None));
        }
        let making = tempfile::tempdir_in(&self.dir)?;
        let made = making.path().join("object.o");
        let result = make(&made)?;
        fs::rename(&made, &object).with_context(|| format!("cannot name {}", object.display()))?;
        Ok((object, Some(result)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(options: &[&str], files: &[(&str, &str)]) -> Key {
        let mut key = Key::new(&blake3::hash(b"compiler"), options);
        for (name, content) in files {
            key.add(name, &blake3::hash(content.as_bytes()));
        }
        key
    }

    fn hex(key: Key) -> String {
        key.0.finalize().to_string()
    }

    #[test]
    fn a_key_depends_on_every_input() {
        let files = [("a.o", "module"), ("index", "index"), ("b.o", "import")];
        let same = hex(key(&["-O"], &files));
        assert_eq!(same, hex(key(&["-O"], &files)));
        let mut others = vec![
            hex(key(&["-g"], &files)),
            hex(key(&[], &files)),
            hex(key(&["-O"], &files[..2])),
            hex(key(
                &["-O"],
                &[("a.o", "module"), ("index", "index"), ("c.o", "import")],
            )),
            hex(key(
                &["-O"],
                &[("a.o", "module"), ("index", "index"), ("b.o", "other")],
            )),
            hex(key(
                &["-O"],
                &[("a.o", "other"), ("index", "index"), ("b.o", "import")],
            )),
            hex(key(
                &["-O"],
                &[("a.o", "module"), ("index", "other"), ("b.o", "import")],
            )),
        ];
        let mut compiler = Key::new(&blake3::hash(b"another compiler"), &["-O"]);
        for (name, content) in files {
            compiler.add(name, &blake3::hash(content.as_bytes()));
        }
        others.push(hex(compiler));
        others.push(same);
        let count = others.len();
        others.sort();
        others.dedup();
        assert_eq!(others.len(), count);
    }

    #[test]
    fn texts_do_not_run_together() {
        assert_ne!(hex(key(&["ab", "c"], &[])), hex(key(&["a", "bc"], &[])));
    }

    #[test]
    fn an_object_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(&dir.path().join("cache")).unwrap();
        let make = |path: &Path| Ok(fs::write(path, "object")?);
        let (object, made) = cache.get(key(&[], &[]), make).unwrap();
        assert!(made.is_some());
        assert_eq!(fs::read_to_string(&object).unwrap(), "object");
        let again = cache.get(key(&[], &[]), |_| -> anyhow::Result<()> {
            panic!("made twice")
        });
        let (same, made) = again.unwrap();
        assert_eq!((same, made), (object, None));
    }

    #[test]
    fn a_failure_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        let result = cache.get(key(&[], &[]), |path| -> anyhow::Result<()> {
            fs::write(path, "half an ob")?;
            anyhow::bail!("no room")
        });
        assert_eq!(result.err().unwrap().to_string(), "no room");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
