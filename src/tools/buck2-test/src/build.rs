//! Builds an artifact: runs the actions that it needs, as soon as their inputs exist.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Mutex;

use anyhow::{Context, bail, ensure};
use rayon::prelude::*;
use starlark::environment::Module;
use starlark::eval::Evaluator;
use starlark::values::dict::AllocDict;
use starlark::values::list::AllocList;
use starlark::values::{Value, ValueLike};
use walkdir::WalkDir;

use crate::artifact::Artifact;
use crate::cache::Cache;
use crate::files;
use crate::graph::{Action, Kind, Producer};
use crate::label::Label;
use crate::natives::Session;
use crate::sandbox;
use crate::workspace::{self, Workspace};

/// A finished build.
pub struct Build {
    /// The path of the default output in the project.
    pub output: PathBuf,
    /// The commands that ran and were not cached, by category: identifiers, sorted.
    pub ran: BTreeMap<String, BTreeSet<String>>,
    /// All actions that the output depends on.
    pub actions: Vec<Action>,
}

/// Builds the default output of a target, with the outputs of earlier builds from the cache.
pub fn build(workspace: &Rc<Workspace>, target: &str, cache: &Cache) -> anyhow::Result<Build> {
    let outputs = workspace.root.join("buck-out");
    if outputs.exists() {
        fs::remove_dir_all(&outputs)?;
    }
    let label = Label::parse(target, "root", "")?;
    Module::with_temp_heap(|module| {
        let session = Session {
            workspace: Rc::clone(workspace),
            place: None,
        };
        let mut evaluator = Evaluator::new(&module);
        evaluator.disable_gc();
        evaluator.extra = Some(&session);
        let heap = evaluator.heap();
        let analyze = heap.access_owned_frozen_value(&workspace.api("analyze")?);
        let state = heap.alloc(AllocDict(Vec::<(String, String)>::new()));
        let label = heap.alloc(label.clone());
        let dependency = evaluator
            .eval_function(analyze, &[state, label], &[])
            .map_err(workspace::error)?;
        let artifact = default_output(dependency, workspace, &evaluator)?;

        let mut runner = Runner {
            workspace,
            cache,
            done: HashSet::new(),
            ran: Mutex::default(),
            hashes: Mutex::default(),
        };
        runner.make(&artifact, &mut evaluator)?;
        let actions = runner
            .done
            .iter()
            .map(|number| workspace.graph.borrow().actions[*number].clone());
        Ok(Build {
            output: workspace.root.join(artifact.path()),
            actions: actions.collect(),
            ran: runner.ran.into_inner().expect("not poisoned"),
        })
    })
}

fn default_output<'v>(
    dependency: Value<'v>,
    workspace: &Workspace,
    evaluator: &Evaluator<'v, '_, '_>,
) -> anyhow::Result<Artifact> {
    let heap = evaluator.heap();
    let info = heap.access_owned_frozen_value(&workspace.api("DefaultInfo")?);
    let info = dependency.at(info, heap).map_err(workspace::error)?;
    let output = info
        .get_attr("default_output", heap)
        .map_err(workspace::error)?;
    let output = output.and_then(|output| output.downcast_ref::<Artifact>());
    output.cloned().context("the target has no default output")
}

struct Runner<'a> {
    workspace: &'a Rc<Workspace>,
    cache: &'a Cache,
    done: HashSet<usize>,
    ran: Mutex<BTreeMap<String, BTreeSet<String>>>,
    /// Hashes of files that exist, by path.
    hashes: Mutex<HashMap<String, blake3::Hash>>,
}

/// What is missing to make an artifact.
#[derive(Default)]
struct Missing {
    ready: BTreeSet<usize>,
    dynamics: BTreeSet<usize>,
    visited: HashSet<usize>,
}

impl Runner<'_> {
    /// Makes an artifact and everything that it depends on.
    fn make<'v>(
        &mut self,
        artifact: &Artifact,
        evaluator: &mut Evaluator<'v, '_, '_>,
    ) -> anyhow::Result<()> {
        loop {
            let mut missing = Missing::default();
            if self.find(artifact, &mut missing)? {
                return Ok(());
            }
            if !missing.ready.is_empty() {
                let graph = self.workspace.graph.borrow();
                let actions: Vec<_> = missing
                    .ready
                    .iter()
                    .map(|number| &graph.actions[*number])
                    .collect();
                let folders = self.folders(&actions);
                let root = &self.workspace.root;
                let shared = Shared {
                    root,
                    cache: self.cache,
                    ran: &self.ran,
                    hashes: &self.hashes,
                };
                actions
                    .par_iter()
                    .zip(folders)
                    .try_for_each(|(action, folders)| {
                        shared
                            .run(action, &folders)
                            .with_context(|| format!("{} failed", action.name()))
                    })?;
                self.done.extend(missing.ready);
                continue;
            }
            let dynamic = missing
                .dynamics
                .first()
                .copied()
                .context("a cycle of actions")?;
            self.call(dynamic, evaluator)?;
        }
    }

    /// For each action, whether each of its outputs is a folder.
    fn folders(&self, actions: &[&Action]) -> Vec<Vec<bool>> {
        let graph = self.workspace.graph.borrow();
        let folders = |action: &&Action| {
            action
                .outputs
                .iter()
                .map(|it| graph.is_folder(it))
                .collect()
        };
        actions.iter().map(folders).collect()
    }

    /// Whether an artifact exists. If not, adds what can be done for it.
    fn find(&self, artifact: &Artifact, missing: &mut Missing) -> anyhow::Result<bool> {
        let graph = self.workspace.graph.borrow();
        match graph.producer(artifact)? {
            None => Ok(true),
            Some(Producer::Action(number)) if self.done.contains(&number) => Ok(true),
            Some(Producer::Action(number)) => {
                if missing.visited.insert(number) {
                    let mut complete = true;
                    for input in &graph.actions[number].inputs {
                        complete &= self.find(input, missing)?;
                    }
                    if complete {
                        missing.ready.insert(number);
                    }
                }
                Ok(false)
            }
            Some(Producer::Dynamic(number)) => {
                let mut complete = true;
                for file in &graph.dynamics[number].reads {
                    complete &= self.find(file, missing)?;
                }
                if complete {
                    missing.dynamics.insert(number);
                }
                Ok(false)
            }
        }
    }

    /// Calls a function that declares actions for its outputs.
    fn call<'v>(
        &self,
        dynamic: usize,
        evaluator: &mut Evaluator<'v, '_, '_>,
    ) -> anyhow::Result<()> {
        let (function, reads, outputs) = {
            let mut graph = self.workspace.graph.borrow_mut();
            graph.release(dynamic);
            let dynamic = &graph.dynamics[dynamic];
            (
                dynamic.function.clone(),
                dynamic.reads.clone(),
                dynamic.outputs.clone(),
            )
        };
        let heap = evaluator.heap();
        let run = heap.access_owned_frozen_value(&self.workspace.api("run_dynamic")?);
        let function = evaluator.module().get(&function).context("a function")?;
        let reads = heap.alloc(AllocList(reads));
        let bound = outputs.clone();
        let outputs = heap.alloc(AllocList(outputs));
        evaluator
            .eval_function(run, &[function, reads, outputs], &[])
            .map_err(workspace::error)?;
        for output in &bound {
            self.workspace.graph.borrow().producer(output)?;
        }
        Ok(())
    }
}

/// What actions that run at the same time share.
struct Shared<'a> {
    root: &'a Path,
    cache: &'a Cache,
    ran: &'a Mutex<BTreeMap<String, BTreeSet<String>>>,
    hashes: &'a Mutex<HashMap<String, blake3::Hash>>,
}

impl Shared<'_> {
    fn run(&self, action: &Action, folders: &[bool]) -> anyhow::Result<()> {
        let outputs: Vec<_> = action
            .outputs
            .iter()
            .map(|it| self.root.join(it.path()))
            .collect();
        match &action.kind {
            Kind::Run { words, env } => {
                let inputs = self.inputs(action)?;
                let key = self.key(words, env, action, &inputs)?;
                if self.cache.restore(&key, &outputs)? {
                    return Ok(());
                }
                self.run_command(action, words, env, &inputs, folders)?;
                self.cache.store(&key, &outputs)?;
                let mut ran = self.ran.lock().expect("not poisoned");
                ran.entry(action.category.clone())
                    .or_default()
                    .insert(action.identifier.clone());
            }
            Kind::Write { text, executable } => {
                fs::create_dir_all(outputs[0].parent().context("a root")?)?;
                fs::write(&outputs[0], text)?;
                let mode = if *executable { 0o755 } else { 0o644 };
                fs::set_permissions(&outputs[0], Permissions::from_mode(mode))?;
            }
            Kind::Link(entries) => {
                fs::create_dir_all(&outputs[0])?;
                for (name, to) in entries {
                    let link = outputs[0].join(name);
                    fs::create_dir_all(link.parent().context("a root")?)?;
                    let depth =
                        action.outputs[0].path().split('/').count() + name.split('/').count() - 1;
                    symlink("../".repeat(depth) + &to.path(), link)?;
                }
            }
        }
        Ok(())
    }

    /// The paths of all inputs, with the files that symbolic links in them lead to.
    fn inputs(&self, action: &Action) -> anyhow::Result<BTreeSet<String>> {
        let mut inputs = BTreeSet::new();
        for input in &action.inputs {
            let path = input.path();
            let place = self.root.join(&path);
            ensure!(place.exists(), "the input {path} does not exist");
            for entry in WalkDir::new(&place) {
                let entry = entry?;
                if entry.path_is_symlink() {
                    let target = fs::canonicalize(entry.path())?;
                    let target = target.strip_prefix(fs::canonicalize(self.root)?)?;
                    inputs.insert(target.to_string_lossy().into_owned());
                }
            }
            inputs.insert(path);
        }
        Ok(inputs)
    }

    /// The hash of all that the outputs of a command depend on.
    fn key(
        &self,
        words: &[String],
        env: &BTreeMap<String, String>,
        action: &Action,
        inputs: &BTreeSet<String>,
    ) -> anyhow::Result<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        let outputs: Vec<_> = action.outputs.iter().map(Artifact::path).collect();
        hasher.update(serde_json::to_string(&(words, env, outputs))?.as_bytes());
        for input in inputs {
            hasher.update(input.as_bytes());
            hasher.update(self.hash(input)?.as_bytes());
        }
        Ok(hasher.finalize())
    }

    fn hash(&self, input: &str) -> anyhow::Result<blake3::Hash> {
        if let Some(hash) = self.hashes.lock().expect("not poisoned").get(input) {
            return Ok(*hash);
        }
        let mut hasher = blake3::Hasher::new();
        files::hash(&self.root.join(input), &mut hasher)?;
        let hash = hasher.finalize();
        self.hashes
            .lock()
            .expect("not poisoned")
            .insert(input.to_owned(), hash);
        Ok(hash)
    }

    fn run_command(
        &self,
        action: &Action,
        words: &[String],
        env: &BTreeMap<String, String>,
        inputs: &BTreeSet<String>,
        folders: &[bool],
    ) -> anyhow::Result<()> {
        let sandbox = tempfile::tempdir_in(self.root.parent().context("a root")?)?;
        let folder = sandbox.path();
        for input in inputs {
            let to = folder.join(input);
            if !to.exists() {
                files::copy(&self.root.join(input), &to)?;
            }
        }
        for output in &action.outputs {
            let path = folder.join(output.path());
            fs::create_dir_all(path.parent().context("a root")?)?;
        }
        let before = sandbox::state(folder)?;
        sandbox::run(folder, words, env)?;
        let after = sandbox::state(folder)?;
        if let Some((path, ..)) = before.iter().find(|file| !after.contains(file)) {
            bail!(
                "it changed its input {}",
                path.strip_prefix(folder)?.display()
            );
        }
        for (output, is_folder) in action.outputs.iter().zip(folders) {
            let made = folder.join(output.path());
            ensure!(made.exists(), "it made no {}", output.path());
            ensure!(
                made.is_dir() == *is_folder,
                "{} is no file, or no folder",
                output.path()
            );
            let to = self.root.join(output.path());
            fs::create_dir_all(to.parent().context("a root")?)?;
            fs::rename(made, to)?;
        }
        Ok(())
    }
}
