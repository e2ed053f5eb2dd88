//! Objects from servers.

use std::os::unix::fs::symlink;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, thread};

use reapi_service::in_memory::{Fault, Server, State};
use reapi_service::{Root, Service};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::project::{self, Project, has_function, rustc, succeed, texts, with_signals};

/// What the last line counts.
#[derive(Debug, PartialEq)]
struct Counts {
    modules: usize,
    cached: usize,
    remote_cached: usize,
    remote: usize,
    compiled: usize,
}

/// Builds `app`, which has to be the right program, and returns the counts and the warnings.
fn build(project: &Project, words: &str) -> (Counts, Vec<String>) {
    let (_, stderr) = succeed(&mut project.thinlto(&format!("build --bin app {words}")));
    let program = project.path("target/release/app");
    assert_eq!(succeed(&mut project.command(&program)).0, "2 2 10 8\n");
    assert!(!has_function(&program, "numbers5twice"));
    (counts(&stderr), warnings(&stderr))
}

fn counts(stderr: &str) -> Counts {
    let line = stderr.lines().last().unwrap();
    let numbers: Vec<usize> = line
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    let [modules, cached, remote_cached, remote, compiled] = numbers[..] else {
        panic!("{stderr}")
    };
    assert_eq!(
        line.split(" in ").next().unwrap(),
        format!(
            "ThinLTO: {modules} modules, {cached} from the cache, {remote_cached} from the remote cache, \
             {remote} by workers, {compiled} compiled"
        )
    );
    assert_eq!(
        modules,
        cached + remote_cached + remote + compiled,
        "{line}"
    );
    Counts {
        modules,
        cached,
        remote_cached,
        remote,
        compiled,
    }
}

fn warnings(stderr: &str) -> Vec<String> {
    let lines = stderr
        .lines()
        .filter_map(|line| line.strip_prefix("warning: "));
    lines.map(str::to_owned).collect()
}

/// The option for `server`.
fn cache(server: &Server) -> String {
    format!("--remote-cache=grpc://{}", server.address)
}

#[test]
fn another_folder_is_built_from_a_server() {
    let server = Server::start(State::default(), None);
    let (first, second) = (
        Project::with_cache("workspace"),
        Project::with_cache("workspace"),
    );
    let (all, warnings) = build(&first, &cache(&server));
    assert_eq!(warnings, [""; 0]);
    let modules = all.modules;
    assert!(modules > 50, "{all:?}");
    assert_eq!((all.compiled, all.cached), (modules, 0));
    let hits = Counts {
        modules,
        cached: 0,
        remote_cached: modules,
        remote: 0,
        compiled: 0,
    };
    assert_eq!(build(&second, &cache(&server)), (hits, Vec::new()));
    let programs = [&first, &second].map(|it| fs::read(it.path("target/release/app")).unwrap());
    assert!(programs[0] == programs[1]);

    let (shown, _) = succeed(&mut second.thinlto("cache"));
    let place = second.path("objects").display().to_string();
    let start = format!("with servers\nplace: {place}\nsize: ");
    let (_, shown) = shown.split_once(&start).unwrap();
    let entries = format!(" MiB in {modules} entries\n");
    let hits =
        format!("hits: 0 of {modules} modules here, {modules} on servers; 0 compiled by workers\n");
    assert!(shown.ends_with(&(entries + &hits)), "{shown}");

    // An edit compiles what depends on it; the rest is in the cache.
    second.edit("numbers/src/lib.rs", "sum += part", "sum += part + 1");
    let (_, stderr) = succeed(&mut second.thinlto(&format!("build --bin app {}", cache(&server))));
    let edited = counts(&stderr);
    assert!((1..=6).contains(&edited.compiled), "{edited:?}");
    assert_eq!(edited.cached + edited.compiled, modules);

    succeed(&mut second.thinlto("cache clear"));
    let (shown, _) = succeed(&mut second.thinlto("cache"));
    assert!(!shown.contains(&place), "{shown}");
}

#[test]
fn workers_compile_and_another_folder_has_hits() {
    let dir = tempfile::tempdir().unwrap();
    let mut service = Service::start(&Root::of_tests().unwrap(), dir.path()).unwrap();
    for worker in ["one", "two"] {
        service.add_worker(worker).unwrap();
    }
    let words = format!(
        "--remote-executor grpc://{} --remote-property OSFamily=linux",
        service.address()
    );
    let (first, second) = (
        Project::with_cache("workspace"),
        Project::with_cache("workspace"),
    );
    let (all, warnings) = build(&first, &words);
    assert_eq!(warnings, [""; 0]);
    assert_eq!(all.remote, all.modules);
    assert!(all.modules > 50, "{all:?}");
    let (hits, warnings) = build(&second, &words);
    assert_eq!(warnings, [""; 0]);
    assert_eq!(hits.remote_cached, all.modules);
    let programs = [&first, &second].map(|it| fs::read(it.path("target/release/app")).unwrap());
    assert!(programs[0] == programs[1]);
}

#[test]
fn a_server_that_is_gone_costs_one_warning() {
    let server = Server::start(State::default(), None);
    let option = cache(&server);
    server.kill();
    let project = Project::with_cache("workspace");
    // Two links.
    let (_, stderr) = succeed(&mut project.thinlto(&format!("build -p app --bins -j1 {option}")));
    for (program, output) in [("app", "2 2 10 8\n"), ("tool", "tool 2\n")] {
        let program = project.path("target/release").join(program);
        assert_eq!(succeed(&mut project.command(&program)).0, output);
        assert!(!has_function(&program, "numbers5twice"));
    }
    let counts = counts(&stderr);
    assert_eq!((counts.remote_cached, counts.remote), (0, 0));
    let warnings = warnings(&stderr);
    assert_eq!(warnings.len(), 1, "{stderr}");
    let about = "the remote servers are not used: ";
    assert!(warnings[0].starts_with(about), "{stderr}");
}

#[test]
fn a_path_that_indexes_cannot_have_costs_one_warning() {
    let server = Server::start(State::default(), None);
    let mut project = Project::new("workspace");
    let rustc = rustc();
    let sysroot = Path::new(&rustc).ancestors().nth(2).unwrap();
    symlink(sysroot, project.path("chaîne")).unwrap();
    let flag = format!("--sysroot={}", project.path("chaîne").display());
    for (folder, flag) in [("dépôt", ""), ("target", &*flag)] {
        project.set("RUSTFLAGS", flag);
        let words = format!("build --bin app --target-dir {folder} {}", cache(&server));
        let (_, stderr) = succeed(&mut project.thinlto(&words));
        let program = project.path(folder).join("release/app");
        assert_eq!(succeed(&mut project.command(&program)).0, "2 2 10 8\n");
        let warnings = warnings(&stderr);
        let [warning] = &warnings[..] else {
            panic!("{stderr}")
        };
        assert!(
            warning.starts_with("did not ask servers: LLVM damages the path ")
                && warning.ends_with(" in indexes, as it is not ASCII"),
            "{warning}"
        );
        assert!(project::counts(&stderr).is_some(), "{stderr}");
    }
}

#[test]
fn ctrl_c_ends_a_link_that_waits_for_a_server() {
    let server = Server::start(
        State {
            always: [("result", Fault::Hang)].into(),
            ..State::default()
        },
        None,
    );
    let mut project = Project::with_cache("no_std");
    project.write("tmp/none", "");
    project.set("TMPDIR", &project.path("tmp").display().to_string());
    let files = |folder: &str, part: &str| {
        let entries = fs::read_dir(project.path(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.contains(part)).count()
    };
    let build = project.thinlto(&format!("build {}", cache(&server)));
    let mut build = with_signals("--default-signal", &build);
    let mut build = build.process_group(0).spawn().unwrap();
    let wait_until = |is_so: &dyn Fn() -> bool| {
        let end = Instant::now() + Duration::from_secs(60);
        while !is_so() {
            assert!(Instant::now() < end);
            thread::sleep(Duration::from_millis(10));
        }
    };
    wait_until(&|| server.state.lock().unwrap().count("result") > 0);
    assert!(files("tmp", "thinlto-") > 0 && files("target/release/deps", ".native.o") > 0);
    kill_process_group(Pid::from_child(&build), Signal::INT).unwrap();
    let ended = build.wait().unwrap();
    assert_eq!(ended.signal(), Some(Signal::INT.as_raw()));
    // lld and the distributor may end later.
    wait_until(&|| files("tmp", "thinlto-") + files("target/release/deps", ".native.o") == 0);
}

#[test]
fn settings_have_several_places() {
    let server = Server::start(State::default(), None);
    let address = format!("grpc://{}", server.address);
    let mut project = Project::with_cache("no_std");
    let uses_server = |project: &Project, words: &str| {
        let calls = || server.state.lock().unwrap().count("result");
        let before = calls();
        for folder in ["target", "cache", "objects"] {
            let _ = fs::remove_dir_all(project.path(folder));
        }
        let (_, stderr) = succeed(&mut project.thinlto(&format!("build {words}")));
        let output = project
            .command(project.path("target/release/bare"))
            .output();
        assert_eq!(output.unwrap().status.code(), Some(42));
        assert_eq!(
            stderr.contains(" from the remote cache, "),
            calls() > before,
            "{stderr}"
        );
        calls() > before
    };
    assert!(!uses_server(&project, ""));
    project.set("THINLTO_REMOTE_CACHE", &address);
    assert!(uses_server(&project, ""));
    project.environment.remove("THINLTO_REMOTE_CACHE");
    project.write(
        ".cargo/config.toml",
        &format!("env.THINLTO_REMOTE_CACHE = '{address}'\n"),
    );
    assert!(uses_server(&project, ""));
    project.write(".cargo/config.toml", "");
    let setting = format!("remote-cache = '{address}'\n");
    project.write("config/thinlto/settings.toml", &setting);
    assert!(uses_server(&project, ""));
}

#[test]
fn wrong_settings_are_refused_before_the_build() {
    let project = Project::with_cache("workspace");
    let refused = |words: &str| {
        let output = project.thinlto(&format!("build {words}")).output().unwrap();
        assert!(!output.status.success());
        let (_, stderr) = texts(&output);
        assert!(!stderr.contains("Compiling"), "{stderr}");
        stderr
    };
    for (words, message) in [
        ("--remote-cache=http://x", "it has to start with `grpc://`"),
        ("--remote-cache", "a value is required for '--remote-cache"),
        (
            "--remote-cahce grpc://x",
            "unexpected argument '--remote-cahce'",
        ),
        (
            "--remote-cache=grpc://x --target a --target=b",
            "links for several targets cannot use servers\nhelp: pass one `--target` at a time",
        ),
    ] {
        let stderr = refused(words);
        assert!(stderr.contains(message), "{stderr}");
    }
}

#[test]
fn c_code_and_a_target_take_part() {
    let server = Server::start(State::default(), None);
    let target = "x86_64-unknown-linux-gnu";
    let build = |project: &mut Project| {
        project.set("CC", "clang-22");
        let words = format!("build --bin app --target {target} {}", cache(&server));
        let (_, stderr) = succeed(&mut project.thinlto(&words));
        let program = project.path("target").join(target).join("release/app");
        assert_eq!(succeed(&mut project.command(&program)).0, "2 2 10 8\n");
        assert!(!has_function(&program, "native_add"));
        counts(&stderr)
    };
    let first = build(&mut Project::with_cache("workspace"));
    assert_eq!(first.compiled, first.modules);
    let second = build(&mut Project::with_cache("workspace"));
    assert_eq!(second.remote_cached, first.modules);
}
