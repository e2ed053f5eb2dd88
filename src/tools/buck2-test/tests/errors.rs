//! What is refused, and with which message.

use buck2_test::project::Project;

const APP: &str = "//example/app:app";

/// The error of a build.
fn error(project: &Project, target: &str) -> String {
    match project.build(target) {
        Ok(_) => panic!("it was built"),
        Err(error) => format!("{error:#}"),
    }
}

/// The error of a build of a copy of the example with a file edited.
fn error_after(file: &str, from: &str, to: &str) -> String {
    let project = Project::new().unwrap();
    project.edit(file, from, to).unwrap();
    error(&project, APP)
}

#[track_caller]
fn has(error: &str, part: &str) {
    assert!(error.contains(part), "{error}\n\nhas no `{part}`");
}

#[test]
fn an_undeclared_input_is_missing() {
    let hidden = "hidden = [bitcode[imported] for imported in module[\"imports\"]],";
    let error = error_after("thinlto/link.bzl", hidden, "");
    has(&error, "root//example/app:app (thinlto_backend ");
    has(&error, "No such file or directory");

    let error = error_after(
        "thinlto/link.bzl",
        "compiled.linker_inputs, summaries, ",
        "compiled.linker_inputs, ",
    );
    has(&error, "root//example/app:app (thinlto_thin_link) failed");
    has(&error, ".indexing.o");
}

#[test]
fn a_compile_error_is_rustc_s() {
    let error = error_after(
        "example/app/src/report.rs",
        "numbers::sum(areas)",
        "numbers::total(areas)",
    );
    has(&error, "root//example/app:app (thinlto_compile) failed");
    has(
        &error,
        "error[E0425]: cannot find function `total` in crate `numbers`",
    );
    has(&error, "--> example/app/src/report.rs:5:");
}

#[test]
fn bitcode_is_needed() {
    let error = error_after(
        "example/numbers/BUCK",
        "    visibility",
        "    rustc_flags = [\"-Cembed-bitcode=no\"],\n    visibility",
    );
    has(&error, "(thinlto_modules libnumbers-numbers) failed");
    has(&error, "libnumbers-numbers.rlib holds no bitcode");
    has(&error, "help: compile the crate with `-Cembed-bitcode=yes`");
}

#[test]
fn attributes_are_checked() {
    let error = error_after(
        "example/app/BUCK",
        "    name = \"app\",",
        "    name = \"app\",\n    crate_root = \"lib.rs\",",
    );
    has(
        &error,
        "root//example/app:app has no source lib.rs, its `crate_root`.",
    );
    let error = error_after(
        "example/app/BUCK",
        "glob([\"src/**/*.rs\"])",
        "[\"src/report.rs\"]",
    );
    has(
        &error,
        "needs `crate_root`: 0 of its sources are named main.rs or app.rs.",
    );
    let error = error_after(
        "example/app/BUCK",
        "\"//example/shapes:shapes\",",
        "\"//example/shapes:shapes\", \":squares\",",
    );
    has(
        &error,
        "depends on root//example/app:squares, which is neither a Rust library nor a native one.",
    );
    let error = error_after(
        "example/shapes/BUCK",
        "    visibility",
        "    crate_dynamic = \"//example/numbers:numbers\",\n    visibility",
    );
    has(
        &error,
        "depends on root//example/shapes:shapes, which has `crate_dynamic`.",
    );
}

#[test]
fn the_toolchain_is_checked() {
    let project = Project::new().unwrap();
    project
        .edit("toolchains/BUCK", "    default_edition = \"2021\",\n", "")
        .unwrap();
    let error = error(&project, "//example/numbers:numbers-test");
    has(
        &error,
        "has no `edition`, and the toolchain has no `default_edition`.",
    );
    let error = error_after("thinlto/toolchain.bzl", "/thin-link/*", "/nothing/*");
    has(
        &error,
        "toolchains//:rust: `std_modules` is empty. Name the files in `lib/rustlib/TARGET/thin-link`",
    );
    let error = error_after("thinlto/link.bzl", "_VERSION = 1", "_VERSION = 2");
    has(
        &error,
        "app.link-inputs.json has version 1, not 2. Use the rules and the compiler of one release.",
    );
}

#[test]
fn libraries_of_one_name_are_told_apart() {
    let project = Project::new().unwrap();
    project
        .edit(
            "example/app/BUCK",
            "\"//example/shapes:shapes\",",
            "\"//example/shapes:shapes\", \"//other:numbers\",",
        )
        .unwrap();
    let other = "rust_library(name = \"numbers\", srcs = [\"lib.rs\"], crate_root = \"lib.rs\")";
    project.add("other/BUCK", other).unwrap();
    project.add("other/lib.rs", "").unwrap();
    has(
        &error(&project, APP),
        "depends on two libraries libnumbers-numbers.rlib. Give one of them another `crate`.",
    );
}
