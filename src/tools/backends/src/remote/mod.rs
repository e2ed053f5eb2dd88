//! Objects from other machines, by the Remote Execution API.
//!
//! Whatever fails here costs time, not the build: [`Remote`] warns once, and the backends run on this
//! machine.

mod call;
mod connection;
mod execution;
mod store;
#[cfg(test)]
mod tests;
mod uploads;

use std::sync::Arc;
use std::time::Duration;

use bazel_remote_apis::build::bazel::remote::execution::v2::{ActionResult, OutputFile};
use tokio::sync::{Semaphore, watch};

use self::call::{Failure, Limits};
pub use self::connection::Address;
use self::connection::Token;
use self::execution::Execution;
use self::store::{Store, checked};
use crate::action::{Action, OUTPUT};
use crate::blob::Blob;
use crate::settings::Settings;
use crate::warnings::Warnings;

const CALL: Duration = Duration::from_secs(30);
const REPEATED: Duration = Duration::from_secs(10);
/// How often an action is run because its object cannot be read, or an input is gone.
const TRIES: usize = 3;

/// What the server's cache has for an action.
pub enum Cached {
    /// Its object.
    Object(Box<ActionResult>),
    /// Nothing.
    Missing,
    /// A result that cannot be used.
    Unusable,
}

/// A service.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Service {
    Read,
    Write,
    Execute,
}

/// Servers for a cache and for execution.
pub struct Remote {
    store: Store,
    execution: Option<Execution>,
    jobs: Semaphore,
    off: watch::Sender<Off>,
    warnings: Arc<Warnings>,
}

/// The services that are not used any more.
#[derive(Clone, Copy, Default)]
struct Off {
    read: bool,
    write: bool,
    execute: bool,
}

impl Off {
    fn has(&self, service: Service) -> bool {
        match service {
            Service::Read => self.read,
            Service::Write => self.write,
            Service::Execute => self.execute,
        }
    }
}

impl Remote {
    /// The servers in `settings`, if there are any. Connects when they are used.
    pub fn of(settings: &Settings, warnings: &Arc<Warnings>) -> anyhow::Result<Option<Remote>> {
        let limits = Limits {
            call: CALL,
            repeated: REPEATED,
            execution: Duration::from_secs(settings.remote_timeout.get()),
        };
        Remote::with(settings, limits, warnings)
    }

    fn with(
        settings: &Settings,
        limits: Limits,
        warnings: &Arc<Warnings>,
    ) -> anyhow::Result<Option<Remote>> {
        let executor = settings.remote_executor.as_ref();
        let Some(cache) = settings.remote_cache.as_ref().or(executor) else {
            return Ok(None);
        };
        let token = Token::read(settings)?;
        let instance = &settings.remote_instance;
        let connection = connection::open(cache, settings, &token)?;
        let execution = executor.map(|executor| {
            let connection = match executor == cache {
                true => connection.clone(),
                false => connection::open(executor, settings, &token)?,
            };
            anyhow::Ok(Execution::new(&connection, instance, &token, limits))
        });
        let compress = settings.compresses();
        Ok(Some(Remote {
            store: Store::new(&connection, instance, &token, limits, compress),
            execution: execution.transpose()?,
            jobs: Semaphore::new(settings.remote_jobs.get()),
            off: watch::Sender::new(Off::default()),
            warnings: warnings.clone(),
        }))
    }

    /// Whether the servers are not used any more.
    pub fn is_given_up(&self) -> bool {
        let off = *self.off.borrow();
        off.read && off.write && off.execute
    }

    /// The object of an action that the server has.
    pub async fn cached(&self, action: &Action) -> Cached {
        let result = match self
            .using(Service::Read, self.store.result(action.key()))
            .await
        {
            Some(Ok(result)) if result.exit_code == 0 => result,
            Some(Ok(_)) => return Cached::Unusable,
            _ => return Cached::Missing,
        };
        match self.using(Service::Read, self.with_object(result)).await {
            Some(Ok(result)) => Cached::Object(Box::new(result)),
            Some(Err(failure)) => {
                if let Failure::Corrupt(message) = failure {
                    self.warnings
                        .once("what the remote cache has is damaged", message);
                }
                Cached::Unusable
            }
            None => Cached::Missing,
        }
    }

    /// Runs an action on a worker, if there is a server for that. With `again`, not from its cache.
    pub async fn execute(&self, action: &Action, mut again: bool) -> Option<ActionResult> {
        let execution = self.execution.as_ref()?;
        let _job = self.jobs.acquire().await.expect("it is never closed");
        let blobs = blobs(action);
        let mut last = String::new();
        for _ in 0..TRIES {
            let run = async {
                self.store.send(&blobs).await?;
                let result = execution.run(action.key(), again).await?;
                if result.exit_code != 0 {
                    return Ok(result);
                }
                self.with_object(result).await
            };
            match self.using(Service::Execute, run).await? {
                Ok(result) if result.exit_code == 0 => return Some(result),
                Ok(result) => {
                    self.warn_of(action, &result).await;
                    return None;
                }
                // Its inputs are sent again.
                Err(Failure::Precondition(message)) => {
                    self.store.forget(&blobs);
                    last = message;
                }
                // Its object is gone, or damaged.
                Err(failure) => {
                    again = true;
                    last = failure.to_string();
                }
            }
        }
        self.give_up(&[Service::Execute], &last);
        None
    }

    /// Puts a result of this machine into the server's cache.
    pub async fn put(&self, action: &Action, result: &ActionResult) {
        let mut blobs: Vec<&Blob> = action.messages.iter().collect();
        blobs.push(&action.blob);
        let mut result = result.clone();
        let objects = result.output_files.iter_mut();
        let objects: Vec<Blob> = objects
            .map(|file| Blob::of_bytes(std::mem::take(&mut file.contents)))
            .collect();
        blobs.extend(&objects);
        let put = async {
            self.store.send(&blobs).await?;
            self.store.put_result(action.key(), result).await
        };
        if let Some(Err(failure)) = self.using(Service::Write, put).await {
            self.give_up(&[Service::Write], &failure.to_string());
        }
    }

    /// `result` with the bytes of the object in it.
    async fn with_object(&self, mut result: ActionResult) -> Result<ActionResult, Failure> {
        let object = result
            .output_files
            .iter_mut()
            .find(|file| file.path == OUTPUT);
        let Some(OutputFile {
            digest: Some(digest),
            contents,
            ..
        }) = object
        else {
            return Err(Failure::Corrupt("a result has no object".to_owned()));
        };
        *contents = match contents.is_empty() {
            false => checked(digest, std::mem::take(contents))?,
            true => self.store.read(digest).await?,
        };
        Ok(result)
    }

    /// The result of `work` with a service, or `None` if the service is not used any more. Failures that
    /// others would have as well end its use.
    async fn using<T>(
        &self,
        service: Service,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Option<Result<T, Failure>> {
        let mut off = self.off.subscribe();
        let result = tokio::select! {
            biased;
            _ = off.wait_for(|off| off.has(service)) => return None,
            result = work => result,
        };
        match &result {
            Err(Failure::Unreachable(message)) => {
                self.give_up(&[Service::Read, Service::Write, Service::Execute], message);
                None
            }
            Err(Failure::Refused(message)) => {
                self.give_up(&[service], message);
                None
            }
            _ => Some(result),
        }
    }

    /// Ends the use of services, with a warning if they were in use.
    fn give_up(&self, services: &[Service], message: &str) {
        let mut news = false;
        self.off.send_if_modified(|off| {
            for service in services {
                let off = match service {
                    Service::Read => &mut off.read,
                    Service::Write => &mut off.write,
                    Service::Execute => &mut off.execute,
                };
                news |= !std::mem::replace(off, true);
            }
            news
        });
        if news {
            let what = match services {
                [Service::Read] => "objects are not read from the remote cache",
                [Service::Write] => "objects are not sent to the remote cache",
                [Service::Execute] => "backends run on this machine only",
                _ => "the remote servers are not used",
            };
            self.warnings.once(what, message);
        }
    }

    /// Warns once that a worker could not compile a module.
    async fn warn_of(&self, action: &Action, result: &ActionResult) {
        let stderr = match &result.stderr_digest {
            Some(digest) if result.stderr_raw.is_empty() => {
                self.store.read(digest).await.unwrap_or_default()
            }
            _ => result.stderr_raw.to_vec(),
        };
        let why = format!(
            "the backend of {} ended with exit code {}: {}",
            action.module,
            result.exit_code,
            String::from_utf8_lossy(&stderr).trim_end()
        );
        self.warnings
            .once("what fails on a worker is compiled here", why);
    }
}

/// Everything that a worker needs for an action.
fn blobs(action: &Action) -> Vec<&Blob> {
    let tree = action.compiler.tree.iter().flat_map(|tree| &tree.blobs);
    let inputs = action.inputs.iter().map(|(_, blob)| blob);
    let mut blobs: Vec<&Blob> = tree.chain(inputs).map(|blob| &**blob).collect();
    blobs.extend(&action.messages);
    blobs.push(&action.blob);
    blobs
}
