//! Remote execution, by a service on this machine with two workers.

use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use anyhow::ensure;
use reapi_service::Service;

use crate::environment::Environment;
use crate::execution_log::ExecutionLog;
use crate::workspace::Workspace;

/// The scenarios of this file.
pub const SCENARIOS: &[super::Named] = &[
    ("remote-build", build),
    ("remote-worker-killed", worker_killed),
    ("remote-server-gone", server_gone),
];

const PROGRAM: &str = "//program:census";

/// A workspace with the example that builds with a service of its own.
fn example<'a>(
    environment: &'a Environment,
    name: &str,
) -> anyhow::Result<(Service, Workspace<'a>)> {
    let mut workspace = Workspace::new(environment, name, "example")?;
    let service = start(environment, name)?;
    workspace.use_options(&options(&service));
    Ok((service, workspace))
}

/// A service with the workers `one` and `two` in the folder of a scenario.
pub fn start(environment: &Environment, name: &str) -> anyhow::Result<Service> {
    let dir = environment.folder(name).join("service");
    let mut service = Service::start(&environment.root, &dir)?;
    for worker in ["one", "two"] {
        service.add_worker(worker)?;
    }
    Ok(service)
}

/// Bazel's options for builds by the service alone.
pub fn options(service: &Service) -> Vec<String> {
    let executor = format!("--remote_executor=grpc://{}", service.address());
    let others = [
        "--remote_default_exec_properties=OSFamily=linux",
        "--spawn_strategy=remote",
        "--remote_local_fallback=false",
        "--remote_retries=3",
        "--remote_timeout=600",
        // The scheduler refuses more than 200 calls at a time.
        "--remote_max_connections=1",
        "--remote_max_concurrency_per_connection=100",
        "--jobs=4",
    ];
    [executor]
        .into_iter()
        .chain(others.map(str::to_owned))
        .collect()
}

/// The number of actions that a worker has run to their end.
fn actions(service: &Service, worker: &str) -> anyhow::Result<usize> {
    Ok(service
        .worker_log(worker)?
        .matches("Runner exited with code")
        .count())
}

/// It is an error if an action ran elsewhere than `place`.
pub fn all_in(log: &ExecutionLog, place: &str) -> anyhow::Result<()> {
    let runners = log.runners();
    ensure!(
        runners.keys().eq([&place]),
        "not only `{place}`: {runners:?}"
    );
    Ok(())
}

/// Both workers run actions, another output base finds all of them, and one that builds on this machine
/// has the same bytes.
fn build(environment: &Environment, name: &str) -> anyhow::Result<()> {
    let (service, mut workspace) = example(environment, name)?;
    let first = workspace.build(&[PROGRAM])?;
    all_in(&first, "remote")?;
    let shares = [actions(&service, "one")?, actions(&service, "two")?];
    ensure!(
        shares.iter().sum::<usize>() == first.0.len()
            && shares.iter().all(|share| share * 4 > first.0.len()),
        "the workers ran {shares:?} of {} actions",
        first.0.len()
    );
    let program = workspace.read("bazel-bin/program/census")?;

    workspace.use_output_base("second")?;
    let second = workspace.build(&[PROGRAM])?;
    all_in(&second, "remote cache hit")?;
    for kind in ["RustThinLtoCompile", "CcLtoBackendCompile"] {
        ensure!(
            second.hits(kind) == first.ran(kind),
            "{kind}: other actions"
        );
    }
    ensure!(
        second.written() == first.written(),
        "the second output base differs"
    );

    workspace.use_output_base("local")?;
    workspace.use_options(&["--jobs=2".to_owned()]);
    let local = workspace.build(&[PROGRAM])?;
    let different: Vec<&str> = {
        let (local, remote) = (local.written(), first.written());
        // rustc names the real folder of its own sysroot in link inputs: another one on a worker.
        let differs = |path: &&str| {
            !path.ends_with(".link-inputs.json") && local.get(path) != remote.get(path)
        };
        local
            .keys()
            .chain(remote.keys())
            .copied()
            .filter(differs)
            .collect()
    };
    ensure!(
        different.is_empty(),
        "a worker writes other bytes than this machine: {different:?}"
    );
    ensure!(
        program == workspace.read("bazel-bin/program/census")?,
        "the programs differ"
    );
    Ok(())
}

/// A worker that is killed in a backend costs another try of that action, on the other worker.
fn worker_killed(environment: &Environment, name: &str) -> anyhow::Result<()> {
    let (mut service, workspace) = example(environment, name)?;
    let log = thread::scope(|scope| {
        let build = scope.spawn(|| workspace.build(&[PROGRAM]));
        while !service.worker_runs("one", "-Zthinlto-index=")? {
            ensure!(
                !build.is_finished(),
                "the build has ended without a backend on this worker"
            );
            thread::sleep(Duration::from_millis(20));
        }
        service.kill_worker("one")?;
        build.join().expect("it does not panic")
    })?;
    all_in(&log, "remote")?;
    let shares = [actions(&service, "one")?, actions(&service, "two")?];
    ensure!(
        shares.iter().sum::<usize>() == log.0.len() && shares[0] > 0,
        "the workers ran {shares:?} of {} actions",
        log.0.len()
    );
    let output = workspace.run("bazel-bin/program/census", &["program/poem.txt"])?;
    ensure!(output.status.success(), "{output:?}");
    Ok(())
}

/// Without the server, a build fails and says why; when it is back, the build goes on where it was.
fn server_gone(environment: &Environment, name: &str) -> anyhow::Result<()> {
    let (mut service, workspace) = example(environment, name)?;
    let crates = workspace.build(&["--output_groups=summaries", PROGRAM])?;
    let before = crates.ran("RustThinLtoCompile");
    ensure!(!before.is_empty(), "nothing was compiled");
    service.stop_scheduler();
    let messages = workspace.build_fails(&[PROGRAM])?;
    ensure!(messages.contains("UNAVAILABLE"), "{messages}");
    service.start_scheduler()?;
    let log = workspace.build(&[PROGRAM])?;
    all_in(&log, "remote")?;
    let again = log.ran("RustThinLtoCompile");
    ensure!(
        before.iter().all(|output| !again.contains(output)),
        "{before:?} and again {again:?}"
    );

    let address = service.address();
    drop(service);
    ensure!(
        TcpStream::connect(&address).is_err(),
        "the service at {address} has not ended"
    );
    Ok(())
}
