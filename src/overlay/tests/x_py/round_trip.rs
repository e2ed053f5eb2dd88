//! `overlay` and `refresh` on a small source tree: the round trip loses nothing.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::fixture::{Fixture, script, snapshot, stderr, write};

/// A canonical patch of line `line` of a 40-line file.
fn patch(name: &str, line: u32, new: &str) -> String {
    let (before, after) = (line - 1, line + 1);
    format!(
        "diff --git a/{name} b/{name}\n--- a/{name}\n+++ b/{name}\n@@ -{before},3 +{before},3 @@\n \
         line {before}\n-line {line}\n+{new}\n line {after}\n"
    )
}

/// A fixture with a patch, a new file and an executable new file, laid.
fn laid() -> Fixture {
    let fixture = Fixture::new();
    fixture.write("compiler/a.rs.patch", &patch("compiler/a.rs", 20, "twenty"));
    fixture.write("compiler/thin_link.rs", "fn new() {}\n");
    script(&fixture.root.join("src/etc/tool.sh"), "exit 0");
    fixture.succeed(&["overlay"]);
    fixture
}

#[test]
fn overlay_then_refresh_leaves_the_repository_as_it_was() {
    let fixture = laid();
    let before = snapshot(&fixture.root);
    assert!(
        fs::read_to_string(fixture.laid("compiler/a.rs"))
            .unwrap()
            .contains("\ntwenty\n")
    );
    assert_eq!(
        fs::read_to_string(fixture.laid("compiler/thin_link.rs")).unwrap(),
        "fn new() {}\n"
    );
    assert_eq!(fixture.succeed(&["refresh"]), "");
    assert_eq!(snapshot(&fixture.root), before);
    let told = fixture.succeed(&["overlay", "--check"]);
    assert_eq!(
        told,
        "the overlay applies cleanly to the source: 1 patches, 2 new files\n"
    );
}

#[test]
fn an_edit_of_an_upstream_file_comes_back_as_a_patch() {
    let fixture = laid();
    fixture.edit("library/c.rs", "line 7\n", "seven\n");
    fixture.edit("compiler/a.rs", "twenty", "TWENTY");
    let told = fixture.succeed(&["refresh"]);
    assert_eq!(
        told,
        "changed compiler/a.rs.patch\nnew library/c.rs.patch\n"
    );
    let text = |name: &str| fs::read_to_string(fixture.root.join(name)).unwrap();
    assert_eq!(
        text("library/c.rs.patch"),
        patch("library/c.rs", 7, "seven")
    );
    assert_eq!(
        text("compiler/a.rs.patch"),
        patch("compiler/a.rs", 20, "TWENTY")
    );
    // Now both sides are the same.
    let before = snapshot(&fixture.root);
    assert_eq!(fixture.succeed(&["overlay"]), "");
    assert_eq!(fixture.succeed(&["refresh"]), "");
    assert_eq!(snapshot(&fixture.root), before);
}

#[test]
fn a_new_file_comes_back_with_its_mode() {
    let fixture = laid();
    script(&fixture.laid("tests/run-make/thin-link-x/run.sh"), "true");
    fixture.edit("compiler/thin_link.rs", "new", "newer");
    let told = fixture.succeed(&["refresh"]);
    assert_eq!(
        told,
        "changed compiler/thin_link.rs\nnew tests/run-make/thin-link-x/run.sh\n"
    );
    let back = fixture.root.join("tests/run-make/thin-link-x/run.sh");
    assert_eq!(fs::read_to_string(&back).unwrap(), "#!/bin/sh\ntrue\n");
    assert_eq!(back.metadata().unwrap().permissions().mode() & 0o777, 0o755);
}

#[test]
fn a_deleted_hook_and_a_deleted_file_disappear() {
    let fixture = laid();
    fixture.edit("compiler/a.rs", "twenty", "line 20");
    fs::remove_file(fixture.laid("compiler/thin_link.rs")).unwrap();
    let told = fixture.succeed(&["refresh"]);
    assert_eq!(
        told,
        "removed compiler/a.rs.patch\nremoved compiler/thin_link.rs\n"
    );
    assert!(!fixture.root.join("compiler").join("a.rs.patch").exists());
    assert!(!fixture.root.join("compiler/thin_link.rs").exists());
    assert!(fixture.root.join("src/etc/tool.sh").exists());
}

#[test]
fn a_patch_that_is_taken_away_restores_the_file() {
    let fixture = laid();
    fs::remove_file(fixture.root.join("compiler/a.rs.patch")).unwrap();
    fs::remove_file(fixture.root.join("compiler/thin_link.rs")).unwrap();
    fixture.succeed(&["overlay"]);
    let pristine = fs::read(fixture.source.join("compiler/a.rs")).unwrap();
    assert_eq!(fs::read(fixture.laid("compiler/a.rs")).unwrap(), pristine);
    assert!(!fixture.laid("compiler/thin_link.rs").exists());
}

#[test]
fn an_upstream_file_can_be_deleted_or_lose_its_last_line_end() {
    let fixture = laid();
    fs::remove_file(fixture.laid("library/c.rs")).unwrap();
    fixture.edit("compiler/b.rs", "line 40\n", "line 40");
    fixture.succeed(&["refresh"]);
    let text = fs::read_to_string(fixture.root.join("library/c.rs.patch")).unwrap();
    assert!(text.contains("deleted file mode 100644\n"), "{text}");
    let again = Fixture::new();
    for name in ["library/c.rs.patch", "compiler/b.rs.patch"] {
        again.write(name, &fs::read_to_string(fixture.root.join(name)).unwrap());
    }
    again.succeed(&["overlay"]);
    again.succeed(&["overlay", "--check"]);
    assert!(!again.laid("library/c.rs").exists());
    assert!(
        fs::read_to_string(again.laid("compiler/b.rs"))
            .unwrap()
            .ends_with("\nline 40")
    );
}

#[test]
fn only_what_changed_is_written() {
    let fixture = laid();
    let stamp = |name: &str| {
        let data = fixture.laid(name).metadata().unwrap();
        (data.ino(), data.mtime(), data.mtime_nsec())
    };
    let before = [
        stamp("compiler/b.rs"),
        stamp("compiler/a.rs"),
        stamp("src/etc/tool.sh"),
    ];
    fixture.write("compiler/thin_link.rs", "fn changed() {}\n");
    let told = fixture.succeed(&["overlay"]);
    assert!(told.contains("laid the overlay: 1 files changed"), "{told}");
    assert_eq!(
        fs::read_to_string(fixture.laid("compiler/thin_link.rs")).unwrap(),
        "fn changed() {}\n"
    );
    assert_eq!(
        [
            stamp("compiler/b.rs"),
            stamp("compiler/a.rs"),
            stamp("src/etc/tool.sh")
        ],
        before
    );
}

#[test]
fn the_same_overlay_gives_the_same_commit() {
    let commit = |fixture: &Fixture| fixture.git(&fixture.laid(""), &["rev-parse", "HEAD^{tree}"]);
    assert_eq!(commit(&laid()), commit(&laid()));
}

#[test]
fn a_patch_that_does_not_apply_is_named_and_nothing_is_laid() {
    let fixture = laid();
    fixture.write(
        "library/c.rs.patch",
        &patch("library/c.rs", 7, "x").replace("line 7", "other"),
    );
    fixture.write("compiler/b.rs.patch", &patch("compiler/b.rs", 9, "nine"));
    let before = snapshot(&fixture.laid(""));
    let message = fixture.fail(&["overlay"]);
    assert!(
        message.contains("these patches do not apply to the source:\n  library/c.rs.patch"),
        "{message}"
    );
    assert!(!message.contains("b.rs"), "{message}");
    assert_eq!(fixture.fail(&["overlay", "--check"]), message);
    assert_eq!(snapshot(&fixture.laid("")), before);
}

#[test]
fn a_patch_with_an_offset_is_refused_by_check_and_mended_by_refresh() {
    let fixture = laid();
    let exact = patch("library/c.rs", 7, "seven");
    fixture.write(
        "library/c.rs.patch",
        &exact.replace("@@ -6,3 +6,3 @@", "@@ -9,3 +9,3 @@"),
    );
    let message = fixture.fail(&["overlay", "--check"]);
    assert!(
        message.contains("only with an offset") && message.contains("library/c.rs.patch"),
        "{message}"
    );
    assert!(!message.contains("a.rs.patch"), "{message}");
    fixture.succeed(&["overlay"]);
    assert_eq!(
        fixture.succeed(&["refresh"]),
        "changed library/c.rs.patch\n"
    );
    assert_eq!(
        fs::read_to_string(fixture.root.join("library/c.rs.patch")).unwrap(),
        exact
    );
    fixture.succeed(&["overlay", "--check"]);
}

/// Debian's patch of `compiler/b.rs` adds a line at 20.
#[test]
fn check_names_a_patch_that_would_be_offset_without_debians_patches() {
    let fixture = Fixture::new();
    fixture.make_debian();
    fixture.write("compiler/b.rs.patch", &patch("compiler/b.rs", 10, "ten"));
    fixture.succeed(&["overlay"]);
    assert_eq!(
        fixture.succeed(&["overlay", "--check"]),
        "the overlay applies cleanly to the source and to the source without Debian's patches: \
         1 patches, 0 new files\n"
    );

    let below =
        patch("compiler/b.rs", 30, "thirty").replace("@@ -29,3 +29,3 @@", "@@ -30,3 +30,3 @@");
    fixture.write("compiler/b.rs.patch", &below);
    fixture.write("compiler/a.rs.patch", &patch("compiler/a.rs", 30, "thirty"));
    fixture.succeed(&["overlay"]);
    let message = fixture.fail(&["overlay", "--check"]);
    assert!(
        message.contains(
            "as `refresh` writes them:\n  compiler/b.rs.patch, applied to the source without Debian's patches\n"
        ),
        "{message}"
    );

    let inside = "diff --git a/compiler/b.rs b/compiler/b.rs\n--- a/compiler/b.rs\n+++ b/compiler/b.rs\n\
                  @@ -20,3 +20,3 @@\n debian\n-more\n+ours\n line 21\n";
    fixture.write("compiler/b.rs.patch", inside);
    fixture.succeed(&["overlay"]);
    let message = fixture.fail(&["overlay", "--check"]);
    assert!(
        message.contains(
            "these patches do not apply to the source without Debian's patches:\n  compiler/b.rs.patch"
        ),
        "{message}"
    );
}

#[test]
fn a_patch_of_another_file_is_refused() {
    let fixture = laid();
    fixture.write("library/c.rs.patch", &patch("compiler/b.rs", 7, "seven"));
    let message = fixture.fail(&["overlay"]);
    assert!(
        message.contains("a patch changes compiler/b.rs"),
        "{message}"
    );
}

#[test]
fn misplaced_files_are_refused() {
    let fixture = laid();
    fixture.write("compiler/b.rs", "whole\n");
    let message = fixture.fail(&["overlay"]);
    assert!(
        message.contains("compiler/b.rs exists in the source"),
        "{message}"
    );
    fs::remove_file(fixture.root.join("compiler/b.rs")).unwrap();
    fixture.write(
        "compiler/none.rs.patch",
        &patch("compiler/none.rs", 7, "seven"),
    );
    let message = fixture.fail(&["overlay"]);
    assert!(
        message.contains("compiler/none.rs.patch patches a file that the source does not have"),
        "{message}"
    );
}

#[test]
fn edits_elsewhere_stay_when_the_overlay_moves_on() {
    let fixture = laid();
    fixture.edit("compiler/b.rs", "line 3\n", "mine\n");
    write(&fixture.laid("compiler/mine.rs"), "mine\n");
    fixture.write("library/c.rs.patch", &patch("library/c.rs", 7, "seven"));
    fixture.succeed(&["overlay"]);
    assert!(
        fs::read_to_string(fixture.laid("compiler/b.rs"))
            .unwrap()
            .contains("mine\n")
    );
    assert!(
        fs::read_to_string(fixture.laid("library/c.rs"))
            .unwrap()
            .contains("seven\n")
    );
    let told = fixture.succeed(&["refresh"]);
    assert_eq!(told, "new compiler/b.rs.patch\nnew compiler/mine.rs\n");
}

#[test]
fn an_edit_that_would_be_overwritten_is_refused_by_name() {
    let fixture = laid();
    fixture.edit("compiler/a.rs", "twenty", "edited here");
    fixture.write(
        "compiler/a.rs.patch",
        &patch("compiler/a.rs", 20, "edited there"),
    );
    fixture.write("compiler/thin_link.rs", "fn there() {}\n");
    for verb in ["overlay", "refresh"] {
        let message = fixture.fail(&[verb]);
        assert!(
            message.contains("laid:\n  compiler/a.rs\nhelp:"),
            "{message}"
        );
        assert!(
            message.contains("`./x.py refresh`") && message.contains("to drop the edits"),
            "{message}"
        );
    }
    assert!(
        fs::read_to_string(fixture.laid("compiler/a.rs"))
            .unwrap()
            .contains("edited here")
    );
    assert!(
        fs::read_to_string(fixture.root.join("compiler/a.rs.patch"))
            .unwrap()
            .contains("edited there")
    );
    assert_eq!(
        fs::read_to_string(fixture.laid("compiler/thin_link.rs")).unwrap(),
        "fn new() {}\n"
    );

    fixture.git(
        &fixture.laid(""),
        &["-c", "user.name=t", "-c", "user.email=t@t", "stash"],
    );
    fixture.succeed(&["overlay"]);
    assert!(
        fs::read_to_string(fixture.laid("compiler/a.rs"))
            .unwrap()
            .contains("edited there")
    );
}

#[test]
fn an_edit_that_is_in_the_overlay_too_is_no_conflict() {
    let fixture = laid();
    fixture.edit("compiler/a.rs", "twenty", "both");
    write(&fixture.laid("compiler/both.rs"), "both\n");
    fixture.write("compiler/a.rs.patch", &patch("compiler/a.rs", 20, "both"));
    fixture.write("compiler/both.rs", "both\n");
    fixture.succeed(&["overlay"]);
    assert_eq!(
        fixture.git(&fixture.laid(""), &["status", "--porcelain"]),
        ""
    );
}

#[test]
fn edits_that_are_committed_in_the_tree_come_back_too() {
    let fixture = laid();
    fixture.edit("compiler/b.rs", "line 3\n", "three\n");
    let author = ["-c", "user.name=t", "-c", "user.email=t@t"];
    let commit = [&author[..], &["commit", "--quiet", "-a", "-m", "mine"]].concat();
    fixture.git(&fixture.laid(""), &commit);
    fixture.write("compiler/thin_link.rs", "fn later() {}\n");
    fixture.succeed(&["overlay"]);
    assert!(
        fs::read_to_string(fixture.laid("compiler/b.rs"))
            .unwrap()
            .contains("three\n")
    );
    let told = fixture.succeed(&["refresh"]);
    assert_eq!(told, "new compiler/b.rs.patch\n");
    let text = fs::read_to_string(fixture.root.join("compiler/b.rs.patch")).unwrap();
    assert_eq!(text, patch("compiler/b.rs", 3, "three"));
}

#[test]
fn a_file_can_be_edited_and_refreshed_again() {
    let fixture = laid();
    for (from, to) in [("line 3\n", "three\n"), ("three\n", "drei\n")] {
        fixture.edit("compiler/b.rs", from, to);
        fixture.succeed(&["refresh"]);
        let held = fs::read_to_string(fixture.root.join("compiler/b.rs.patch")).unwrap();
        assert_eq!(held, patch("compiler/b.rs", 3, to.trim_end()));
        assert_eq!(fixture.succeed(&["overlay"]), "");
    }
}

#[test]
fn refresh_keeps_what_was_not_laid_yet() {
    let fixture = laid();
    fixture.write("compiler/later.rs", "later\n");
    fixture.write("library/c.rs.patch", &patch("library/c.rs", 7, "seven"));
    fixture.edit("compiler/b.rs", "line 3\n", "three\n");
    assert_eq!(fixture.succeed(&["refresh"]), "new compiler/b.rs.patch\n");
    assert!(fixture.root.join("compiler/later.rs").exists());
    assert!(fixture.root.join("library/c.rs.patch").exists());
}

#[test]
fn an_interrupted_laying_is_completed() {
    let fixture = laid();
    let tree = fixture.laid("");
    let before = fixture.git(&tree, &["rev-parse", "HEAD"]);
    fixture.write("compiler/a.rs.patch", &patch("compiler/a.rs", 20, "second"));
    fixture.write("compiler/added.rs", "added\n");
    fixture.write("library/c.rs.patch", &patch("library/c.rs", 7, "seven"));
    fixture.succeed(&["overlay"]);
    let after = fixture.git(&tree, &["rev-parse", "HEAD"]);
    let complete = snapshot(&tree);

    // The state after a kill: files are incomplete, and index and HEAD are at the old commit.
    fixture.git(&tree, &["reset", "--quiet", &before]);
    fixture.git(&tree, &["update-ref", "refs/x/laid", &before]);
    fixture.git(&tree, &["update-ref", "refs/x/laying", &after]);
    fixture.git(
        &tree,
        &["checkout", "--quiet", &before, "--", "library/c.rs"],
    );
    write(&fixture.laid("compiler/a.rs"), "line 1\nli");
    write(&fixture.laid("compiler/added.rs"), "ad");
    write(&fixture.laid(".git/index.lock"), "");
    write(&fixture.laid(".git/x.index.lock"), "");
    fixture.edit("compiler/b.rs", "line 3\n", "mine\n");

    fixture.succeed(&["overlay"]);
    assert_eq!(fixture.git(&tree, &["rev-parse", "HEAD"]), after);
    assert!(
        fs::read_to_string(fixture.laid("compiler/b.rs"))
            .unwrap()
            .contains("mine\n")
    );
    fixture.edit("compiler/b.rs", "mine\n", "line 3\n");
    assert_eq!(snapshot(&tree), complete);
}

#[test]
fn a_half_unpacked_source_is_started_again() {
    let fixture = Fixture::new();
    write(&fixture.build.join("src.tmp/compiler/a.rs"), "torn");
    fixture.succeed(&["setup"]);
    let pristine = fs::read(fixture.source.join("compiler/a.rs")).unwrap();
    assert_eq!(fs::read(fixture.laid("compiler/a.rs")).unwrap(), pristine);
    assert!(!fixture.build.join("src.tmp").exists());
}

#[test]
fn members_of_the_workspace_and_ignored_files_are_not_laid() {
    let fixture = laid();
    fixture.write(".gitignore", "*.bak\n");
    fixture.write("compiler/a.bak", "x");
    fixture.write("src/overlay/src/main.rs", "x");
    fixture.write("docs/page.md", "x");
    assert_eq!(fixture.succeed(&["overlay"]), "");
    assert!(!fixture.laid("src/overlay").exists());
}

#[test]
fn a_tree_of_another_source_is_refused() {
    let fixture = laid();
    fixture.write("config.toml", "source = \"/elsewhere\"\n");
    let message = fixture.fail(&["overlay"]);
    assert!(
        message.contains("holds copy of ") && message.contains("copy of /elsewhere is wanted"),
        "{message}"
    );
    assert!(message.contains("./x.py clean --all"), "{message}");
}

#[test]
fn a_source_that_is_not_there_is_refused() {
    let fixture = Fixture::new();
    fixture.write("config.toml", "source = \"/elsewhere\"\n");
    let message = fixture.fail(&["setup"]);
    assert!(
        message.contains("no source tree at /elsewhere"),
        "{message}"
    );
    assert!(!fixture.laid("").exists());
}

#[test]
fn a_source_of_another_release_or_without_its_submodule_is_refused() {
    let fixture = Fixture::new();
    write(&fixture.source.join("src/version"), "1.94.1\n");
    let message = fixture.fail(&["setup"]);
    assert!(message.contains(" is 1.94.1, not 1.95.0\n"), "{message}");
    write(&fixture.source.join("src/version"), "1.95.0\n");
    fs::remove_file(fixture.source.join("library/backtrace/Cargo.toml")).unwrap();
    let message = fixture.fail(&["setup"]);
    assert!(
        message.contains("submodule update --init library/backtrace"),
        "{message}"
    );
    assert!(!fixture.laid("").exists());
}

/// The release's own tarball: its crates and lock files match.
#[test]
fn an_unpacked_tarball_is_laid_as_it_is() {
    let fixture = Fixture::new();
    let before = snapshot(&fixture.source);
    fixture.succeed(&["overlay"]);
    assert_eq!(snapshot(&fixture.laid("")), before);
    fixture.succeed(&["build"]);
    assert_eq!(build_setting(&fixture, "vendor"), Some(true.into()));
}

/// A checkout has no vendored crates, but git's files in it and in its submodules.
#[test]
fn a_checkout_is_laid_without_its_repositories() {
    let fixture = Fixture::new();
    fs::remove_dir_all(fixture.source.join("vendor")).unwrap();
    let mut before = snapshot(&fixture.source);
    before.remove("x.py");
    write(
        &fixture.source.join("x.py"),
        "import sys\nprint('bootstrap')\n",
    );
    let x_py = snapshot(&fixture.source).remove_entry("x.py").unwrap();
    before.insert(x_py.0, x_py.1);
    write(&fixture.source.join(".git/config"), "[broken");
    write(
        &fixture.source.join("library/backtrace/.git"),
        "gitdir: ../../.git/modules/backtrace\n",
    );
    write(&fixture.source.join("build/host/old"), "old");
    fixture.succeed(&["overlay"]);
    assert_eq!(snapshot(&fixture.laid("")), before);
    let tracked = fixture.git(&fixture.laid(""), &["ls-files", "library/backtrace"]);
    assert_eq!(tracked, "library/backtrace/Cargo.toml");
    fixture.succeed(&["build"]);
    assert_eq!(build_setting(&fixture, "vendor"), Some(false.into()));
}

#[test]
fn debians_tree_loses_checksums_and_lock_files() {
    let fixture = Fixture::new();
    fixture.make_debian();
    let lzma = fixture.source.join("vendor/lzma-sys-0.1.20");
    write(
        &lzma.join("build.rs"),
        "fn main() { build_from_source() }\n",
    );
    write(
        &lzma.join(".cargo-checksum.json"),
        r#"{"files":{"x":"1"},"package":"abc"}"#,
    );
    let icons = "vendor/font-awesome-as-a-crate-0.3.0/build.rs";
    write(
        &fixture.source.join(icons),
        "fn main() { std::fs::read_dir(\"/usr/share/icons\").unwrap(); }\n",
    );
    let lock = "src/tools/clippy/clippy_test_deps/Cargo.lock";
    write(&fixture.source.join(lock), "version = 4\n");
    fixture.succeed(&["overlay"]);
    let text = |name: &str| fs::read_to_string(fixture.laid(name)).unwrap();
    assert!(!fixture.laid(lock).exists());
    assert!(!text(icons).contains("/usr/share"));
    assert_eq!(text("vendor/x/.cargo-checksum.json"), r#"{"files":{}}"#);
    assert_eq!(
        text("vendor/lzma-sys-0.1.20/.cargo-checksum.json"),
        r#"{"files":{},"package":"abc"}"#
    );
    assert!(text("vendor/lzma-sys-0.1.20/build.rs").contains("cargo:rustc-link-lib=lzma"));
    assert!(!fixture.laid("Cargo.lock").exists());
}

/// A setting of the section `build` in the configuration that bootstrap gets.
fn build_setting(fixture: &Fixture, name: &str) -> Option<toml::Value> {
    let text = fs::read_to_string(fixture.build.join("bootstrap.toml")).unwrap();
    let config: toml::Table = toml::from_str(&text).unwrap();
    config["build"].get(name).cloned()
}

#[test]
fn a_stage_0_of_the_next_release_is_a_local_rebuild() {
    let fixture = laid();
    let skips = |told: String| told.contains(" --skip-stage0-validation ");
    assert!(!skips(fixture.succeed(&["build"])));
    assert_eq!(build_setting(&fixture, "local-rebuild"), None);
    fixture.stage0_release("1.96.0");
    assert!(skips(fixture.succeed(&["build"])));
    assert_eq!(build_setting(&fixture, "local-rebuild"), Some(true.into()));
}

#[test]
fn flags_and_paths_reach_bootstrap() {
    let fixture = laid();
    let config = fixture.build.join("bootstrap.toml");
    let run = |args: &[&str]| {
        let told = fixture.succeed(args).replace(config.to_str().unwrap(), "C");
        told.lines()
            .find(|line| line.starts_with("bootstrap "))
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        run(&["build"]),
        "bootstrap build --stage 1 library src/tools/rustdoc --config C"
    );
    assert_eq!(
        run(&[
            "build",
            "--stage",
            "2",
            "-j",
            "1",
            "--keep-stage-std=1",
            "compiler/rustc"
        ]),
        "bootstrap build compiler/rustc --config C --stage 2 -j 1 --keep-stage-std=1"
    );
    assert_eq!(run(&["check"]), "bootstrap check compiler --config C");
    assert_eq!(
        run(&["test", "tests/run-make/up", "--bless", "--", "x"]),
        "bootstrap test --stage 1 tests/run-make/up --config C --bless -- x"
    );
    let written = fs::read_to_string(&config).unwrap();
    let rust: toml::Table = toml::from_str(&written).unwrap();
    let number = |name: &str| rust["rust"][name].as_integer();
    assert_eq!(
        ["optimize", "codegen-units", "debuginfo-level"].map(number),
        [Some(1), Some(16), Some(0)]
    );
    let target = &rust["target"]["x86_64-unknown-linux-gnu"];
    assert_eq!(
        target["llvm-config"].as_str(),
        fixture.llvm_config().to_str()
    );
    let rustc = fixture.stage0.join("bin/rustc");
    assert_eq!(
        build_setting(&fixture, "rustc"),
        Some(rustc.to_str().unwrap().into())
    );
}

#[test]
fn the_programs_for_users_are_shipped() {
    let fixture = laid();
    script(&fixture.stage0.join("bin/cargo"), "echo cargo \"$@\"");
    let bootstrap = "import os\nprint('ships', os.environ.get('THINLTO_PROGRAMS'))\n";
    write(&fixture.laid("x.py"), bootstrap);
    let built = fixture.build.join("workspace/release");
    let built = ["thinlto-distributor", "cargo-thinlto", "rust-thinlto"]
        .map(|name| built.join(name).display().to_string());
    for verb in ["build", "dist", "test"] {
        let told = fixture.succeed(&[verb, "library"]);
        let expected = format!(
            "\ncargo build --quiet --locked --release --package backends --bin thinlto-distributor \
             --package cargo-thinlto --bin cargo-thinlto --package distributed --bin rust-thinlto\nships {}\n",
            built.join(":")
        );
        assert!(told.contains(&expected), "{told}");
    }
    let told = fixture.succeed(&["check"]);
    assert!(
        told.contains("\nships None\n") && !told.contains("\ncargo "),
        "{told}"
    );
}

#[test]
fn run_make_alone_means_our_tests() {
    let fixture = laid();
    let message = fixture.fail(&["test", "tests/run-make"]);
    assert!(message.contains("no test in tests/run-make\n"), "{message}");
    fixture.write(
        "tests/run-make-cargo/thin-link-c/rmake.rs",
        "fn main() {}\n",
    );
    fixture.write("tests/run-make/thin-link-a/rmake.rs", "fn main() {}\n");
    fixture.write("tests/run-make/thin-link-b/rmake.rs", "fn main() {}\n");
    let told = fixture.succeed(&["test", "tests/run-make/"]);
    let ours =
        "bootstrap test --stage 1 tests/run-make/thin-link-a tests/run-make/thin-link-b --config";
    assert!(told.contains(ours), "{told}");
    let told = fixture.succeed(&["test", "tests/run-make-cargo"]);
    let ours = "bootstrap test --stage 1 tests/run-make-cargo/thin-link-c --config";
    assert!(told.contains(ours), "{told}");
}

#[test]
fn tests_with_bazel_run_alone_and_are_counted() {
    let fixture = laid();
    for args in [
        &["src/bazel", "tests/ui"][..],
        &["src/bazel", "--bless"],
        &["src/bazel", "--test-args"],
    ] {
        let message = fixture.fail(&[&["test"], args].concat());
        assert!(
            message.contains("help: ./x.py test src/bazel [--test-args WORD]...\n"),
            "{message}"
        );
    }
    let build = "import os\nprint('ships', os.environ.get('RUST_THINLTO'))\n";
    write(&fixture.laid("x.py"), build);
    script(
        &fixture.stage0.join("bin/cargo"),
        "echo cargo \"$@\"\n[ $1 = build ] && exit\n\
         echo 'test result: FAILED. 4 passed; 1 failed; 0 ignored'\nexit 1",
    );
    let output = fixture.driver(&["test", "src/bazel/", "--test-args", "a", "--test-args=b"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stdout).unwrap();
    let folder = fixture.build.display();
    let run = "\ncargo run --quiet --locked --release --package bazel-test -- ";
    let options = format!("--work-dir {folder}/bazel-test --root {folder}/forky a b\n");
    assert!(told.contains(run) && told.contains(&options), "{told}");
    let end = "\n  src/bazel: 4 passed, 1 failed, 0 skipped\n4 passed, 1 failed, 0 skipped\n";
    assert!(told.ends_with(end), "{told}");
}

#[test]
fn all_parts_of_the_tests_are_run_and_counted() {
    let fixture = laid();
    fixture.write("src/overlay/known-failures.toml", "");
    let stage0 = |name: &str, lines: &str| script(&fixture.stage0.join("bin").join(name), lines);
    stage0(
        "cargo",
        "echo \"tested: $TESTED_RUSTC in $THINLTO_TEST_ROOT\"\necho 'test result: ok. 3 passed; 0 failed; 1 ignored'",
    );
    stage0("cargo-fmt", "echo \"format: $@\"");
    let result = "import sys\nprint('test result: ok. 5 passed; 0 failed')\n";
    write(&fixture.laid("x.py"), result);

    let output = fixture.driver(&["test"]);
    assert_eq!(output.status.code(), Some(1));
    let bin = fixture.stage0.display();
    assert_eq!(
        stderr(&output),
        format!(
            "error: stage 0 in {bin} has no cargo-clippy\n\
             help: `rustup component add clippy rustfmt` adds it to a toolchain of rustup\n"
        )
    );
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("\nformat: fmt --all --check\n"), "{told}");
    // The tools are tested with the compiler that was tested before.
    let build = fixture.build.display();
    let tested = format!("{build}/host/stage1/bin/rustc in {build}/forky\n");
    assert!(told.contains(&tested), "{told}");
    let summary = "\n  overlay --check: 1 passed, 0 failed, 0 skipped\n  \
                   cargo fmt: 1 passed, 0 failed, 0 skipped\n  \
                   cargo clippy: 0 passed, 1 failed, 0 skipped\n  \
                   compiler: 5 passed, 0 failed, 0 skipped\n  \
                   workspace: 3 passed, 0 failed, 1 skipped\n\
                   10 passed, 1 failed, 1 skipped\n";
    assert!(told.ends_with(summary), "{told}");
    assert!(told.contains("\nthe tests with Bazel are not part of this: ./x.py test src/bazel\n"));

    // clippy has to run stage 0's cargo and compiler.
    stage0("cargo-clippy", "echo \"lints: $CARGO $RUSTC $@\"");
    let told = fixture.succeed(&["test"]);
    let lints = format!("\nlints: {bin}/bin/cargo {bin}/bin/rustc clippy --workspace ");
    assert!(told.contains(&lints), "{told}");
    assert!(
        told.ends_with("\n11 passed, 0 failed, 1 skipped\n"),
        "{told}"
    );
    stage0("cargo-fmt", "exit 1");
    let output = fixture.driver(&["test"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(
        told.ends_with("\n10 passed, 1 failed, 1 skipped\n"),
        "{told}"
    );
}

#[test]
fn an_llvm_that_is_not_22_is_refused() {
    let fixture = laid();
    script(&fixture.llvm_config(), "echo 18.1.0");
    let message = fixture.fail(&["build"]);
    let wanted = format!(
        "error: {} is LLVM 18.1.0, not 22\nhelp: ",
        fixture.llvm_config().display()
    );
    assert!(message.starts_with(&wanted), "{message}");
    fs::remove_file(fixture.llvm_config()).unwrap();
    let message = fixture.fail(&["build"]);
    assert!(message.starts_with("error: cannot start "), "{message}");
}

#[test]
fn clean_keeps_what_was_fetched() {
    let fixture = laid();
    write(&fixture.build.join("download/x"), "x");
    write(&fixture.build.join("forky/x"), "x");
    write(
        &fixture.build.join("x86_64-unknown-linux-gnu/stage1/x"),
        "x",
    );
    write(&fixture.build.join("x.py.lock"), "");
    let names = || {
        let entries = fs::read_dir(&fixture.build).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    fixture.succeed(&["clean"]);
    assert_eq!(names(), ["download", "forky", "src", "x.py.lock"]);
    fixture.succeed(&["clean", "--all"]);
    assert_eq!(names(), ["x.py.lock"]);
}

#[test]
fn a_wrong_flag_of_ours_is_an_error() {
    let fixture = Fixture::new();
    let output = fixture.driver(&["overlay", "--chekc"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).starts_with("error: unexpected argument '--chekc'"),
        "{}",
        stderr(&output)
    );
}
