//! `compare`: which release is built, where, and when.

use std::fs;

use crate::fixture::{Fixture, script, write};

/// The upstream file that stage 0 needs a patch for.
const MARKER: &str = "compiler/rustc_data_structures/src/marker.rs";

/// A fixture with a patch of [`MARKER`] and another one. Its bootstrap prints the folder and the build
/// directory, and its cargo the arguments.
fn fixture() -> Fixture {
    let fixture = Fixture::new();
    write(&fixture.source.join(MARKER), "one\n");
    let bootstrap = "import os, sys, tomllib\n\
                     config = tomllib.load(open(sys.argv[sys.argv.index('--config') + 1], 'rb'))\n\
                     print('bootstrap', os.getcwd(), config['build']['build-dir'])\n\
                     sys.exit(os.path.exists('fail'))\n";
    write(&fixture.source.join("x.py"), bootstrap);
    script(&fixture.stage0.join("bin/cargo"), "echo cargo \"$@\"");
    let patch = |name: &str, from: &str, to: &str| {
        let text = format!(
            "diff --git a/{name} b/{name}\n--- a/{name}\n+++ b/{name}\n@@ -1,1 +1,1 @@\n-{from}\n+{to}\n"
        );
        fixture.write(&format!("{name}.patch"), &text);
    };
    patch(MARKER, "one", "two");
    patch("src/version", "1.95.0", "fork");
    fixture
}

/// The lines of `told` about bootstrap and the tool, with `B` for the build directory.
fn runs(fixture: &Fixture, told: &str) -> Vec<String> {
    let lines = told
        .lines()
        .filter(|line| line.starts_with("bootstrap ") || line.starts_with("cargo run "));
    let build = fixture.build.to_str().unwrap();
    lines.map(|line| line.replace(build, "B")).collect()
}

const FORK: &str = "bootstrap B/src B";
const RELEASE: &str = "bootstrap B/release/src B/release";

#[test]
fn the_release_is_built_from_the_pristine_source_and_kept() {
    let fixture = fixture();
    let told = fixture.succeed(&["compare", "words"]);
    let found = runs(&fixture, &told);
    let [fork, release, tool] = found.as_slice() else {
        panic!("{told}");
    };
    assert_eq!([fork, release], [FORK, RELEASE]);
    assert!(
        tool.starts_with(
            "cargo run --quiet --locked --release --package compare -- --rustc B/host/"
        )
    );
    let last = "--work-dir B/compare --release B/release/host/stage1/bin/rustc words";
    assert!(tool.ends_with(last), "{tool}");
    let file =
        |name: &str| fs::read_to_string(fixture.build.join("release/src").join(name)).unwrap();
    assert_eq!(
        (file("src/version"), file(MARKER)),
        ("1.95.0\n".into(), "two\n".into())
    );
    assert_eq!(
        fs::read_to_string(fixture.laid("src/version")).unwrap(),
        "fork\n"
    );

    // Edits of the fork do not concern it.
    fixture.edit("compiler/a.rs", "line 3\n", "three\n");
    let again = fixture.succeed(&["compare"]);
    assert_eq!(runs(&fixture, &again).len(), 2, "{again}");
    assert!(!again.contains(RELEASE), "{again}");
    assert!(!again.contains("the release"), "{again}");
}

#[test]
fn the_release_is_built_again_for_other_settings_or_after_clean() {
    let fixture = fixture();
    fixture.succeed(&["compare"]);
    let config = fs::read_to_string(fixture.root.join("config.toml")).unwrap();
    fixture.write("config.toml", &format!("optimize = 2\n{config}"));
    let told = fixture.succeed(&["compare"]);
    assert!(
        runs(&fixture, &told).contains(&RELEASE.to_owned()),
        "{told}"
    );
    assert!(!told.contains("checking out"), "{told}");

    // A build that failed is started again.
    fixture.write("config.toml", &config);
    let fail = fixture.build.join("release/src/fail");
    write(&fail, "");
    let output = fixture.driver(&["compare"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(runs(&fixture, &told), [FORK, RELEASE]);
    assert!(told.contains("\ncompare failed after "), "{told}");
    fs::remove_file(fail).unwrap();
    let told = fixture.succeed(&["compare"]);
    assert!(
        runs(&fixture, &told).contains(&RELEASE.to_owned()),
        "{told}"
    );

    fixture.succeed(&["clean"]);
    assert!(!fixture.build.join("release").exists());
    let told = fixture.succeed(&["compare"]);
    assert!(
        runs(&fixture, &told).contains(&RELEASE.to_owned()),
        "{told}"
    );
}

#[test]
fn an_interrupted_checkout_is_completed() {
    let fixture = fixture();
    fixture.succeed(&["compare"]);
    let release = fixture.build.join("release");
    fs::remove_file(release.join("built")).unwrap();
    fs::remove_file(release.join("src/compiler/a.rs")).unwrap();
    write(&release.join("src/compiler/b.rs"), "");
    write(&fixture.laid(".git/worktrees/src/index.lock"), "");
    let told = fixture.succeed(&["compare"]);
    assert!(told.contains("compare: checking out the release"), "{told}");
    for name in ["compiler/a.rs", "compiler/b.rs"] {
        let file = fs::read(release.join("src").join(name)).unwrap();
        assert_eq!(file, fs::read(fixture.source.join(name)).unwrap());
    }
}

#[test]
fn another_compiler_or_help_needs_no_release() {
    let fixture = fixture();
    for args in [["compare", "--release=/rustc"], ["compare", "--help"]] {
        let told = fixture.succeed(&args);
        assert!(!told.contains(RELEASE), "{told}");
        let found = runs(&fixture, &told);
        let tool = found.last().unwrap();
        assert!(
            tool.ends_with(&format!("--work-dir B/compare {}", args[1])),
            "{tool}"
        );
        assert_eq!(found.len() == 2, args[1] != "--help", "{told}");
    }
    assert!(!fixture.build.join("release").exists());
}
