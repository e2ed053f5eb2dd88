//! The service: its processes, in the order in which they start.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use tool_support::command;

use crate::buildgrid::{self, Ports};
use crate::{Room, Root, log};

/// The property that the workers have. Actions may ask for it or for nothing.
const PROPERTY: (&str, &str) = ("OSFamily", "linux");

/// The database is in memory: it lives as long as the service.
const DATABASE: &str = r#"
mount -t tmpfs tmpfs /mnt
bin=$(echo /usr/lib/postgresql/*/bin)
install -d -o postgres -m 700 /mnt/database
cd /mnt
runuser -u postgres -- $bin/initdb -D /mnt/database -A trust -U postgres -E UTF8 --locale=C --no-sync
exec runuser -u postgres -- $bin/postgres -D /mnt/database \
  -c listen_addresses=127.0.0.1 -c port=$1 -c unix_socket_directories= -c fsync=off
"#;

/// The path of the service's folder in the root. All users can use it, as opposed to its own path.
const IN_ROOT: &str = "/srv";

/// The store of all files, and the action cache.
const STORE: &str = "exec buildbox-casd --bind=127.0.0.1:$1 /srv/store";

/// A worker, with a store of its own for what it gets from the other one. That belongs to another user, so
/// that actions get hard links of its files. A worker ends if the scheduler does, or refuses a call.
const WORKER: &str = r#"
files=/srv/workers/$1 store=$2; shift 2
mkdir -p $files
chown nobody $files
runuser -u nobody -- buildbox-casd --cas-remote=$store --bind=unix:$files/socket $files/store &
while :; do
  buildbox-worker --cas-remote=unix:$files/socket "$@" || sleep 0.2
done
"#;

/// A running service. Its processes end when it is dropped, or with this process.
pub struct Service {
    root: Root,
    dir: PathBuf,
    bgd: PathBuf,
    ports: Ports,
    wants_token: bool,
    // Fields are dropped in this order.
    workers: Vec<Worker>,
    scheduler: Option<Room>,
    _store: Room,
    _database: Room,
}

/// A process that runs actions, one at a time.
struct Worker {
    name: String,
    room: Room,
}

impl Service {
    /// Starts a service without workers. `dir` gets the store and the logs; a store that is there is used
    /// again. BuildGrid is installed once, beside the root. Ports are free ones.
    pub fn start(root: &Root, dir: &Path) -> anyhow::Result<Service> {
        Service::with(root, dir, false)
    }

    /// Starts one that wants the token [`TOKEN`](Service::TOKEN). It is for use as a cache: workers have no
    /// token.
    pub fn start_with_token(root: &Root, dir: &Path) -> anyhow::Result<Service> {
        Service::with(root, dir, true)
    }

    /// What a client of a service that wants a token has to send.
    pub const TOKEN: &str = buildgrid::TOKEN;

    fn with(root: &Root, dir: &Path, wants_token: bool) -> anyhow::Result<Service> {
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let dir = fs::canonicalize(dir)?;
        let bgd = buildgrid::ensure(&root.dir().with_file_name("buildgrid"))?;
        let ports = free_ports()?;
        let log = |name: &str| dir.join(format!("{name}.log"));

        let script = |script: &str, port: u16| {
            ["sh", "-euc", script, "sh", &port.to_string()].map(str::to_owned)
        };
        let at = Path::new(IN_ROOT);
        let database = script(DATABASE, ports.database);
        let mut database = Room::in_root(root, (&dir, at), &database, &log("database"))?;
        let ready = "database system is ready to accept connections";
        database.wait_until("the database", |log| log.text().contains(ready))?;
        let mut migrate = Command::new(&bgd);
        migrate.args(["migrate", "apply", &ports.database_url()]);
        command::run(&mut migrate)?;

        let store = script(STORE, ports.store);
        let mut store = Room::in_root(root, (&dir, at), &store, &log("store"))?;
        store.wait_until("the store", |_| listens(ports.store))?;

        let mut service = Service {
            root: root.clone(),
            dir,
            bgd,
            ports,
            wants_token,
            workers: Vec::new(),
            scheduler: None,
            _store: store,
            _database: database,
        };
        service.start_scheduler()?;
        Ok(service)
    }

    /// The address of the service without a scheme: loopback and a port.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.scheduler)
    }

    /// Starts a worker of this name. It runs actions in a sandbox with `/usr` of the root.
    pub fn add_worker(&mut self, name: &str) -> anyhow::Result<()> {
        let room = self.start_worker(name)?;
        self.workers.push(Worker {
            name: name.to_owned(),
            room,
        });
        Ok(())
    }

    /// Ends the worker and the action that it runs with SIGKILL.
    pub fn kill_worker(&mut self, name: &str) -> anyhow::Result<()> {
        let place = self.place_of(name)?;
        self.workers.remove(place);
        Ok(())
    }

    /// The folder of the store: `cas/objects` has blobs, `actioncache/objects` results. Their paths begin with
    /// two digits of their hash as a folder.
    pub fn store(&self) -> PathBuf {
        self.dir.join("store")
    }

    /// Whether the worker runs a process with `words` in its command line.
    pub fn worker_runs(&self, name: &str, words: &str) -> anyhow::Result<bool> {
        self.workers[self.place_of(name)?].room.runs(words)
    }

    /// Waits until it does.
    pub fn wait_until_worker_runs(&self, name: &str, words: &str) -> anyhow::Result<()> {
        log::wait_until(&format!("{words} on {name}"), || {
            self.worker_runs(name, words)
        })
    }

    fn place_of(&self, name: &str) -> anyhow::Result<usize> {
        let place = self.workers.iter().position(|worker| worker.name == name);
        place.with_context(|| format!("there is no worker {name}"))
    }

    /// What the worker printed: `Runner exited with code` for each action, among others.
    pub fn worker_log(&self, name: &str) -> anyhow::Result<String> {
        let path = self.log(name);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// Ends the scheduler with SIGKILL: the address refuses connections. The queue and the store stay.
    pub fn stop_scheduler(&mut self) {
        self.scheduler = None;
    }

    /// Starts the scheduler at the same address; the workers find it again.
    pub fn start_scheduler(&mut self) -> anyhow::Result<()> {
        let file = self.dir.join("buildgrid.yml");
        fs::write(
            &file,
            buildgrid::configuration(self.ports, self.wants_token),
        )?;
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let words = [
            path(&self.bgd),
            "server".into(),
            "start".into(),
            path(&file),
        ];
        let mut room = Room::on_host(&words, &self.log("scheduler"))?;
        let port = self.ports.scheduler;
        room.wait_until("the scheduler", |_| listens(port))?;
        self.scheduler = Some(room);
        Ok(())
    }

    fn log(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.log"))
    }

    fn start_worker(&self, name: &str) -> anyhow::Result<Room> {
        let (key, value) = PROPERTY;
        let store = format!("http://127.0.0.1:{}", self.ports.store);
        let mut words: Vec<String> = ["sh", "-euc", WORKER, "sh", name, &store]
            .map(str::to_owned)
            .into();
        words.extend([
            format!("--bots-remote=http://{}", self.address()),
            "--buildbox-run=/usr/bin/buildbox-run-bubblewrap".into(),
            // The default, FUSE, has a mount for each action.
            "--runner-arg=--staging-mode=copy-or-link".into(),
        ]);
        // Three of them are symbolic links, and `cc` is one into /etc/alternatives.
        for (dir, at) in [
            ("/usr", "/usr"),
            ("/usr/bin", "/bin"),
            ("/usr/lib", "/lib"),
            ("/usr/lib64", "/lib64"),
            ("/etc/alternatives", "/etc/alternatives"),
        ] {
            words.push(format!("--runner-arg=--ro-bind-mount={dir}:{at}"));
        }
        words.extend([
            "--max-wait-time=5".into(),
            "--concurrent-jobs=1".into(),
            "--platform".into(),
            format!("{key}={value}"),
            name.into(),
        ]);
        Room::in_root(
            &self.root,
            (&self.dir, Path::new(IN_ROOT)),
            &words,
            &self.log(name),
        )
    }
}

/// Ports that nothing listens on.
fn free_ports() -> anyhow::Result<Ports> {
    // All are held until all are known, so that they differ.
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0"));
    let mut ports = Vec::new();
    for listener in listeners {
        let listener = listener?;
        ports.push((listener.local_addr()?.port(), listener));
    }
    Ok(Ports {
        database: ports[0].0,
        store: ports[1].0,
        scheduler: ports[2].0,
    })
}

fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}
