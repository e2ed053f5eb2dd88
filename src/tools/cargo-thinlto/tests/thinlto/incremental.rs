//! Packages with a path are compiled incrementally, those of registries are not.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::project::{Project, counts, succeed, texts};

/// A program in a workspace, a library beside the workspace, and one of a registry.
fn project() -> Project {
    let project = Project::with_cache("no_std");
    let library = |folder: &str, name: &str| {
        let manifest =
            format!("package = {{ name = '{name}', version = '1.0.0', edition = '2024' }}\n");
        project.write(&format!("{folder}/{name}/Cargo.toml"), &manifest);
        let code = "pub fn number() -> u32 { 1 }\n";
        project.write(&format!("{folder}/{name}/src/lib.rs"), code);
    };
    let registry = "[source.crates-io]\nreplace-with = 'vendored'\n\
        [source.vendored]\ndirectory = 'vendored'\n";
    project.write(".cargo/config.toml", registry);
    library("vendored", "of-registry");
    project.write(
        "vendored/of-registry/.cargo-checksum.json",
        "{\"files\":{},\"package\":null}",
    );
    library(".", "beside");
    let manifest = "package = { name = 'app', version = '1.0.0', edition = '2024' }\nworkspace = {}\n\
        dependencies = { beside = { path = '../beside' }, of-registry = '1' }\n";
    project.write("app/Cargo.toml", manifest);
    let code = "fn main() { println!(\"{}\", beside::number() + of_registry::number()) }\n";
    project.write("app/src/main.rs", code);
    project
}

fn build(project: &Project) -> Command {
    let mut build = project.thinlto("build -v");
    build.current_dir(project.path("app"));
    build
}

/// The units of each crate as cargo passes them to rustc, and whether it is compiled incrementally.
fn units(project: &Project) -> BTreeMap<String, (Option<u32>, bool)> {
    let (_, stderr) = succeed(&mut build(project));
    let crates = stderr.lines().filter_map(|line| {
        let after = |start: &str| line.split_once(start)?.1.split([' ', '`']).next();
        let units = after(" codegen-units=").map(|units| units.parse().unwrap());
        let name = after("--crate-name ")?.to_owned();
        Some((name, (units, line.contains(" incremental="))))
    });
    crates.collect()
}

#[track_caller]
fn are_compiled(project: &Project, units: Option<u32>, incremental: bool) {
    let expected = [
        ("app", (units, incremental)),
        ("beside", (units, incremental)),
        ("of_registry", (units, false)),
    ];
    let expected = expected.map(|(name, how)| (name.to_owned(), how));
    assert_eq!(self::units(project), BTreeMap::from(expected));
}

#[test]
fn packages_with_a_path_are() {
    let project = project();
    // rustc's own number of units: 256 if incremental, 16 if not.
    are_compiled(&project, None, true);
    let (_, stderr) = succeed(&mut build(&project));
    assert_eq!(stderr.matches("Fresh ").count(), 3, "{stderr}");
    assert_eq!(counts(&stderr), None);
    let program = project.path("app/target/release/app");
    assert_eq!(succeed(&mut project.command(&program)).0, "2\n");
}

#[test]
fn the_user_decides() {
    let mut project = project();
    project.set("CARGO_INCREMENTAL", "0");
    are_compiled(&project, None, false);
    project.environment.remove("CARGO_INCREMENTAL");
    project.set("CARGO_PROFILE_RELEASE_INCREMENTAL", "false");
    project.set("CARGO_TARGET_DIR", "other");
    are_compiled(&project, None, false);
    project
        .environment
        .remove("CARGO_PROFILE_RELEASE_INCREMENTAL");
    let manifest = fs::read_to_string(project.path("app/Cargo.toml")).unwrap();
    let profile = "[profile.release]\ncodegen-units = 7\n";
    project.write("app/Cargo.toml", &format!("{manifest}{profile}"));
    are_compiled(&project, Some(7), true);
}

#[test]
fn an_installed_package_is_not_of_the_folder() {
    let project = project();
    let manifest = fs::read_to_string(project.path("app/Cargo.toml")).unwrap();
    // It would be refused.
    let profile = "[profile.release]\nsplit-debuginfo = 'packed'\n";
    project.write("app/Cargo.toml", &format!("{manifest}{profile}"));
    project.write("app/.cargo/config.toml", profile);
    let vendored = project.path("vendored").display().to_string();
    let mut install = project.thinlto(&format!(
        "install no-such-package --config source.crates-io.replace-with='vendored' \
         --config source.vendored.directory='{vendored}'"
    ));
    let output = install.current_dir(project.path("app")).output().unwrap();
    let (_, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(101), "{stderr}");
    let message = "error: could not find `no-such-package` in registry `crates-io`";
    assert!(stderr.starts_with(message), "{stderr}");
    assert!(!project.path("app/Cargo.lock").exists());

    // That of a path has the configuration of its folder, and a file that is named is in the current one.
    project.write("app/Cargo.toml", &manifest);
    let is_refused = |words| {
        let mut install = project.thinlto(words);
        let output = install
            .current_dir(project.path("beside"))
            .output()
            .unwrap();
        let (_, stderr) = texts(&output);
        assert!(stderr.contains("has `split-debuginfo = "), "{stderr}");
    };
    is_refused("install --path ../app");
    fs::rename(
        project.path("app/.cargo/config.toml"),
        project.path("beside/named.toml"),
    )
    .unwrap();
    is_refused("install --path ../app --config named.toml");
}
