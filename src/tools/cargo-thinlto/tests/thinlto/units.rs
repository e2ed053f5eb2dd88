//! Codegen units: few for packages of registries, many for packages with a path.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::project::{Project, counts, succeed, texts};

/// A program in a workspace, a library beside the workspace, and one of a registry.
fn project() -> Project {
    let project = Project::with_cache("no_std");
    let registry = "[source.crates-io]\nreplace-with = 'vendored'\n\
        [source.vendored]\ndirectory = 'vendored'\n";
    project.write(".cargo/config.toml", registry);
    library(&project, "vendored/of-registry");
    project.write(
        "vendored/of-registry/.cargo-checksum.json",
        "{\"files\":{},\"package\":null}",
    );
    library(&project, "beside");
    let manifest = "package = { name = 'app', version = '1.0.0', edition = '2024' }\nworkspace = {}\n\
        dependencies = { beside = { path = '../beside' }, of-registry = '1' }\n";
    project.write("app/Cargo.toml", manifest);
    let code = "fn main() { println!(\"{}\", beside::number() + of_registry::number()) }\n";
    project.write("app/src/main.rs", code);
    project
}

/// A library in a folder of its name.
fn library(project: &Project, folder: &str) {
    let name = folder.rsplit('/').next().unwrap();
    let manifest =
        format!("package = {{ name = '{name}', version = '1.0.0', edition = '2024' }}\n");
    project.write(&format!("{folder}/Cargo.toml"), &manifest);
    let code = "pub fn number() -> u32 { 1 }\n";
    project.write(&format!("{folder}/src/lib.rs"), code);
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
fn have_units(project: &Project, [app, beside, of_registry]: [Option<u32>; 3], incremental: bool) {
    let expected = [
        ("app", (app, incremental)),
        ("beside", (beside, incremental)),
        ("of_registry", (of_registry, false)),
    ];
    let expected = expected.map(|(name, units)| (name.to_owned(), units));
    assert_eq!(units(project), BTreeMap::from(expected));
}

#[test]
fn packages_with_a_path_have_many() {
    let project = project();
    have_units(&project, [Some(256), Some(256), Some(4)], true);
    // There was no `Cargo.lock` before.
    let (_, stderr) = succeed(&mut build(&project));
    assert_eq!(stderr.matches("Fresh ").count(), 3, "{stderr}");
    assert_eq!(counts(&stderr), None);
    let program = project.path("app/target/release/app");
    assert_eq!(succeed(&mut project.command(&program)).0, "2\n");
}

#[test]
fn new_packages_with_a_path_have_many_from_the_first_build_on() {
    let project = project();
    succeed(&mut build(&project));
    let edits: [&dyn Fn(); 3] = [
        // A dependency outside of the workspace.
        &|| {
            library(&project, "also");
            let dependency = "{ also = { path = '../also' }, beside";
            project.edit("app/Cargo.toml", "{ beside", dependency);
        },
        // A member of the workspace.
        &|| {
            library(&project, "app/member");
            project.edit("app/Cargo.toml", "{}", "{ members = ['member'] }");
        },
        // A package in place of that of the registry.
        &|| {
            library(&project, "own/of-registry");
            let patch = "[patch.crates-io]\nof-registry = { path = '../own/of-registry' }\n";
            let manifest = fs::read_to_string(project.path("app/Cargo.toml")).unwrap();
            project.write("app/Cargo.toml", &format!("{manifest}{patch}"));
        },
    ];
    for (edit, name) in edits.into_iter().zip(["also", "member", "of_registry"]) {
        edit();
        let mut first = build(&project);
        let (_, first) = succeed(first.arg("--workspace"));
        let compile = first
            .lines()
            .find(|line| line.contains(&format!("--crate-name {name} ")));
        assert!(compile.unwrap().contains("codegen-units=256"), "{first}");
        let (_, second) = succeed(build(&project).arg("--workspace"));
        assert!(!second.contains("Compiling "), "{second}");
    }
}

#[test]
fn all_have_few_without_incremental_compilation() {
    let mut project = project();
    project.set("CARGO_INCREMENTAL", "0");
    have_units(&project, [Some(4), Some(4), Some(4)], false);
    project.environment.remove("CARGO_INCREMENTAL");
    project.set("CARGO_PROFILE_RELEASE_INCREMENTAL", "false");
    project.set("CARGO_TARGET_DIR", "other");
    have_units(&project, [Some(4), Some(4), Some(4)], false);
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

#[test]
fn the_user_decides() {
    let mut project = project();
    let manifest = fs::read_to_string(project.path("app/Cargo.toml")).unwrap();
    let settings = [
        ("codegen-units = 7", [Some(7); 3]),
        ("package.'*'.codegen-units = 7", [None, Some(7), Some(7)]),
        (
            "package.app.codegen-units = 7",
            [Some(7), Some(256), Some(4)],
        ),
        // One specification more for the same package would be an error.
        (
            "package.'beside@1.0.0'.opt-level = 1",
            [Some(256), Some(256), Some(4)],
        ),
    ];
    for (number, (setting, units)) in settings.into_iter().enumerate() {
        project.write(
            "app/Cargo.toml",
            &format!("{manifest}[profile.release]\n{setting}\n"),
        );
        project.set("CARGO_TARGET_DIR", &format!("target-{number}"));
        have_units(&project, units, true);
    }
}
