//! The pristine source: unpacked, made buildable offline, and committed as `pristine`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::place::{Place, run};
use crate::tree::{LAID, Tree};

/// Lock files that do not fit the vendored crates; bootstrap writes them anew.
const LOCK_FILES: [&str; 6] = [
    "Cargo.lock",
    "src/bootstrap/Cargo.lock",
    "library/Cargo.lock",
    "src/tools/rust-analyzer/Cargo.lock",
    "src/tools/cargo/Cargo.lock",
    "src/tools/rustbook/Cargo.lock",
];

/// What bootstrap and Python leave in the tree.
const EXCLUDES: &str = "/Cargo.lock\n/library/Cargo.lock\n/src/bootstrap/Cargo.lock\n\
                        /src/tools/*/Cargo.lock\n__pycache__/\n";

/// Makes sure that `src` in the build directory holds the wanted source.
///
/// It is made under another name and renamed, so that a half-unpacked one is never used.
/// An error if there already is a tree of another origin.
pub fn ensure(place: &Place) -> Result<Tree> {
    let tree = Tree {
        dir: place.build.join("src"),
    };
    let pin = &place.pins.source;
    let origin = match &place.config.source {
        Some(path) => format!("copy of {}", path.display()),
        None => format!("{} {}", pin.package, pin.version),
    };
    if tree.dir.exists() {
        tree.unlock();
        let found = tree
            .git()
            .args(["log", "-1", "--format=%s", "pristine"])
            .text()?;
        if found != origin {
            bail!(
                "{} holds {found}, but {origin} is wanted\nhelp: `./x.py clean --all` removes it, \
                 with all that was built; `./x.py refresh` first keeps edits made there",
                tree.dir.display()
            );
        }
        return Ok(tree);
    }
    place.step(5, "unpacking the source");
    let folder = place.build.join("src.tmp");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir(&folder)?;
    match &place.config.source {
        Some(source) => copy(source, &folder)?,
        None => unpack(place, &folder)?,
    }
    make_buildable(&folder)?;
    commit(&folder, &origin)?;
    fs::rename(&folder, &tree.dir)?;
    Ok(tree)
}

fn unpack(place: &Place, folder: &Path) -> Result<()> {
    let file = |ending: &str| -> Result<PathBuf> {
        let names = &place.pins.source.file;
        let file = names.iter().find(|file| file.name.ends_with(ending));
        Ok(place.build.join("download").join(
            &file
                .with_context(|| format!("no {ending} in pins.toml"))?
                .name,
        ))
    };
    untar(&file(".orig.tar.xz")?, folder, 1)?;
    fs::create_dir(folder.join("extra"))?;
    untar(&file(".orig-extra.tar.xz")?, &folder.join("extra"), 1)?;
    untar(&file(".debian.tar.xz")?, folder, 0)?;
    let patches = folder.join("debian/patches");
    for name in fs::read_to_string(patches.join("series"))?.lines() {
        if !name.is_empty() && !name.starts_with('#') {
            let mut patch = Command::new("patch");
            patch.args([
                "-p1",
                "--silent",
                "--batch",
                "--no-backup-if-mismatch",
                "-i",
            ]);
            run(patch.arg(patches.join(name)).current_dir(folder))?;
        }
    }
    Ok(())
}

fn untar(archive: &Path, folder: &Path, strip: u32) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.arg("-xJf")
        .arg(archive)
        .arg(format!("--strip-components={strip}"))
        .arg("-C")
        .arg(folder);
    run(&mut tar)
}

fn copy(source: &Path, folder: &Path) -> Result<()> {
    if !source.join("x.py").exists() {
        bail!(
            "no source tree at {}\nhelp: correct source in config.toml, or leave it out",
            source.display()
        );
    }
    run(Command::new("cp")
        .args(["-a", "--reflink=auto"])
        .arg(source.join("."))
        .arg(folder))?;
    let git = folder.join(".git");
    if git.is_dir() {
        fs::remove_dir_all(&git)?;
    } else if git.exists() {
        fs::remove_file(&git)?;
    }
    Ok(())
}

/// The build script of a crate that links the system's liblzma.
const SYSTEM_LZMA: &str = "fn main() {\n    println!(\"cargo:rustc-link-lib=lzma\");\n}\n";

/// Puts Debian's extra crates among the vendored ones, and takes away the checksums and
/// lock files that Debian's patches made wrong.
fn make_buildable(folder: &Path) -> Result<()> {
    let vendor = folder.join("vendor");
    if folder.join("extra").exists() {
        run(Command::new("cp")
            .arg("-a")
            .arg(folder.join("extra/."))
            .arg(&vendor))?;
    }
    for entry in fs::read_dir(&vendor).context("the source has no vendored crates")? {
        let entry = entry?;
        if entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(b"lzma-sys-")
        {
            // Debian took liblzma's own source out; `dist` asks for it to be built.
            fs::write(entry.path().join("build.rs"), SYSTEM_LZMA)?;
        }
        let path = entry.path().join(".cargo-checksum.json");
        if let Ok(text) = fs::read_to_string(&path) {
            let mut checksums: Value = serde_json::from_str(&text)?;
            checksums["files"] = json!({});
            fs::write(&path, checksums.to_string())?;
        }
    }
    for name in LOCK_FILES {
        let _ = fs::remove_file(folder.join(name));
    }
    Ok(())
}

fn commit(folder: &Path, origin: &str) -> Result<()> {
    let tree = Tree {
        dir: folder.to_path_buf(),
    };
    let init = ["init", "--quiet", "--initial-branch", "overlay"].map(OsStr::new);
    tree.git().args(init).done()?;
    fs::create_dir_all(folder.join(".git/info"))?;
    fs::write(folder.join(".git/info/exclude"), EXCLUDES)?;
    // Bytes are bytes, whatever the tree's own attribute files say.
    fs::write(
        folder.join(".git/info/attributes"),
        "* -text -ident -filter\n",
    )?;
    // A background `git gc` would outlive us and hold the lock.
    tree.git().args(["config", "gc.auto", "0"]).done()?;
    tree.git().args(["add", "--force", "--all"]).done()?;
    tree.git()
        .args(["commit", "--quiet", "--allow-empty", "-m", origin])
        .done()?;
    tree.git().args(["tag", "pristine"]).done()?;
    tree.git().args(["update-ref", LAID, "pristine"]).done()
}

#[cfg(test)]
mod tests {
    use std::fs;

    #[test]
    fn checksums_and_lock_files_go_and_extra_crates_come() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for dir in ["vendor/a", "vendor/lzma-sys-1", "extra/b"] {
            fs::create_dir_all(at(dir)).unwrap();
            let text = r#"{"files":{"x":"1"},"package":"abc"}"#;
            fs::write(at(dir).join(".cargo-checksum.json"), text).unwrap();
        }
        fs::write(at("Cargo.lock"), "").unwrap();
        super::make_buildable(folder.path()).unwrap();
        for name in ["a", "b"] {
            let text = fs::read_to_string(at("vendor").join(name).join(".cargo-checksum.json"));
            assert_eq!(text.unwrap(), r#"{"files":{},"package":"abc"}"#);
        }
        assert!(!at("Cargo.lock").exists());
        let script = fs::read_to_string(at("vendor/lzma-sys-1/build.rs")).unwrap();
        assert!(script.contains("cargo:rustc-link-lib=lzma"), "{script}");
    }
}
