//! The user's own flags, configuration and programs beside ours.

use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::{env, fs};

use which::which;

use crate::project::{Project, counts, has_function, rustc, succeed, texts};

/// Builds `app`, whose flags have to be those for a loud program, with LTO and without flags for the build
/// script.
#[track_caller]
fn is_loud(project: &Project, words: &str) {
    let (_, stderr) = succeed(
        project
            .thinlto("build --bin app -v")
            .args(words.split_whitespace()),
    );
    let program = project.path("target/release/app");
    assert_eq!(
        succeed(&mut project.command(&program)).0,
        "2 2 10 8!\n",
        "{stderr}"
    );
    assert!(!has_function(&program, "numbers5twice"));
    for line in stderr
        .lines()
        .filter(|line| line.contains("--crate-name build_script_build"))
    {
        assert!(!line.contains("plugin-lto"), "{line}");
    }
}

const LOUD: &str = "--cfg=feature=\"loud\"";

#[test]
fn flags_of_the_environment_stay() {
    let mut project = Project::new("workspace");
    project.set("RUSTFLAGS", LOUD);
    is_loud(&project, "");
    project.environment.remove("RUSTFLAGS");
    project.set(
        "CARGO_ENCODED_RUSTFLAGS",
        &format!("-Cdebuginfo=1\x1f{LOUD}"),
    );
    is_loud(&project, "");
}

#[test]
fn flags_of_the_configuration_stay() {
    let project = Project::new("workspace");
    for table in [
        "build",
        "target.x86_64-unknown-linux-gnu",
        "target.'cfg(unix)'",
    ] {
        let setting = format!("{table}.rustflags = ['{LOUD}']\n");
        project.write(".cargo/config.toml", &setting);
        is_loud(&project, "");
        project.write(".cargo/config.toml", "");
        is_loud(&project, &format!("--config {}", setting.replace(' ', "")));
    }
}

#[test]
fn what_a_profile_cannot_have_is_refused() {
    let mut project = Project::new("workspace");
    let refused = |project: &Project, profile: &str, what: &str, help: &str| {
        let words = format!("build --profile {profile}");
        let output = project.thinlto(&words).output().unwrap();
        assert_eq!(output.status.code(), Some(101));
        assert_eq!(
            String::from_utf8(output.stderr).unwrap(),
            format!("error: the profile `{profile}` has `{what}`\nhelp: {help}\n")
        );
    };
    let help = "leave them out, and set `RUSTFLAGS` or `build.rustflags`";
    project.write(
        ".cargo/config.toml",
        "profile.small.rustflags = ['-Cdebuginfo=1']\n",
    );
    refused(&project, "small", "rustflags", help);
    project.write(
        ".cargo/config.toml",
        "profile.release.package.app.rustflags = []\n",
    );
    refused(&project, "release", "rustflags", help);

    project.write(
        ".cargo/config.toml",
        "profile.release.split-debuginfo = 'packed'\n",
    );
    let help =
        "set `CARGO_PROFILE_SMALL_SPLIT_DEBUGINFO=off`: the program then holds its debug info";
    refused(&project, "small", "split-debuginfo = \"packed\"", help);
    project.set("CARGO_PROFILE_SMALL_SPLIT_DEBUGINFO", "off");
    succeed(&mut project.thinlto("build --profile small -p numbers"));
}

#[test]
fn doctests_keep_their_flags() {
    let mut project = Project::new("workspace");
    project.edit(
        "numbers/src/lib.rs",
        "/// assert_eq!",
        "/// assert!(cfg!(loud));\n/// assert_eq!",
    );
    let passes = |project: &Project| {
        let (stdout, _) = succeed(&mut project.thinlto("test --doc -p numbers"));
        assert!(stdout.contains("test result: ok. 1 passed"), "{stdout}");
    };
    for (file, variable) in [
        ("", "RUSTDOCFLAGS"),
        ("", "CARGO_ENCODED_RUSTDOCFLAGS"),
        ("build.rustdocflags = ['--cfg=loud']", ""),
        ("build.rustdocflags = '--cfg=loud'", ""),
        ("target.'cfg(unix)'.rustdocflags = ['--cfg=loud']", ""),
        ("", "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTDOCFLAGS"),
    ] {
        project.write(".cargo/config.toml", file);
        if !variable.is_empty() {
            project.set(variable, "--cfg=loud");
        }
        passes(&project);
        project.environment.remove(variable);
    }
}

#[test]
fn a_wrapper_of_rustc_is_run() {
    let mut project = Project::new("workspace");
    project.write(
        "wrapper",
        "#!/bin/sh\necho \"$@\" >> wrapped\nexec \"$@\"\n",
    );
    fs::set_permissions(project.path("wrapper"), fs::Permissions::from_mode(0o755)).unwrap();
    let wrapper = project.path("wrapper").display().to_string();
    project.set("RUSTC_WRAPPER", &wrapper);
    succeed(&mut project.thinlto("build --bin tool"));
    let wrapped = fs::read_to_string(project.path("wrapped")).unwrap();
    let call = format!("{} --crate-name tool ", rustc());
    assert!(
        wrapped.lines().any(|line| line.starts_with(&call)),
        "{wrapped}"
    );
    assert!(!has_function(
        &project.path("target/release/tool"),
        "numbers5twice"
    ));
}

#[test]
fn sccache_has_the_bitcode_of_libraries() {
    let mut project = Project::with_cache("workspace");
    // A server of its own, at a port that is free now.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let objects = project.path("sccache").display().to_string();
    for (name, value) in [
        ("RUSTC_WRAPPER", "sccache"),
        ("SCCACHE_SERVER_PORT", &port.unwrap().port().to_string()),
        ("SCCACHE_DIR", &objects),
        // If this test does not end it.
        ("SCCACHE_IDLE_TIMEOUT", "60"),
        // sccache caches no incremental compile.
        ("CARGO_INCREMENTAL", "0"),
    ] {
        project.set(name, value);
    }
    let server = |word| succeed(project.command("sccache").arg(word)).0;
    let build = || {
        let (_, stderr) = succeed(&mut project.thinlto("build --bin app"));
        let program = project.path("target/release/app");
        assert_eq!(succeed(&mut project.command(&program)).0, "2 2 10 8\n");
        assert!(!has_function(&program, "numbers5twice"));
        (counts(&stderr).unwrap(), fs::read(program).unwrap())
    };
    let ([all, ..], program) = build();
    fs::remove_dir_all(project.path("target")).unwrap();
    server("--zero-stats");
    let again = build();
    let statistics = server("--show-stats");
    server("--stop-server");
    assert_eq!(again, ([all, all, 0], program));
    let number = |start: &str| -> Option<u32> {
        let line = statistics.lines().find(|line| line.starts_with(start));
        line?.split_whitespace().last()?.parse().ok()
    };
    assert!(number("Cache hits (Rust)") > Some(0), "{statistics}");
    assert_eq!(number("Cache misses "), Some(0), "{statistics}");
}

#[test]
fn another_linker_of_the_user_gives_way() {
    let mut project = Project::new("workspace");
    // Host programs are linked by it still.
    project.set("RUSTFLAGS", "-Clink-arg=-fuse-ld=gold");
    let (_, stderr) = succeed(&mut project.thinlto("build --bin app"));
    assert!(counts(&stderr).is_some(), "{stderr}");
    assert!(!has_function(
        &project.path("target/release/app"),
        "numbers5twice"
    ));
    // A C compiler of the user's.
    project.set("RUSTFLAGS", "-Clinker=clang-22 -Clink-arg=-Wl,--build-id");
    let (_, stderr) = succeed(&mut project.thinlto("build --bin app"));
    assert!(counts(&stderr).is_some(), "{stderr}");
}

#[test]
fn build_scripts_see_a_stable_cargo() {
    let project = Project::new("workspace");
    project.write(
        "app/build.rs",
        r#"fn main() {
            let value = |name| std::env::var(name).unwrap_or_default();
            println!("cargo::rustc-env=BUILT_WITH={}{}{}",
                value("__CARGO_TEST_CHANNEL_OVERRIDE_DO_NOT_USE_THIS"),
                value("RUSTC_BOOTSTRAP"),
                value("CARGO_ENCODED_RUSTFLAGS"));
        }"#,
    );
    assert_eq!(succeed(&mut project.thinlto("run")).0, "2 2 10 \n");
}

#[test]
fn cfi_is_without_the_bitcode_of_std() {
    let target = "x86_64-unknown-linux-gnu";
    let mut project = Project::new("workspace");
    let flags = "-Zsanitizer=cfi -Clinker-plugin-lto -Cunsafe-allow-abi-mismatch=sanitizer";
    project.set("RUSTFLAGS", flags);
    let words = format!("build --bin app --target {target}");
    let (_, stderr) = texts(&project.thinlto(&words).output().unwrap());
    let expected = "error: `-Zlink-embedded-bitcode` cannot be used with split LTO units";
    assert!(stderr.contains(expected), "{stderr}");

    project.set("RUSTFLAGS", &format!("{flags} -Zlink-embedded-bitcode=no"));
    let (_, stderr) = succeed(&mut project.thinlto(&words));
    assert!(counts(&stderr).is_some(), "{stderr}");
    let program = project.path(&format!("target/{target}/release/app"));
    assert_eq!(succeed(&mut project.command(&program)).0, "2 2 10 8\n");
}

#[test]
fn an_lld_of_this_llvm_needs_no_version_in_its_name() {
    let project = Project::new("workspace");
    let bin = project.path("bin");
    project.write("bin/ld.lld", "#!/bin/sh\necho LLD 19.1.7\n");
    let program = bin.join("ld.lld");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["ar", "as", "cc", "ld"] {
        symlink(which(name).unwrap(), bin.join(name)).unwrap();
    }
    let mut build = project.thinlto("build --bin tool");
    build.env("PATH", &bin);

    let (_, stderr) = texts(&build.output().unwrap());
    let expected = "error: cannot find `ld.lld-22`\nhelp: apt-get install lld-22";
    assert!(stderr.starts_with(expected), "{stderr}");
    assert!(!project.path("target").exists());

    fs::remove_file(&program).unwrap();
    symlink(which("ld.lld-22").unwrap(), &program).unwrap();
    let (_, stderr) = succeed(&mut build);
    assert!(counts(&stderr).is_some(), "{stderr}");
}

#[test]
fn links_have_the_jobs_of_cargo() {
    let mut project = Project::new("workspace");
    let path = env::var("PATH").unwrap();
    let real = which("ld.lld-22").unwrap();
    project.write(
        "bin/ld.lld-22",
        &format!(
            "#!/bin/sh\necho \"$@\" >> \"$0.arguments\"\nexec {} \"$@\"\n",
            real.display()
        ),
    );
    let program = project.path("bin/ld.lld-22");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{path}", project.path("bin").display());
    project.set("CARGO_BUILD_JOBS", "3");
    for (words, jobs) in [("build --bin tool", 3), ("run --bin app -j 1", 1)] {
        succeed(project.thinlto(words).env("PATH", &path));
        let arguments = fs::read_to_string(project.path("bin/ld.lld-22.arguments")).unwrap();
        let last = arguments.lines().last().unwrap();
        let option = format!("--thinlto-jobs={jobs} ");
        assert!(last.contains(&option), "{words}: {last}");
    }
}
