//! The cache: what it keeps, what it shows, and what it does about damage.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::project::{Project, counts, succeed, texts};

/// The native objects of a project's cache.
fn entries(project: &Project) -> Vec<PathBuf> {
    let folder = fs::read_dir(project.path("cache")).unwrap();
    let paths = folder.map(|entry| entry.unwrap().path());
    let is_entry = |path: &PathBuf| path.to_str().unwrap().contains("/llvmcache-");
    let mut entries: Vec<_> = paths.filter(is_entry).collect();
    entries.sort();
    entries
}

/// Links `bare` again.
fn link_again(project: &Project) -> String {
    let program = project.path("target/release/bare");
    let before = fs::read(&program).unwrap();
    for entry in fs::read_dir(project.path("target/release/deps")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("bare-") && !name.contains('.') {
            fs::remove_file(&path).unwrap();
        }
    }
    fs::remove_file(&program).unwrap();
    let (_, stderr) = succeed(&mut project.thinlto("build"));
    assert!(fs::read(&program).unwrap() == before, "{stderr}");
    stderr
}

#[test]
fn another_folder_has_hits_only() {
    let (one, mut other) = (Project::with_cache("no_std"), Project::with_cache("no_std"));
    let cache = one.environment["CARGO_THINLTO_CACHE_DIR"].clone();
    other.set("CARGO_THINLTO_CACHE_DIR", &cache);
    let build = |project: &Project| succeed(&mut project.thinlto("build")).1;
    let [all, hits, _] = counts(&build(&one)).unwrap();
    assert_eq!(hits, 0);
    assert_eq!(counts(&build(&other)).unwrap(), [all, all, 0]);

    let (shown, _) = succeed(&mut one.thinlto("cache"));
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines[0], format!("place: {cache}"));
    assert!(
        lines[1].ends_with(&format!(" MiB in {all} entries")),
        "{shown}"
    );
    assert_eq!(
        lines[2],
        format!("hits: {all} of {} modules (50 %)", 2 * all)
    );

    let (cleared, _) = succeed(&mut one.thinlto("cache clear"));
    assert!(cleared.starts_with("removed "), "{cleared}");
    assert_eq!(entries(&one).len(), 0);
    let (shown, _) = succeed(&mut one.thinlto("cache"));
    assert!(
        shown.ends_with("0 entries\nhits: 0 of 0 modules (0 %)\n"),
        "{shown}"
    );
}

#[test]
fn damaged_entries_are_made_anew() {
    let project = Project::with_cache("no_std");
    let (_, stderr) = succeed(&mut project.thinlto("build"));
    let [all, ..] = counts(&stderr).unwrap();
    let damages: [fn(&mut Vec<u8>); 5] = [
        |data| data.clear(),
        |data| data.truncate(700),
        |data| data.fill(0),
        // Code that still links.
        |data| {
            data[64..]
                .iter_mut()
                .step_by(97)
                .for_each(|byte| *byte ^= 0x10)
        },
        |data| *data = b"\x7fELF".to_vec(),
    ];
    for damage in damages {
        let entries = entries(&project);
        assert_eq!(entries.len(), all);
        for path in &entries {
            let mut data = fs::read(path).unwrap();
            damage(&mut data);
            fs::remove_file(path).unwrap();
            fs::write(path, data).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o444)).unwrap();
        }
        let stderr = link_again(&project);
        assert!(stderr.contains("warning: removed "), "{stderr}");
        assert!(stderr.contains(" damaged entries of "), "{stderr}");
        assert_eq!(counts(&stderr).unwrap(), [all, 0, all]);
        let again = link_again(&project);
        assert_eq!(counts(&again).unwrap(), [all, all, 0]);
        assert!(!again.contains("warning"), "{again}");
    }
}

#[test]
fn entries_are_for_others_as_well() {
    let project = Project::with_cache("no_std");
    succeed(&mut project.thinlto("build"));
    for path in entries(&project) {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o444, "{}", path.display());
    }
}

#[test]
fn two_builds_at_once_share_the_cache() {
    let (one, mut other) = (Project::with_cache("no_std"), Project::with_cache("no_std"));
    other.set(
        "CARGO_THINLTO_CACHE_DIR",
        &one.environment["CARGO_THINLTO_CACHE_DIR"],
    );
    let builds = [&one, &other].map(|project| {
        let mut build = project.thinlto("build");
        build.stderr(Stdio::piped()).spawn().unwrap()
    });
    for build in builds {
        let output = build.wait_with_output().unwrap();
        let (_, stderr) = texts(&output);
        assert!(
            output.status.success() && !stderr.contains("warning"),
            "{stderr}"
        );
        assert!(counts(&stderr).is_some(), "{stderr}");
    }
    let programs = [&one, &other].map(|it| fs::read(it.path("target/release/bare")).unwrap());
    assert!(programs[0] == programs[1]);
}

#[test]
fn a_killed_build_leaves_nothing_torn() {
    let mut project = Project::with_cache("no_std");
    project.write(
        "linker",
        // The build script is linked first, without LTO.
        "#!/bin/sh\n\
         case \"$*\" in *build_script_build*) exec cc \"$@\";; esac\n\
         if [ -p gate ]; then cc \"$@\"; cat gate; fi\n\
         exec cc \"$@\"\n",
    );
    fs::set_permissions(project.path("linker"), fs::Permissions::from_mode(0o755)).unwrap();
    let linker = project.path("linker").display().to_string();
    project.set("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER", &linker);
    succeed(project.command("mkfifo").arg("gate"));
    let mut build = project.thinlto("build").process_group(0).spawn().unwrap();
    // The link has ended, and rustc waits for the linker.
    let gate = fs::File::options()
        .write(true)
        .open(project.path("gate"))
        .unwrap();
    kill_process_group(Pid::from_child(&build), Signal::KILL).unwrap();
    build.wait().unwrap();
    drop(gate);
    fs::remove_file(project.path("gate")).unwrap();
    let (_, stderr) = succeed(&mut project.thinlto("build"));
    let [all, hits, _] = counts(&stderr).unwrap();
    assert_eq!((hits, entries(&project).len()), (all, all));
    let (_, stderr) = succeed(&mut project.thinlto("build"));
    assert_eq!(counts(&stderr), None);
    let program = project.path("target/release/bare");
    let output = project.command(&program).output().unwrap();
    assert_eq!(output.status.code(), Some(42));
}

#[test]
fn a_cache_that_cannot_be_used_is_left_out() {
    let mut project = Project::with_cache("no_std");
    project.write("cache/file", "");
    project.set(
        "CARGO_THINLTO_CACHE_DIR",
        &project.path("cache/file/below").display().to_string(),
    );
    let output = project.thinlto("build").output().unwrap();
    let (_, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(101));
    let start = format!(
        "error: cannot create the cache {}",
        project.path("cache/file/below").display()
    );
    assert!(
        stderr.starts_with(&start) && stderr.contains("\nhelp: set `CARGO_THINLTO_CACHE_DIR`"),
        "{stderr}"
    );
}

#[test]
fn a_full_disk_costs_the_cache_only() {
    // No entry fits, or only some.
    for (name, kibibytes, words, program) in [
        ("no_std", 4, "build", "target/release/bare"),
        ("workspace", 64, "build --bin app", "target/release/app"),
    ] {
        let project = Project::with_cache(name);
        succeed(&mut project.thinlto(words));
        let expected = fs::read(project.path(program)).unwrap();
        fs::remove_dir_all(project.path("target")).unwrap();

        let build = project.thinlto(words);
        // The mount ends with the namespace, which is the process's own.
        let script = format!("mount -t tmpfs -o size={kibibytes}k full cache && exec \"$@\"");
        let mut unshare = project.command("unshare");
        unshare
            .args(["--user", "--map-root-user", "--mount"])
            .args(["sh", "-c", &script, "sh"])
            .arg(build.get_program())
            .args(build.get_args());
        let (_, stderr) = succeed(&mut unshare);
        let cache = project.path("cache").display().to_string();
        let warnings: Vec<_> = stderr
            .lines()
            .filter(|line| line.starts_with("warning: "))
            .collect();
        let [warning] = warnings[..] else {
            panic!("{stderr}")
        };
        assert!(
            warning.starts_with(&format!("warning: did not use {cache}: ")),
            "{warning}"
        );
        let [all, hits, compiled] = counts(&stderr).unwrap();
        assert_eq!((hits, compiled), (0, all), "{stderr}");
        assert!(
            fs::read(project.path(program)).unwrap() == expected,
            "{stderr}"
        );
    }
}

#[test]
fn a_policy_prunes() {
    let mut project = Project::with_cache("no_std");
    project.set(
        "CARGO_THINLTO_CACHE_POLICY",
        "prune_interval=0s:cache_size_files=1",
    );
    succeed(&mut project.thinlto("build"));
    assert!(entries(&project).len() <= 1);
    project.set("CARGO_THINLTO_CACHE_POLICY", "nonsense");
    fs::remove_dir_all(project.path("target")).unwrap();
    let output = project.thinlto("build").output().unwrap();
    assert!(
        texts(&output).1.contains("invalid cache policy"),
        "{output:?}"
    );
}
