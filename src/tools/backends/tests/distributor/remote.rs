//! Links with a real remote execution service, whose processes and files are taken away.

use std::path::{Path, PathBuf};
use std::{fs, thread};

use reapi_service::{Root, Service};
use tempfile::TempDir;

use crate::project::{Counts, FILES, Machine, PRINTED, Project, WITH_SLOW, counts};
use crate::rust::{Rust, own_rustc};

const OFF: &str = "warning: the remote servers are not used: ";
const NO_WORKERS: &str = "warning: backends run on this machine only: ";
const PROPERTY: &str = "--remote-property=OSFamily=linux";

/// A service and its folder.
struct Running {
    service: Service,
    _dir: TempDir,
}

impl Running {
    fn start(workers: &[&str]) -> Running {
        let dir = tempfile::tempdir().unwrap();
        let mut service = Service::start(&Root::of_tests().unwrap(), dir.path()).unwrap();
        for worker in workers {
            service.add_worker(worker).unwrap();
        }
        Running { service, _dir: dir }
    }

    fn cache(&self) -> String {
        format!("--remote-cache=grpc://{}", self.service.address())
    }

    fn executor(&self) -> String {
        format!("--remote-executor=grpc://{}", self.service.address())
    }

    /// The files of blobs or results in the store.
    fn stored(&self, what: &str) -> Vec<PathBuf> {
        let folders = fs::read_dir(self.service.store().join(what).join("objects")).unwrap();
        let files = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
        files.map(|file| file.unwrap().path()).collect()
    }
}

const fn from_cache(modules: u64) -> Counts {
    Counts {
        remote_cached: modules,
        ..counts(0, 0)
    }
}

const fn from_workers(modules: u64) -> Counts {
    Counts {
        remote: modules,
        ..counts(0, 0)
    }
}

/// Links files, with a cache that is empty; returns the counts and the warnings.
fn link_anew(project: &Project, files: &[&str], options: &[&str]) -> (Counts, String) {
    let _ = fs::remove_dir_all(&project.cache);
    let linked = project.link_files(files, options);
    assert_eq!(project.run(), PRINTED);
    linked
}

/// The only warning has to be about this.
#[track_caller]
fn warned(messages: &str, about: &str) {
    let lines: Vec<_> = messages
        .lines()
        .filter(|line| line.starts_with("warning: "))
        .collect();
    assert!(
        lines.len() == 1 && lines[0].starts_with(about),
        "{messages}"
    );
}

#[test]
fn another_machine_links_what_workers_compiled() {
    let running = Running::start(&["one", "two"]);
    let (first, second) = (Machine::new(), Machine::new());
    let project = first.project("project");
    let options = [&*running.executor(), PROPERTY];
    assert_eq!(project.link(&options), from_workers(3));
    assert_eq!(project.link(&options), counts(3, 0));
    let other = second.project("of/another/user");
    assert_eq!(other.link(&options), from_cache(3));
    assert_eq!(other.program(), project.program());
    // Workers write what a process here writes.
    assert_eq!(link_anew(&other, &FILES, &[]).0, counts(0, 3));
    assert_eq!(other.program(), project.program());
    // Without an executor as well, and for a worker's own compiler, which is another one.
    assert_eq!(
        link_anew(&other, &FILES, &[&running.cache(), PROPERTY]).0,
        from_cache(3)
    );
    let installed = [&options[..], &["--remote-compiler=installed"]].concat();
    assert_eq!(
        link_anew(&other, &FILES, &installed),
        (from_workers(3), String::new())
    );

    // This fork's rustc runs on a worker, with libraries that the worker does not have.
    let rustc = format!("--rustc={}", own_rustc().display());
    let options = [&options[..], &[&rustc]].concat();
    let rust = Rust::new(&first, "rust", own_rustc());
    let (linked, log) = rust.link(&options);
    assert!(
        linked.modules() >= 4 && linked == from_workers(linked.modules()),
        "{linked:?}\n{log}"
    );
    let again = Rust::new(&second, "rust/of/another/user", own_rustc());
    assert_eq!(again.link(&options).0, from_cache(linked.modules()));
    assert_eq!(again.project.program(), rust.project.program());
}

#[test]
fn what_is_gone_from_the_store_is_made_again() {
    let running = Running::start(&["one"]);
    let machine = Machine::new();
    let project = machine.project("project");
    let executor = [&*running.executor(), PROPERTY];
    let cache = [&*running.cache(), PROPERTY];
    assert_eq!(project.link(&executor), from_workers(3));
    let program = project.program();
    let remove = |what: &str, is: &dyn Fn(&Path) -> bool| {
        let files = running.stored(what).into_iter().filter(|file| is(file));
        let removed = files.map(|file| fs::remove_file(file).unwrap()).count();
        assert!(removed > 0, "{what}");
    };
    let is_object = |file: &Path| {
        let bytes = fs::read(file).unwrap();
        // A relocatable file.
        bytes.starts_with(b"\x7fELF") && bytes[16] == 1
    };
    let check = |options: &[&str], expected| {
        assert_eq!(
            link_anew(&project, &FILES, options),
            (expected, String::new())
        );
        assert_eq!(project.program(), program);
        // And it is there again.
        assert_eq!(
            link_anew(&project, &FILES, options),
            (from_cache(3), String::new())
        );
    };
    remove("actioncache", &|_| true);
    check(&executor, from_workers(3));
    remove("cas", &is_object);
    check(&executor, from_workers(3));
    remove("cas", &|_| true);
    check(&executor, from_workers(3));
    remove("cas", &is_object);
    check(&cache, counts(0, 3));
    remove("actioncache", &|_| true);
    check(&cache, counts(0, 3));

    // A damaged object is recognized.
    for file in running
        .stored("cas")
        .into_iter()
        .filter(|file| is_object(file))
    {
        let mut bytes = fs::read(&file).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&file, bytes).unwrap();
    }
    let (linked, messages) = link_anew(&project, &FILES, &cache);
    assert_eq!(linked, counts(0, 3));
    warned(&messages, "warning: what the remote cache has is damaged: ");
    assert_eq!(project.program(), program);
}

/// What only the backend has in its command line.
const BACKEND: &str = "-fthinlto-index=";

/// Links with a slow module by `executor`, and does `what` while the worker `one` compiles it.
fn link_while(
    service: &mut Service,
    project: &Project,
    executor: &[&str],
    what: impl FnOnce(&mut Service) -> anyhow::Result<()>,
) -> (Counts, String) {
    thread::scope(|scope| {
        let link = scope.spawn(|| link_anew(project, &WITH_SLOW, executor));
        service.wait_until_worker_runs("one", BACKEND).unwrap();
        what(service).unwrap();
        link.join().unwrap()
    })
}

#[test]
fn a_worker_that_is_killed_costs_time_only() {
    let mut running = Running::start(&["one"]);
    let machine = Machine::new();
    let project = machine.project("project");
    project.add_slow_module(1);
    let executor = [&*running.executor(), PROPERTY];
    let linked = link_while(&mut running.service, &project, &executor, |service| {
        service.kill_worker("one")?;
        service.add_worker("two")
    });
    assert_eq!(linked, (from_workers(4), String::new()));

    // Without a worker, nothing runs there any more.
    running.service.kill_worker("two").unwrap();
    let other = "--remote-property=pool=none";
    let options = [&executor[..], &["--remote-timeout=5", other]].concat();
    let (linked, messages) = link_anew(&project, &WITH_SLOW, &options);
    assert_eq!(linked, counts(0, 4));
    warned(&messages, NO_WORKERS);
    // What was compiled here is for others as well.
    let cache = [&*running.cache(), PROPERTY, other];
    assert_eq!(
        link_anew(&project, &WITH_SLOW, &cache),
        (from_cache(4), String::new())
    );
}

#[test]
fn a_server_that_is_killed_is_waited_for_or_given_up() {
    let mut running = Running::start(&["one"]);
    let machine = Machine::new();
    let project = machine.project("project");
    project.add_slow_module(1);
    let executor = [&*running.executor(), PROPERTY];
    let linked = link_while(&mut running.service, &project, &executor, |service| {
        service.stop_scheduler();
        service.start_scheduler()
    });
    assert_eq!(linked, (from_workers(4), String::new()));

    project.add_slow_module(2);
    let (linked, messages) = link_while(&mut running.service, &project, &executor, |service| {
        service.stop_scheduler();
        Ok(())
    });
    assert!(linked.compiled > 0 && linked.modules() == 4, "{linked:?}");
    warned(&messages, OFF);
}

#[test]
fn a_wrong_token_costs_one_warning() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start_with_token(&Root::of_tests().unwrap(), dir.path()).unwrap();
    let machine = Machine::new();
    let project = machine.project("project");
    let token = project.path("token");
    let cache = format!("--remote-cache=grpc://{}", service.address());
    let options = [&*cache, "--remote-token-file=token"];
    fs::write(&token, Service::TOKEN).unwrap();
    assert_eq!(
        link_anew(&project, &FILES, &options),
        (counts(0, 3), String::new())
    );
    assert_eq!(
        link_anew(&project, &FILES, &options),
        (from_cache(3), String::new())
    );
    for wrong in ["nonsense", &Service::TOKEN.replace('a', "b")] {
        fs::write(&token, wrong).unwrap();
        let (linked, messages) = link_anew(&project, &FILES, &options);
        assert_eq!(linked, counts(0, 3));
        warned(&messages, OFF);
    }
    let (linked, messages) = link_anew(&project, &FILES, &[&cache]);
    assert_eq!(linked, counts(0, 3));
    warned(&messages, OFF);
}
