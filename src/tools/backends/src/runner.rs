//! Runs actions: from a cache, on other machines, or on a pool of processes.

use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use anyhow::Context;
use bazel_remote_apis::build::bazel::remote::execution::v2::ActionResult;
use serde::{Deserialize, Serialize};
use tempfile::{NamedTempFile, TempDir};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::{self, JoinSet};
use tool_support::command::Usage;

use crate::action::{self, Action, Job};
use crate::cache::Cache;
use crate::children::Children;
use crate::compiler::{Compiler, Kind};
use crate::digests::Digests;
use crate::remote::{Cached, Remote};
use crate::settings::Settings;
use crate::signals::Signals;
use crate::tokens::Tokens;
use crate::warnings::Warnings;

/// Where a native object came from.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// The cache on this machine.
    Cache,
    /// The cache of a server.
    RemoteCache,
    /// A worker of a server.
    Worker,
    /// A process on this machine, with its resources.
    Compiled(Usage),
}

/// Counts of native objects by where they came from.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Counts {
    /// All of them.
    pub modules: usize,
    /// From the cache on this machine.
    pub cached: usize,
    /// From the cache of a server.
    pub remote_cached: usize,
    /// Compiled by workers of a server, or found in the cache there meanwhile.
    pub remote: usize,
    /// Compiled on this machine.
    pub compiled: usize,
}

impl Counts {
    /// Counts `sources`.
    pub fn of(sources: &[Source]) -> Counts {
        let mut counts = Counts::default();
        for source in sources {
            counts.modules += 1;
            match source {
                Source::Cache => counts.cached += 1,
                Source::RemoteCache => counts.remote_cached += 1,
                Source::Worker => counts.remote += 1,
                Source::Compiled(_) => counts.compiled += 1,
            }
        }
        counts
    }
}

/// Runs jobs with the same settings.
pub struct Runner {
    settings: Settings,
    shared: Arc<Shared>,
    digests: Digests,
    runtime: Runtime,
}

/// What the tasks of all jobs share.
struct Shared {
    cache: Cache,
    remote: Option<Remote>,
    tokens: Tokens,
    children: Children,
    /// Bounds the jobs that were started, each of which may have an object in memory.
    started: Semaphore,
    /// The folder for the folders of backends.
    dir: TempDir,
    warnings: Arc<Warnings>,
}

const NOT_CACHED: &str = "objects are not cached";

impl Runner {
    /// A runner with `settings`.
    pub fn new(settings: Settings) -> anyhow::Result<Runner> {
        let cache = Cache::of(&settings)?;
        let jobs = match settings.jobs {
            Some(jobs) => jobs,
            None => thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .context("cannot start threads")?;
        // Connections belong to it.
        let inside = runtime.enter();
        let warnings = Arc::new(Warnings::default());
        let shared = Shared {
            cache,
            remote: Remote::of(&settings, &warnings)?,
            tokens: Tokens::new(jobs)?,
            children: Children::default(),
            started: Semaphore::new(4 * jobs.get() + settings.remote_jobs.get()),
            dir: tempfile::Builder::new()
                .prefix("thinlto-")
                .tempdir()
                .context("cannot make a folder for temporary files")?,
            warnings,
        };
        drop(inside);
        Ok(Runner {
            settings,
            digests: Digests::new(&shared.cache.folder().join("digests")),
            shared: Arc::new(shared),
            runtime,
        })
    }

    /// Its settings.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether there are servers that are not used any more.
    pub fn gave_servers_up(&self) -> bool {
        self.shared.remote.as_ref().is_some_and(Remote::is_given_up)
    }

    /// The warnings so far, as they were printed.
    pub fn warnings(&self) -> Vec<String> {
        self.shared.warnings.texts()
    }

    /// Finds a compiler, as [`Compiler::find`] does.
    pub fn compiler(&self, kind: Kind, program: &Path) -> anyhow::Result<Arc<Compiler>> {
        let compiler = Compiler::find(kind, program, self.settings.remote_compiler, &self.digests)?;
        Ok(Arc::new(compiler))
    }

    /// Writes the object of each job, and returns where it came from. Calls `done` whenever one is
    /// written. If a job fails, no further ones are started.
    pub fn run(&self, jobs: Vec<Job>, done: impl Fn()) -> anyhow::Result<Vec<Source>> {
        self.runtime.block_on(async {
            let mut signals = Signals::catch().context("cannot wait for signals")?;
            let actions = action::of_jobs(jobs, &self.settings.platform())?;
            tokio::select! {
                sources = self.run_actions(actions, done) => sources,
                // Dropping the runner waits for the processes, and removes their files.
                () = signals.any() => {
                    self.shared.children.end();
                    anyhow::bail!("interrupted")
                }
            }
        })
    }

    async fn run_actions(
        &self,
        actions: Vec<Action>,
        done: impl Fn(),
    ) -> anyhow::Result<Vec<Source>> {
        let mut order: Vec<(usize, Action)> = actions.into_iter().enumerate().collect();
        // Longest first, so that no core idles at the end.
        order.sort_by_key(|(_, action)| std::cmp::Reverse(action.input_bytes()));
        let mut sources = vec![Source::Cache; order.len()];
        let mut tasks = JoinSet::new();
        for (index, action) in order {
            let shared = self.shared.clone();
            tasks.spawn(async move { Ok((index, shared.run(Arc::new(action)).await?)) });
        }
        while let Some(ended) = tasks.join_next().await {
            let ended: anyhow::Result<_> = ended?;
            let (index, source) = ended?;
            sources[index] = source;
            done();
        }
        let shared = self.shared.clone();
        task::spawn_blocking(move || {
            if let Err(error) = shared.cache.prune() {
                shared.warnings.once(NOT_CACHED, format!("{error:#}"));
            }
        })
        .await?;
        Ok(sources)
    }
}

impl Shared {
    async fn run(self: Arc<Shared>, action: Arc<Action>) -> anyhow::Result<Source> {
        let shared = self.clone();
        let _started = shared.started.acquire().await?;
        let from_cache = self.clone().blocking(action.clone(), |shared, action| {
            let Some(result) = shared.cache.get(action.key()) else {
                return Ok(false);
            };
            write(&result, &action.output)?;
            Ok(true)
        });
        if from_cache.await? {
            return Ok(Source::Cache);
        }
        if let Some(remote) = &self.remote {
            let found = match remote.cached(&action).await {
                Cached::Object(result) => Some((Source::RemoteCache, *result)),
                cached => {
                    let again = matches!(cached, Cached::Unusable);
                    let result = remote.execute(&action, again).await;
                    result.map(|result| (Source::Worker, result))
                }
            };
            if let Some((source, result)) = found {
                let kept = self.blocking(action, move |shared, action| {
                    shared.keep(action, &result)?;
                    Ok(source)
                });
                return kept.await;
            }
        }
        let token = self.tokens.take().await?;
        let compiled = self
            .clone()
            .blocking(action.clone(), move |shared, action| {
                let (result, usage) =
                    crate::local::run(action, shared.dir.path(), &shared.children)?;
                drop(token);
                shared.keep(action, &result)?;
                Ok((result, usage))
            });
        let (result, usage) = compiled.await?;
        if let Some(remote) = &self.remote {
            remote.put(&action, &result).await;
        }
        Ok(Source::Compiled(usage))
    }

    /// Writes the object, and puts it into the cache.
    fn keep(&self, action: &Action, result: &ActionResult) -> anyhow::Result<()> {
        if let Err(error) = self.cache.put(action.key(), result) {
            self.warnings.once(NOT_CACHED, format!("{error:#}"));
        }
        write(result, &action.output)
    }

    /// Runs `work` on a thread that may wait for the disk or a process.
    async fn blocking<T: Send + 'static>(
        self: Arc<Shared>,
        action: Arc<Action>,
        work: impl FnOnce(&Shared, &Action) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        task::spawn_blocking(move || work(&self, &action)).await?
    }
}

/// Writes the object of `result` to `path`, whole or not at all, and the compiler's messages.
fn write(result: &ActionResult, path: &Path) -> anyhow::Result<()> {
    let file = result
        .output_files
        .first()
        .context("a result has no object")?;
    let write = || -> anyhow::Result<()> {
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let mut whole = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        std::io::Write::write_all(&mut whole, &file.contents)?;
        whole.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))?;
    if !result.stderr_raw.is_empty() {
        eprint!("{}", String::from_utf8_lossy(&result.stderr_raw));
    }
    Ok(())
}
