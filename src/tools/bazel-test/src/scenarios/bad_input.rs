//! What users see when something is wrong: one error that says what.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};

use crate::environment::Environment;
use crate::files::copy_folder;
use crate::workspace::Workspace;

/// The scenarios of this file.
pub const SCENARIOS: &[super::Named] = &[("bad-input", bad_input)];

const TARGET: &str = "//program:census";
const STD: &str = "lib/rustlib/x86_64-unknown-linux-gnu";

/// Each of these mistakes is one clear error.
fn bad_input(environment: &Environment, name: &str) -> anyhow::Result<()> {
    let workspace = Workspace::new(environment, name, "example")?;

    // A compile error is rustc's.
    workspace.edit("text/words.rs", "words\n}", "words.len()\n}")?;
    let messages = workspace.build_fails(&[TARGET])?;
    expect(
        &messages,
        &[
            "error[E0308]: mismatched types",
            "--> text/words.rs:",
            "expected `Vec<&str>`, found `usize`",
        ],
    )?;
    workspace.edit("text/words.rs", "words.len()\n}", "words\n}")?;

    // Not a program.
    workspace.edit(
        "program/BUILD.bazel",
        "binary = \":census_by_rustc\"",
        "binary = \":arguments\"",
    )?;
    let messages = workspace.build_fails(&[TARGET])?;
    expect(
        &messages,
        &[
            "//program:census: `binary` has to be a `rust_binary` or `rust_test`, but",
            "//program:arguments is none",
        ],
    )?;
    workspace.edit(
        "program/BUILD.bazel",
        "binary = \":arguments\"",
        "binary = \":census_by_rustc\"",
    )?;

    // A damaged module, which the thin link does not read: the backend names it.
    let damaged = workspace.dir.with_file_name("damaged");
    copy_folder(&environment.toolchain, &damaged)?;
    let module = module_of(&damaged, "hashbrown")?;
    fs::write(&module, &fs::read(&module)?[..1000])?;
    workspace.use_toolchain(&damaged)?;
    let messages = workspace.build_fails(&[TARGET])?;
    let file = module.file_name().unwrap_or_default().to_string_lossy();
    let line = messages.lines().find(|line| line.starts_with("error: "));
    ensure!(
        line.is_some_and(|line| line.contains(&*file)),
        "no error names {file}: {messages}"
    );

    // Two compilers.
    workspace.use_toolchain(&environment.toolchain)?;
    fs::create_dir(workspace.dir.join("other"))?;
    fs::write(workspace.dir.join("other/BUILD.bazel"), OTHER_TOOLCHAIN)?;
    let register = "register_toolchains(\"@thinlto_toolchains//:all\")";
    let both = format!("register_toolchains(\"//other:toolchain\")\n{register}");
    workspace.edit("MODULE.bazel", register, &both)?;
    let messages = workspace.build_fails(&[TARGET])?;
    expect(
        &messages,
        &[
            "is compiled by bazel-out/",
            "other/rust/bin/rustc, but the ThinLTO toolchain belongs to",
        ],
    )?;
    workspace.edit("MODULE.bazel", &both, register)?;

    // A toolchain without std's modules.
    let incomplete = workspace.dir.with_file_name("incomplete");
    copy_folder(&environment.toolchain, &incomplete)?;
    fs::remove_dir_all(incomplete.join(STD).join("thin-link"))?;
    workspace.use_toolchain(&incomplete)?;
    let messages = workspace.build_fails(&[TARGET])?;
    expect(
        &messages,
        &["has no folder `<target>/thin-link` with the modules of std"],
    )?;

    // lld of another LLVM.
    let other_lld = workspace.dir.with_file_name("other-lld");
    copy_folder(&environment.toolchain, &other_lld)?;
    let lld = other_lld.join(STD).join("bin/ld.lld");
    fs::remove_file(&lld)?;
    fs::write(
        &lld,
        "#!/bin/sh\necho 'LLD 19.1.7 (compatible with GNU linkers)'\n",
    )?;
    fs::set_permissions(&lld, fs::Permissions::from_mode(0o755))?;
    workspace.use_toolchain(&other_lld)?;
    let messages = workspace.build_fails(&[TARGET])?;
    expect(&messages, &["ld.lld is LLD 19.1.7, but rustc has LLVM 22."])?;

    // No compiler.
    workspace.use_toolchain(Path::new("/nonexistent"))?;
    let messages = workspace.build_fails(&[TARGET])?;
    expect(
        &messages,
        &["there is no /nonexistent/bin/rustc. `sysroot` has to be a compiler"],
    )
}

/// A toolchain for rules_rust from the same files, but not the same target.
const OTHER_TOOLCHAIN: &str = r#"
load("@rules_rust//rust:toolchain.bzl", "rust_toolchain")

rust_toolchain(
    name = "rust",
    binary_ext = "",
    default_edition = "2021",
    dylib_ext = ".so",
    exec_triple = "x86_64-unknown-linux-gnu",
    rust_doc = "@thinlto_toolchains//:rustdoc",
    rust_std = "@thinlto_toolchains//:std_x86_64-unknown-linux-gnu",
    rustc = "@thinlto_toolchains//:rustc",
    rustc_lib = "@thinlto_toolchains//:rustc_lib",
    staticlib_ext = ".a",
    stdlib_linkflags = [],
    target_triple = "x86_64-unknown-linux-gnu",
)

toolchain(
    name = "toolchain",
    toolchain = ":rust",
    toolchain_type = "@rules_rust//rust:toolchain_type",
)
"#;

/// The messages have all of these texts, and one error of a program or rule.
fn expect(messages: &str, texts: &[&str]) -> anyhow::Result<()> {
    for text in texts {
        ensure!(messages.contains(text), "no `{text}` in: {messages}");
    }
    Ok(())
}

/// The bitcode of a module of a crate of std.
fn module_of(sysroot: &Path, name: &str) -> anyhow::Result<PathBuf> {
    for entry in fs::read_dir(sysroot.join(STD).join("thin-link"))? {
        let file = entry?.file_name().to_string_lossy().into_owned();
        if file.starts_with(&format!("{name}-")) && !file.ends_with(".indexing.o") {
            return Ok(sysroot.join(STD).join("thin-link").join(file));
        }
    }
    bail!("std has no module of {name}")
}
