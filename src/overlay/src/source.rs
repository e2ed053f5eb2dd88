//! The pristine source: unpacked or copied, made buildable, and committed as `pristine`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use helped::Helped;
use serde_json::{Value, json};

use crate::place::{Place, run};
use crate::tree::{LAID, Tree};

/// The lock files that do not match the crates that Debian vendors. Bootstrap rewrites them.
const LOCK_FILES: [&str; 7] = [
    "Cargo.lock",
    "library/Cargo.lock",
    "src/bootstrap/Cargo.lock",
    "src/tools/cargo/Cargo.lock",
    "src/tools/clippy/clippy_test_deps/Cargo.lock",
    "src/tools/rust-analyzer/Cargo.lock",
    "src/tools/rustbook/Cargo.lock",
];

/// The files that bootstrap and Python write into the tree.
const EXCLUDES: &str = "/Cargo.lock\n/library/Cargo.lock\n/src/bootstrap/Cargo.lock\n\
                        /src/tools/*/Cargo.lock\n/src/tools/clippy/clippy_test_deps/Cargo.lock\n__pycache__/\n";

/// A build script that links the system's liblzma.
const SYSTEM_LZMA: &str = "fn main() {\n    println!(\"cargo:rustc-link-lib=lzma\");\n}\n";

/// A build script of a crate of rustbook that makes each icon an empty picture. Debian takes them from
/// a package that Debian 12 does not have.
const NO_ICONS: &str = r#"fn main() {
    println!("cargo:rustc-cfg=font_awesome_out_dir");
    let file = std::env::var("OUT_DIR").unwrap() + "/fontawesome.rs";
    let none = "const fn fontawesome_svg(_: &str, _: &str) -> &'static str { \"<svg></svg>\" }";
    std::fs::write(file, none).unwrap();
}
"#;

/// The vendored crates whose build scripts are replaced, by what their folders' names begin with.
const BUILD_SCRIPTS: [(&str, &str); 2] = [
    // Debian removes the source of liblzma, which `dist` would build.
    ("lzma-sys-", SYSTEM_LZMA),
    ("font-awesome-as-a-crate-", NO_ICONS),
];

/// Unpacks or copies the source to `src` in the build directory, unless it is there.
///
/// The folder gets its name when it is complete. It is an error if a source of another origin is there.
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
            let dir = tree.dir.display();
            let help = "`./x.py clean --all` removes it and all build results; \
                        run `./x.py refresh` before that to keep edits";
            return Err(
                Helped::new(format!("{dir} holds {found}, but {origin} is wanted"), help).into(),
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
        Some(source) => copy(source, &folder, &place.pins.release)?,
        None => unpack(place, &folder)?,
    }
    if folder.join("debian").exists() {
        make_buildable(&folder)?;
    }
    commit(&folder, &origin)?;
    fs::rename(&folder, &tree.dir)?;
    Ok(tree)
}

/// Unpacks the pinned files and applies Debian's patches.
fn unpack(place: &Place, folder: &Path) -> Result<()> {
    let file = |ending: &str| -> Result<PathBuf> {
        let names = place.pins.source.file.iter();
        let mut names = names.filter_map(|file| file.path.file_name());
        let name = names.find(|name| name.as_encoded_bytes().ends_with(ending.as_bytes()));
        let name = name.with_context(|| format!("no {ending} in pins.toml"))?;
        Ok(place.build.join("download").join(name))
    };
    untar(&file(".orig.tar.xz")?, folder, 1)?;
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

/// Copies the user's tree without its git repositories and bootstrap's own build directory.
fn copy(source: &Path, folder: &Path, release: &str) -> Result<()> {
    let shown = source.display();
    let version = fs::read_to_string(source.join("src/version")).with_context(|| {
        Helped::new(
            format!("no source tree at {shown}"),
            "correct source in config.toml, or leave it out",
        )
    })?;
    if version.trim() != release {
        let message = format!("{shown} is {}, not {release}", version.trim());
        let help = format!("point source in config.toml to a tree of {release}");
        return Err(Helped::new(message, help).into());
    }
    if !source.join("library/backtrace/Cargo.toml").exists() {
        let message = format!("{shown} lacks its submodule library/backtrace");
        let help = format!("`git -C {shown} submodule update --init library/backtrace`");
        return Err(Helped::new(message, help).into());
    }
    let mut cp = Command::new("cp");
    cp.args(["-a", "--reflink=auto", "-t"]).arg(folder);
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        if entry.file_name() != ".git" && entry.file_name() != "build" {
            cp.arg(entry.path());
        }
    }
    run(&mut cp)?;
    let mut submodules = Command::new("find");
    submodules
        .arg(folder)
        .args(["-name", ".git", "-prune", "-exec", "rm", "-rf", "{}", "+"]);
    run(&mut submodules)
}

/// Replaces build scripts that need more than Debian's source, and removes the checksums and lock files
/// that Debian's patches invalidate.
fn make_buildable(folder: &Path) -> Result<()> {
    let vendor = folder.join("vendor");
    for entry in fs::read_dir(&vendor).context("the source has no vendored crates")? {
        let entry = entry?;
        let name = entry.file_name();
        for (prefix, script) in BUILD_SCRIPTS {
            if name.as_encoded_bytes().starts_with(prefix.as_bytes()) {
                fs::write(entry.path().join("build.rs"), script)?;
            }
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
    // The tree's own attribute files must not change any content.
    fs::write(
        folder.join(".git/info/attributes"),
        "* -text -ident -filter\n",
    )?;
    // A background `git gc` would outlive this process and hold the lock of the build directory.
    tree.git().args(["config", "gc.auto", "0"]).done()?;
    tree.git().args(["add", "--force", "--all"]).done()?;
    tree.git()
        .args(["commit", "--quiet", "--allow-empty", "-m", origin])
        .done()?;
    tree.git().args(["tag", "pristine"]).done()?;
    tree.git().args(["update-ref", LAID, "pristine"]).done()
}
