//! The crates that are compiled.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::ensure;
use tool_support::command;

/// Names and contents of the sources.
const SOURCES: [(&str, &str); 10] = [
    ("bare.rs", include_str!("../crates/bare.rs")),
    ("dependency.rs", include_str!("../crates/dependency.rs")),
    ("hello.rs", include_str!("../crates/hello.rs")),
    ("library.rs", include_str!("../crates/library.rs")),
    ("macros.rs", include_str!("../crates/macros.rs")),
    ("numbers.rs", include_str!("../crates/numbers.rs")),
    ("program.rs", include_str!("../crates/program.rs")),
    ("shapes.rs", include_str!("../crates/shapes.rs")),
    ("small.rs", include_str!("../crates/small.rs")),
    ("wrong.rs", include_str!("../crates/wrong.rs")),
];

/// The edition of all crates.
pub const EDITION: &str = "--edition=2024";

/// Writes the sources into `folder`.
pub fn write(folder: &Path) -> anyhow::Result<()> {
    for (name, content) in SOURCES {
        fs::write(folder.join(name), content)?;
    }
    Ok(())
}

/// Edits a module of the program and of the library in `folder`.
pub fn edit(folder: &Path) -> anyhow::Result<()> {
    let path = folder.join("numbers.rs");
    let text = fs::read_to_string(&path)?;
    let edited = text.replace("SEED: u32 = 7;", "SEED: u32 = 8;");
    ensure!(text != edited, "there is nothing to edit in numbers.rs");
    fs::write(path, edited)?;
    Ok(())
}

/// Compiles the crates that the program and the library depend on, into `folder`: one rlib of native
/// code, one of bitcode, and the proc macro. [`externs`] names them.
pub fn write_dependencies(rustc: &Path, sysroot: &Path, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    write(folder)?;
    for arguments in [
        "--crate-type=rlib dependency.rs --out-dir=native",
        "--crate-type=rlib dependency.rs --out-dir=bitcode -Clinker-plugin-lto",
        "--crate-type=proc-macro macros.rs --out-dir=native",
    ] {
        let mut compile = Command::new(rustc);
        compile.arg(EDITION).args(arguments.split(' '));
        compile.arg("--sysroot").arg(sysroot).current_dir(folder);
        command::run(&mut compile)?;
    }
    Ok(())
}

/// The options that name the dependencies, from a folder beside theirs.
pub fn externs(bitcode: bool) -> [String; 2] {
    let kind = if bitcode { "bitcode" } else { "native" };
    [
        format!("--extern=dependency=../dependencies/{kind}/libdependency.rlib"),
        "--extern=macros=../dependencies/native/libmacros.so".to_owned(),
    ]
}
