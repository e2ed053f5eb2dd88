//! `cargo thinlto build`, beside `cargo build --release`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::project::{
    Project, artifacts_in_json, counts, has_function, is_bitcode, succeed, symbols,
};

/// The rlibs of the crate `name` for all uses.
fn rlibs(project: &Project, name: &str) -> Vec<PathBuf> {
    let deps = fs::read_dir(project.path("target/release/deps")).unwrap();
    let paths = deps.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| {
            let file = path.file_name().unwrap().to_str().unwrap();
            file.starts_with(&format!("lib{name}-")) && file.ends_with(".rlib")
        })
        .collect()
}

#[test]
fn a_workspace_is_built_as_cargo_builds_it() {
    let (plain, lto) = (Project::new("workspace"), Project::new("workspace"));
    let words = "--workspace --all-targets --message-format=json";
    let (json, _) = succeed(&mut plain.cargo(&format!("build --release {words}")));
    let (lto_json, stderr) = succeed(&mut lto.thinlto(&format!("build {words}")));

    let artifacts = plain.artifacts("target/release");
    for expected in [
        "app",
        "tool",
        "examples/show",
        "libplugin.so",
        "libshared.a",
        "libshared.so",
    ] {
        assert!(
            artifacts.iter().any(|name| name == expected),
            "{artifacts:?}"
        );
    }
    assert_eq!(lto.artifacts("target/release"), artifacts);
    assert_eq!(
        artifacts_in_json(&lto_json, &lto.path("")),
        artifacts_in_json(&json, &plain.path(""))
    );
    assert!(
        stderr.contains("    Finished `release` profile"),
        "{stderr}"
    );

    for (program, output) in [
        ("app", "2 2 10 8\n"),
        ("tool", "tool 2\n"),
        ("examples/show", "example 2\n"),
    ] {
        let [plain, lto] = [&plain, &lto].map(|it| it.path("target/release").join(program));
        assert_eq!(succeed(&mut std::process::Command::new(&lto)).0, output);
        // No inlining across crates without LTO.
        assert!(has_function(&plain, "numbers5twice"), "{program}");
        assert!(!has_function(&lto, "numbers5twice"), "{program}");
        // std takes part.
        let count = |path: &Path| symbols(path).len();
        assert!(count(&lto) < count(&plain), "{program}");
    }
    let exported = |project: &Project| {
        let symbols = symbols(&project.path("target/release/libshared.so"));
        symbols.contains(&"shared_twice".to_owned())
    };
    assert!(exported(&plain) && exported(&lto));

    // One for the build script and the proc macro, one for the rest.
    let mut kinds: Vec<_> = rlibs(&lto, "numbers")
        .iter()
        .map(|path| is_bitcode(path))
        .collect();
    kinds.sort();
    assert_eq!(kinds, [false, true]);
    let [all, ..] = counts(&stderr).unwrap();
    assert!(all > 100, "{stderr}");
}

#[test]
fn only_what_changed_is_built() {
    let project = Project::with_cache("workspace");
    let build = || succeed(&mut project.thinlto("build --bin app")).1;
    let [all, hits, compiled] = counts(&build()).unwrap();
    assert_eq!((all, hits), (compiled, 0));

    let again = build();
    assert!(again.starts_with("    Finished "), "{again}");
    assert_eq!(again.lines().count(), 1);

    project.edit("numbers/src/lib.rs", "sum += part", "sum += part + 1");
    let after = build();
    let [same, _, compiled] = counts(&after).unwrap();
    assert_eq!(same, all);
    assert!((1..=6).contains(&compiled), "{after}");
    let (output, _) = succeed(&mut project.command(project.path("target/release/app")));
    assert_eq!(output, "4 2 12 10\n");

    // cargo's own build neither uses these files nor breaks them.
    let (_, stderr) = succeed(&mut project.cargo("build --release --bin app"));
    assert!(stderr.contains("Compiling numbers"), "{stderr}");
    assert!(has_function(
        &project.path("target/release/app"),
        "numbers5twice"
    ));
    let back = build();
    assert!(!back.contains("Compiling"), "{back}");
    assert!(!has_function(
        &project.path("target/release/app"),
        "numbers5twice"
    ));
}

#[test]
fn a_target_has_a_folder() {
    let project = Project::new("workspace");
    let target = "x86_64-unknown-linux-gnu";
    succeed(&mut project.thinlto(&format!("build -p app --target {target}")));
    let program = project.path("target").join(target).join("release/app");
    assert_eq!(succeed(&mut project.command(&program)).0, "2 2 10 8\n");
    assert!(!has_function(&program, "numbers5twice"));
    assert!(!project.path("target/release/app").exists());
}

#[test]
fn options_reach_cargo() {
    let project = Project::new("workspace");
    let manifest = project.path("app/Cargo.toml");
    let mut build = project.thinlto("build --features loud --target-dir out --timings --locked");
    build.arg("--manifest-path").arg(&manifest).current_dir("/");
    let output = build.output().unwrap();
    // There is no lock file yet.
    assert_eq!(output.status.code(), Some(101));
    succeed(&mut project.cargo("generate-lockfile"));
    build.arg("--target-dir").arg(project.path("out"));
    let mut build =
        project.thinlto("build --features loud --timings --locked --offline --target-dir");
    build
        .arg(project.path("out"))
        .arg("--manifest-path")
        .arg(&manifest)
        .current_dir("/");
    succeed(&mut build);
    assert_eq!(
        succeed(&mut project.command(project.path("out/release/app"))).0,
        "2 2 10 8!\n"
    );
    assert!(project.path("out/cargo-timings/cargo-timing.html").exists());
}

#[test]
fn a_profile_is_honored() {
    let project = Project::new("workspace");
    for lto in ["\"fat\"", "\"thin\"", "true", "false", "\"off\""] {
        let setting = format!("profile.release.lto={lto}");
        let mut build = project.thinlto("build --bin tool -v");
        let (_, stderr) = succeed(build.arg("--config").arg(&setting));
        assert!(!stderr.contains("-C lto"), "{setting}\n{stderr}");
        assert!(
            !has_function(&project.path("target/release/tool"), "numbers5twice"),
            "{setting}"
        );
    }

    let (_, stderr) = succeed(&mut project.thinlto("build --bin tool --profile small -v"));
    let line = |name: &str| {
        let start = format!("--crate-name {name} ");
        let mut lines = stderr.lines().filter(|line| line.contains(&start));
        lines
            .find(|line| line.contains("-Clinker-plugin-lto"))
            .unwrap()
            .to_owned()
    };
    let tool = line("tool");
    for flag in [
        "codegen-units=1",
        "debuginfo=1",
        "opt-level=s",
        "overflow-checks=on",
        "panic=abort",
        "rpath",
        "incremental=",
    ] {
        assert!(tool.contains(&format!("-C {flag}")), "{flag}\n{tool}");
    }
    assert!(line("numbers").contains("-C opt-level=3"), "{stderr}");
    let (output, _) = succeed(&mut project.command(project.path("target/small/tool")));
    assert_eq!(output, "tool 2\n");
}

#[test]
fn a_decision_about_incremental_builds_stays() {
    let mut project = Project::new("workspace");
    let is_incremental = |project: &Project, words: &str| {
        let mut build = project.thinlto("build -p numbers -v --target-dir");
        build.arg(tempfile::tempdir_in(project.path("")).unwrap().path());
        succeed(build.args(words.split_whitespace()))
            .1
            .contains("-C incremental=")
    };
    assert!(is_incremental(&project, ""));
    assert!(is_incremental(&project, "--profile small"));
    assert!(!is_incremental(
        &project,
        "--config profile.release.incremental=false"
    ));
    project.set("CARGO_PROFILE_RELEASE_INCREMENTAL", "false");
    assert!(!is_incremental(&project, ""));
    assert!(!is_incremental(&project, "--profile small"));
    project
        .environment
        .remove("CARGO_PROFILE_RELEASE_INCREMENTAL");
    project.edit("Cargo.toml", "strip = \"none\"", "incremental = false");
    assert!(!is_incremental(&project, "--profile small"));
}
