//! Every fault of a server: objects are right, or there are none, with one warning.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bazel_remote_apis::build::bazel::remote::execution::v2 as reapi;
use futures_util::future::join_all;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use reapi_service::in_memory::{Fault, Server, State, object};
use tonic::Code;
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

use super::call::Limits;
use super::{Cached, Remote};
use crate::action::{Action, OUTPUT};
use crate::blob::{self, Blob};
use crate::compiler::{Compiler, Kind, Tree};
use crate::settings::Settings;
use crate::warnings::Warnings;

const OFF: &str = "the remote servers are not used";
const NOT_SENT: &str = "objects are not sent to the remote cache";
const NO_WORKERS: &str = "backends run on this machine only";
const DAMAGED: &str = "what the remote cache has is damaged";
const FAILED: &str = "what fails on a worker is compiled here";

const LIMITS: Limits = Limits {
    call: Duration::from_secs(2),
    repeated: Duration::from_secs(4),
    execution: Duration::from_secs(2),
};

/// A client of a server.
struct Client {
    remote: Remote,
    warnings: Arc<Warnings>,
    limits: Limits,
}

impl Client {
    fn new(settings: &Settings) -> Client {
        Client::within(settings, LIMITS)
    }

    fn within(settings: &Settings, limits: Limits) -> Client {
        let warnings = Arc::new(Warnings::default());
        let remote = Remote::with(settings, limits, &warnings).unwrap().unwrap();
        Client {
            remote,
            warnings,
            limits,
        }
    }

    /// Gets the object of an action as a runner does. Returns where it comes from.
    async fn get(&self, action: &Action) -> &'static str {
        let result = match self.remote.cached(action).await {
            Cached::Object(result) => Some(("cache", *result)),
            cached => {
                let again = matches!(cached, Cached::Unusable);
                let result = self.remote.execute(action, again).await;
                result.map(|result| ("worker", result))
            }
        };
        match result {
            Some((source, result)) => {
                assert_eq!(contents(&result), expected(action));
                source
            }
            None => {
                self.remote.put(action, &local(action)).await;
                "here"
            }
        }
    }

    /// The warnings must be about this alone, and say why.
    fn warned(&self, what: &str, why: &str) {
        let printed = self.warnings.printed();
        assert_eq!(printed.len(), 1, "{printed:?}");
        assert_eq!(printed[0].0, what);
        assert!(printed[0].1.contains(why), "{printed:?}");
    }

    fn no_warnings(&self) {
        assert_eq!(self.warnings.printed(), []);
    }
}

fn contents(result: &reapi::ActionResult) -> &[u8] {
    &result.output_files[0].contents
}

fn expected(action: &Action) -> Vec<u8> {
    let arguments = [&action.compiler.command[..], &action.arguments].concat();
    object(&arguments)
}

/// What the backend on this machine would give.
fn local(action: &Action) -> reapi::ActionResult {
    let contents = expected(action);
    reapi::ActionResult {
        output_files: vec![reapi::OutputFile {
            path: OUTPUT.to_owned(),
            digest: Some(blob::digest(&contents)),
            contents,
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn settings(server: &Server) -> Settings {
    let mut settings = Settings::local(Path::new("unused"), NonZero::new(8).unwrap());
    settings.remote_cache = Some(format!("grpc://{}", server.address).parse().unwrap());
    settings
}

fn with_executor(server: &Server) -> Settings {
    let mut settings = settings(server);
    settings.remote_executor = settings.remote_cache.take();
    settings
}

/// A compiler with one library of `bytes`.
fn compiler(bytes: usize) -> Arc<Compiler> {
    // Random bytes do not become smaller.
    let mut seed = 1u32;
    let mut library = Vec::with_capacity(bytes);
    library.resize_with(bytes, || {
        seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
        (seed >> 24) as u8
    });
    let library = Blob::of_bytes(library);
    let root = Blob::of_message(&reapi::Directory {
        files: vec![reapi::FileNode {
            name: "library".into(),
            digest: Some(library.digest.clone()),
            ..Default::default()
        }],
        ..Default::default()
    });
    let identity = root.digest.clone();
    Arc::new(Compiler {
        kind: Kind::Clang,
        program: "clang".into(),
        command: vec!["compiler/library".into()],
        tree: Some(Tree {
            root: identity.clone(),
            blobs: vec![Arc::new(library), Arc::new(root)],
        }),
        identity,
    })
}

fn action(compiler: &Arc<Compiler>, module: &str) -> Action {
    let input = Arc::new(Blob::of_bytes(module.repeat(1000).into_bytes()));
    let inputs = vec![("index.thinlto.bc".to_owned(), input)];
    Action::new(
        module.to_owned(),
        PathBuf::new(),
        compiler.clone(),
        vec![module.to_owned()],
        inputs,
        &reapi::Platform::default(),
    )
}

fn small() -> Action {
    action(&compiler(10), "main")
}

#[tokio::test]
async fn a_cache_is_filled_and_used() {
    for (inline, zstd) in [(false, false), (true, false), (false, true)] {
        let state = State {
            inline,
            zstd,
            ..State::default()
        };
        let server = Server::start(state, None);
        let action = small();
        let first = Client::new(&settings(&server));
        assert_eq!(first.get(&action).await, "here");
        assert_eq!(first.get(&action).await, "cache");
        let second = Client::new(&settings(&server));
        assert_eq!(second.get(&action).await, "cache");
        first.no_warnings();
        second.no_warnings();
        let state = server.state.lock().unwrap();
        // Inputs are not sent to a cache, but the action and its command are.
        assert!(!state.blobs.contains_key(&action.inputs[0].1.digest.hash));
        assert!(state.blobs.contains_key(&action.key().hash));
        assert_eq!(state.count("put"), 1);
    }
}

#[tokio::test]
async fn a_worker_gets_what_is_missing() {
    for zstd in [false, true] {
        let state = State {
            zstd,
            most_batch_bytes: 100_000,
            ..State::default()
        };
        let server = Server::start(state, None);
        // Larger than a batch.
        let compiler = compiler(700_000);
        let client = Client::new(&with_executor(&server));
        assert_eq!(client.get(&action(&compiler, "a")).await, "worker");
        let sent = server.state.lock().unwrap().sent_bytes;
        assert!(sent > 700_000);
        assert_eq!(client.get(&action(&compiler, "b")).await, "worker");
        // Another client finds the compiler there.
        let client = Client::new(&with_executor(&server));
        assert_eq!(client.get(&action(&compiler, "c")).await, "worker");
        assert_eq!(client.get(&action(&compiler, "a")).await, "cache");
        client.no_warnings();
        let state = server.state.lock().unwrap();
        assert_eq!(state.count("write stream"), 1);
        assert!(
            state.sent_bytes - sent < 10_000,
            "{} bytes",
            state.sent_bytes - sent
        );
        assert_eq!(state.count("capabilities"), 2);
    }
}

#[tokio::test]
async fn a_thousand_actions_use_one_connection_and_share_what_they_send() {
    let server = Server::start(State::default(), None);
    let compiler = compiler(10_000);
    let client = Client::new(&with_executor(&server));
    let actions: Vec<Action> = (0..1000)
        .map(|number| action(&compiler, &format!("module {number}")))
        .collect();
    let gets = actions.iter().map(|action| client.get(action));
    assert_eq!(join_all(gets).await, ["worker"; 1000]);
    client.no_warnings();
    let state = server.state.lock().unwrap();
    assert_eq!(state.count("execute"), 1000);
    let library = &compiler.tree.as_ref().unwrap().blobs[0].digest;
    assert!(state.blobs.contains_key(&library.hash));
    let expected: usize = state.blobs.values().map(Vec::len).sum();
    // Objects came from the worker.
    assert!(
        state.sent_bytes < expected,
        "{} of {expected} bytes",
        state.sent_bytes
    );
}

#[tokio::test]
async fn calls_that_fail_are_repeated() {
    let faults = [
        ("find", vec![Fault::Code(Code::Unavailable)]),
        ("update", vec![Fault::Code(Code::Internal)]),
        (
            "write stream",
            vec![Fault::Break, Fault::Code(Code::Aborted)],
        ),
        ("result", vec![Fault::Code(Code::Unavailable)]),
        (
            "execute",
            vec![Fault::Break, Fault::Code(Code::Unavailable)],
        ),
        ("wait", vec![Fault::Code(Code::Unavailable)]),
        ("read", vec![Fault::Code(Code::DeadlineExceeded)]),
        ("capabilities", vec![Fault::Code(Code::Unknown)]),
    ];
    let state = State {
        faults: faults.into(),
        most_batch_bytes: 20_000,
        ..State::default()
    };
    let server = Server::start(state, None);
    let client = Client::new(&with_executor(&server));
    assert_eq!(client.get(&action(&compiler(50_000), "a")).await, "worker");
    client.no_warnings();
    let state = server.state.lock().unwrap();
    let left: Vec<_> = state
        .faults
        .iter()
        .filter(|(_, faults)| !faults.is_empty())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_server_that_is_restarted_goes_on() {
    let server = Server::start(State::default(), None);
    let client = Client::new(&with_executor(&server));
    let compiler = compiler(10);
    assert_eq!(client.get(&action(&compiler, "a")).await, "worker");
    let (address, state) = server.kill();
    let second = action(&compiler, "b");
    let get = client.get(&second);
    // The first call fails before.
    let restart = async { Server::restart(address, state) };
    let (source, server) = tokio::join!(get, restart);
    assert_eq!(source, "worker");
    client.no_warnings();
    drop(server);
}

#[tokio::test]
async fn a_server_that_is_gone_is_given_up() {
    let server = Server::start(State::default(), None);
    let settings = with_executor(&server);
    let _ = server.kill();
    let client = Client::new(&settings);
    assert_eq!(client.get(&small()).await, "here");
    client.warned(OFF, "Connection refused");
    // At once, from now on.
    assert!(client.remote.off.borrow().execute);
    assert_eq!(client.get(&action(&compiler(10), "b")).await, "here");
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up() {
    for method in [
        "result",
        "find",
        "update",
        "execute",
        "read",
        "capabilities",
    ] {
        let state = State {
            always: [(method, Fault::Hang)].into(),
            ..State::default()
        };
        let server = Server::start(state, None);
        let client = Client::within(
            &with_executor(&server),
            Limits {
                call: Duration::from_millis(200),
                repeated: Duration::from_millis(300),
                ..LIMITS
            },
        );
        let action = small();
        let ended = tokio::time::timeout(Duration::from_secs(5), client.get(&action));
        assert_eq!(ended.await.expect(method), "here", "{method}");
        client.warned(OFF, "no answer within 0.2 s");
    }
}

#[tokio::test]
async fn actions_without_a_worker_are_given_up_together() {
    let state = State {
        always: [("execute", Fault::Corrupt)].into(),
        ..State::default()
    };
    let server = Server::start(state, None);
    let client = Client::new(&with_executor(&server));
    let start = std::time::Instant::now();
    let compiler = compiler(10);
    // More than the server gets at a time.
    let actions: Vec<Action> = (0..20)
        .map(|number| action(&compiler, &number.to_string()))
        .collect();
    let gets = actions.iter().map(|action| client.get(action));
    assert_eq!(join_all(gets).await, ["here"; 20]);
    assert!(start.elapsed() < client.limits.execution * 2);
    client.warned(NO_WORKERS, "no action ended within 2 s");
    // The cache is still used.
    assert_eq!(client.get(&actions[0]).await, "cache");
}

#[tokio::test]
async fn what_fails_on_a_worker_is_compiled_here() {
    let state = State {
        exit_code: 1,
        ..State::default()
    };
    let server = Server::start(state, None);
    let client = Client::new(&with_executor(&server));
    let compiler = compiler(10);
    assert_eq!(client.get(&action(&compiler, "a")).await, "here");
    assert_eq!(client.get(&action(&compiler, "b")).await, "here");
    client.warned(FAILED, "ended with exit code 1: no memory");
    // The worker's result is not cached.
    assert_eq!(client.get(&action(&compiler, "a")).await, "cache");
}

#[tokio::test]
async fn an_object_that_is_gone_is_made_again() {
    let server = Server::start(State::default(), None);
    let action = small();
    let client = Client::new(&with_executor(&server));
    assert_eq!(client.get(&action).await, "worker");
    let object = blob::digest(&expected(&action)).hash;
    server.state.lock().unwrap().blobs.remove(&object);
    assert_eq!(client.get(&action).await, "worker");
    client.no_warnings();
    // Without workers, it is sent again.
    server.state.lock().unwrap().blobs.remove(&object);
    let client = Client::new(&settings(&server));
    assert_eq!(client.get(&action).await, "here");
    assert_eq!(client.get(&action).await, "cache");
    client.no_warnings();
}

#[tokio::test]
async fn a_damaged_object_is_not_used() {
    for (inline, large) in [(false, false), (false, true), (true, false)] {
        let state = State {
            inline,
            most_batch_bytes: if large { 2000 } else { 0 },
            ..State::default()
        };
        let server = Server::start(state, None);
        let action = small();
        let client = Client::new(&with_executor(&server));
        assert_eq!(client.get(&action).await, "worker");
        {
            let mut state = server.state.lock().unwrap();
            let method = if large { "read stream" } else { "read" };
            state.faults.insert(method, vec![Fault::Corrupt]);
            let result = state.results.get_mut(&action.key().hash).unwrap();
            if let Some(byte) = result.output_files[0].contents.first_mut() {
                *byte ^= 1;
            }
        }
        assert_eq!(client.get(&action).await, "worker", "{inline} {large}");
        client.warned(DAMAGED, "has other bytes than its digest says");
        assert_eq!(client.get(&action).await, "cache");
    }
}

#[tokio::test]
async fn a_server_with_damaged_objects_only_is_not_used_for_execution() {
    let state = State {
        always: [("read", Fault::Corrupt)].into(),
        ..State::default()
    };
    let server = Server::start(state, None);
    let client = Client::new(&with_executor(&server));
    assert_eq!(client.get(&small()).await, "here");
    client.warned(NO_WORKERS, "has other bytes than its digest says");
    assert_eq!(server.state.lock().unwrap().count("execute"), 3);
}

#[tokio::test]
async fn a_stream_that_ends_early_is_not_an_object() {
    let state = State {
        most_batch_bytes: 2000,
        faults: [("read stream", vec![Fault::Break])].into(),
        ..State::default()
    };
    let server = Server::start(state, None);
    let client = Client::new(&with_executor(&server));
    assert_eq!(client.get(&small()).await, "worker");
    assert_eq!(server.state.lock().unwrap().count("read stream"), 2);
}

#[tokio::test]
async fn inputs_that_are_gone_are_sent_again() {
    let server = Server::start(State::default(), None);
    let compiler = compiler(1000);
    let client = Client::new(&with_executor(&server));
    assert_eq!(client.get(&action(&compiler, "a")).await, "worker");
    let library = &compiler.tree.as_ref().unwrap().blobs[0].digest.hash;
    server.state.lock().unwrap().blobs.remove(library).unwrap();
    assert_eq!(client.get(&action(&compiler, "b")).await, "worker");
    client.no_warnings();
    assert!(server.state.lock().unwrap().blobs.contains_key(library));
}

#[tokio::test]
async fn a_server_that_refuses_an_action_says_why() {
    let state = State {
        always: [("execute", Fault::Code(Code::FailedPrecondition))].into(),
        ..State::default()
    };
    let server = Server::start(state, None);
    let client = Client::new(&with_executor(&server));
    assert_eq!(client.get(&small()).await, "here");
    client.warned(NO_WORKERS, "as the test says");
}

#[tokio::test]
async fn a_full_cache_is_read_only() {
    let limits = Limits {
        repeated: Duration::from_millis(100),
        ..LIMITS
    };
    let server = Server::start(State::default(), None);
    let compiler = compiler(10);
    let filled = action(&compiler, "a");
    assert_eq!(Client::new(&settings(&server)).get(&filled).await, "here");
    for method in ["update", "put"] {
        let full = Fault::Code(Code::ResourceExhausted);
        server.state.lock().unwrap().always = [(method, full)].into();
        let client = Client::within(&settings(&server), limits);
        assert_eq!(client.get(&action(&compiler, method)).await, "here");
        client.warned(NOT_SENT, "as the test says");
        assert_eq!(client.get(&action(&compiler, "other")).await, "here");
        assert_eq!(client.get(&filled).await, "cache");
        client.warned(NOT_SENT, "as the test says");
    }
    // With workers, nothing can be sent to them, but hits are hits.
    let client = Client::within(&with_executor(&server), limits);
    server.state.lock().unwrap().always = [("update", Fault::Code(Code::ResourceExhausted))].into();
    assert_eq!(client.get(&action(&compiler, "new")).await, "here");
    assert_eq!(client.get(&filled).await, "cache");
    let warned: Vec<_> = client
        .warnings
        .printed()
        .into_iter()
        .map(|(what, _)| what)
        .collect();
    assert_eq!(warned, [NO_WORKERS, NOT_SENT]);
}

#[tokio::test]
async fn a_cache_that_one_may_not_write_is_read() {
    let server = Server::start(State::default(), None);
    let filled = small();
    assert_eq!(Client::new(&settings(&server)).get(&filled).await, "here");
    server.state.lock().unwrap().always = [("put", Fault::Code(Code::PermissionDenied))].into();
    let client = Client::new(&settings(&server));
    assert_eq!(client.get(&action(&compiler(10), "b")).await, "here");
    assert_eq!(client.get(&filled).await, "cache");
    client.warned(NOT_SENT, "as the test says");
}

#[tokio::test]
async fn a_server_with_other_digests_is_refused() {
    let state = State {
        always: [("capabilities", Fault::Corrupt)].into(),
        ..State::default()
    };
    let server = Server::start(state, None);
    let client = Client::new(&settings(&server));
    assert_eq!(client.get(&small()).await, "here");
    client.warned(NOT_SENT, "does not address blobs by SHA-256");
}

#[tokio::test]
async fn a_token_is_sent_and_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    fs::write(&file, "first").unwrap();
    let state = State {
        token: Some("first"),
        ..State::default()
    };
    let server = Server::start(state, None);
    let mut settings = with_executor(&server);
    settings.remote_token_file = Some(file.clone());
    let client = Client::new(&settings);
    let compiler = compiler(10);
    assert_eq!(client.get(&action(&compiler, "a")).await, "worker");
    // A new one, as for example a daemon writes it.
    server.state.lock().unwrap().token = Some("second");
    fs::write(&file, "second").unwrap();
    assert_eq!(client.get(&action(&compiler, "b")).await, "worker");
    client.no_warnings();
    server.state.lock().unwrap().token = Some("third");
    assert_eq!(client.get(&action(&compiler, "c")).await, "here");
    client.warned(OFF, "a wrong token");
    let calls = server.state.lock().unwrap().calls.clone();
    assert_eq!(client.get(&action(&compiler, "d")).await, "here");
    assert_eq!(server.state.lock().unwrap().calls, calls);
}

/// An authority, and certificates of it.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "authority of the test");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Authority { issuer, pem }
    }

    /// A certificate and its key.
    fn certificate(&self, expired: bool) -> (String, String) {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        if expired {
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
            params.not_before = rcgen::date_time_ymd(2019, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn server(&self, expired: bool) -> Server {
        let (certificate, key) = self.certificate(expired);
        let tls = ServerTlsConfig::new()
            .identity(Identity::from_pem(certificate, key))
            .client_ca_root(Certificate::from_pem(&self.pem));
        Server::start(State::default(), Some(tls))
    }
}

#[tokio::test]
async fn certificates_are_checked_on_both_sides() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let (authority, other) = (Authority::new(), Authority::new());
    let client_of = |server: &Server, (certificate, key): (String, String), ca: &str| {
        let mut settings = settings(server);
        let address = format!("grpcs://localhost:{}", server.address.port());
        settings.remote_cache = Some(address.parse().unwrap());
        settings.remote_ca = Some(write("ca.pem", ca));
        settings.remote_certificate = Some(write("client.pem", &certificate));
        settings.remote_key = Some(write("client.key", &key));
        Client::new(&settings)
    };
    let server = authority.server(false);
    let good = client_of(&server, authority.certificate(false), &authority.pem);
    let action = small();
    assert_eq!(good.get(&action).await, "here");
    assert_eq!(good.get(&action).await, "cache");
    good.no_warnings();
    // The client's certificate.
    for certificate in [authority.certificate(true), other.certificate(false)] {
        let client = client_of(&server, certificate, &authority.pem);
        assert_eq!(client.get(&action).await, "here");
        client.warned(OFF, "");
    }
    // The server's certificate, and its authority: not repeated.
    let expired = authority.server(true);
    for (server, ca) in [(&expired, &authority.pem), (&server, &other.pem)] {
        let client = client_of(server, authority.certificate(false), ca);
        let start = std::time::Instant::now();
        assert_eq!(client.get(&action).await, "here");
        assert!(
            start.elapsed() < LIMITS.repeated / 2,
            "{:?}",
            start.elapsed()
        );
        client.warned(OFF, "certificate");
    }
}
