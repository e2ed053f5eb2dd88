//! BuildGrid, the scheduler, in a virtual environment of Python.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use helped::Helped;
use tool_support::command;

use crate::lock::lock;

/// BuildGrid, and the packages that it needs for PostgreSQL, in the versions that were tried.
const REQUIREMENTS: &str = include_str!("requirements.txt");

/// With this key, a service that asks for tokens checks them.
const TOKEN_KEY: &str = "only for tests on the loopback interface";
/// A token that is signed with it, a JSON web token of the year 9999.
pub const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9\
    .eyJzdWIiOiJ0ZXN0IiwiZXhwIjoyNTM0MDIzMDA3OTl9\
    .12Uq7ABIMaotyuixsG6W2ZZ64ju7efMne6sPpSpu_oQ";

/// The ports of the service.
#[derive(Clone, Copy)]
pub struct Ports {
    /// Of PostgreSQL.
    pub database: u16,
    /// Of `buildbox-casd`.
    pub store: u16,
    /// Of BuildGrid: the address of the service.
    pub scheduler: u16,
}

impl Ports {
    /// What BuildGrid calls the database.
    pub fn database_url(self) -> String {
        // Without the name of the driver, it looks for another one.
        format!(
            "postgresql+psycopg2://postgres@127.0.0.1:{}/postgres",
            self.database
        )
    }
}

/// `bgd`, BuildGrid's program, in the virtual environment `dir`, which is made if it does not exist:
/// about 50 MB to download, 220 MB on disk, 30 s. Needs python3 with venv.
pub fn ensure(dir: &Path) -> anyhow::Result<PathBuf> {
    let _lock = lock(dir)?;
    // An environment cannot be renamed, as its programs name it, so a last file says that it is whole.
    let whole = dir.join("whole");
    if fs::read_to_string(&whole).is_ok_and(|made| made == REQUIREMENTS) {
        return Ok(dir.join("bin/bgd"));
    }
    eprintln!(
        "installing BuildGrid in {}: about 50 MB to download, 220 MB on disk, 30 s",
        dir.display()
    );
    let help = "python3 needs its modules venv and pip (apt-get install python3-venv); the next run starts again";
    let helped = || Helped::new("cannot install BuildGrid", help);
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv", "--clear"]).arg(dir);
    command::run(&mut venv).with_context(helped)?;
    let list = dir.join("requirements.txt");
    fs::write(&list, REQUIREMENTS)?;
    let mut pip = Command::new(dir.join("bin/pip"));
    pip.args(["install", "--quiet", "--no-deps", "--requirement"])
        .arg(list);
    command::run(&mut pip).with_context(helped)?;
    fs::write(whole, REQUIREMENTS)?;
    Ok(dir.join("bin/bgd"))
}

/// The scheduler's configuration, perhaps of one that wants a token. An action is tried five times, and
/// again 15 s after its worker is last heard of.
pub fn configuration(ports: Ports, wants_token: bool) -> String {
    let Ports {
        store, scheduler, ..
    } = ports;
    let authorization = if wants_token {
        format!("{{ method: jwt, algorithm: hs256, secret: {TOKEN_KEY} }}")
    } else {
        "{ method: none }".to_owned()
    };
    format!(
        r#"server:
  - !channel
    address: 127.0.0.1:{scheduler}
    insecure-mode: true
authorization: {authorization}
monitoring:
  enabled: false
thread-pool-size: 200
connections:
  - !sql-connection &sql
    connection-string: {database}
    pool-size: 20
    max-overflow: 20
storages:
  - !remote-storage &store
    url: http://127.0.0.1:{store}
    instance-name: ""
caches:
  - !remote-action-cache &actions
    url: http://127.0.0.1:{store}
    instance-name: ""
schedulers:
  - !sql-scheduler &scheduler
    sql: *sql
    storage: *store
    action-cache: *actions
    poll-interval: 0.2
    bot-poll-interval: 0.2
    bot-session-keepalive-timeout: 15
    session-expiry-timer-interval: 2
    max-job-attempts: 5
    property-set: !dynamic-property-set
      match-property-keys: [pool]
    assigners:
      - !priority-age-assigner
        interval: 0.1
        failure-backoff: 0.2
instances:
  - name: ""
    services:
      - !cas
        storage: *store
      - !bytestream
        storage: *store
      - !action-cache
        cache: *actions
      - !execution
        scheduler: *scheduler
"#,
        database = ports.database_url()
    )
}
