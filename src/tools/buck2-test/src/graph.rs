//! What the rules declare: outputs, actions, and functions that declare more once they can read a file.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context, bail, ensure};

use crate::artifact::Artifact;

/// What an action does.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Runs a command in the root of the project.
    Run {
        /// The program and its arguments.
        words: Vec<String>,
        /// All environment variables but `PATH`.
        env: BTreeMap<String, String>,
    },
    /// Writes a file.
    Write {
        /// The content.
        text: String,
        /// Whether it can be executed.
        executable: bool,
    },
    /// Makes a folder of symbolic links.
    Link(BTreeMap<String, Artifact>),
}

/// A declared action.
#[derive(Clone, Debug)]
pub struct Action {
    /// The target that declared it.
    pub owner: String,
    /// What it is for, the same for like actions.
    pub category: String,
    /// The difference to other actions of the category.
    pub identifier: String,
    /// What it does.
    pub kind: Kind,
    /// The files and folders that it may read.
    pub inputs: Vec<Artifact>,
    /// The files and folders that it makes.
    pub outputs: Vec<Artifact>,
}

impl Action {
    /// The action in messages.
    pub fn name(&self) -> String {
        let Action {
            owner,
            category,
            identifier,
            ..
        } = self;
        format!("{owner} ({category} {identifier})").replace(" )", ")")
    }
}

/// A function that reads files and declares actions.
#[derive(Debug)]
pub struct Dynamic {
    /// The variable of the module that has the function.
    pub function: String,
    /// The files that it reads.
    pub reads: Vec<Artifact>,
    /// The artifacts for which it declares actions.
    pub outputs: Vec<Artifact>,
}

/// What makes an artifact.
#[derive(Clone, Copy, Debug)]
pub enum Producer {
    /// The index of an action.
    Action(usize),
    /// The index of a function that will declare the action.
    Dynamic(usize),
}

/// All declarations of a build.
#[derive(Default)]
pub struct Graph {
    /// Whether each declared output is a folder, by path.
    outputs: HashMap<String, bool>,
    producers: HashMap<String, Producer>,
    names: HashSet<String>,
    /// The actions, in the order of their declaration.
    pub actions: Vec<Action>,
    /// The functions, in the order of their declaration.
    pub dynamics: Vec<Dynamic>,
}

impl Graph {
    /// Declares the output `short_path` of a target.
    pub fn declare(
        &mut self,
        folder: &str,
        short_path: &str,
        dir: bool,
    ) -> anyhow::Result<Artifact> {
        let base = format!("{folder}/{short_path}");
        for other in self.outputs.keys() {
            let below = |path: &str, folder: &str| {
                path.strip_prefix(folder)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            ensure!(
                !below(&base, other) && !below(other, &base),
                "{base} and {other} are declared"
            );
        }
        self.outputs.insert(base.clone(), dir);
        Ok(Artifact {
            base,
            projected: String::new(),
            short_path: short_path.to_owned(),
            is_source: false,
        })
    }

    /// Whether a declared output is a folder.
    pub fn is_folder(&self, artifact: &Artifact) -> bool {
        self.outputs[&artifact.base]
    }

    /// Adds an action. Each of its outputs has to be declared, and not yet bound to another action.
    pub fn add(&mut self, action: Action) -> anyhow::Result<()> {
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        ensure!(
            action.category.chars().all(letters),
            "`{}` is no category",
            action.category
        );
        ensure!(
            !action.outputs.is_empty(),
            "{} has no output",
            action.name()
        );
        ensure!(
            self.names.insert(action.name()),
            "two actions are {}",
            action.name()
        );
        self.bind(&action.outputs, Producer::Action(self.actions.len()))
            .with_context(|| action.name())?;
        self.actions.push(action);
        Ok(())
    }

    /// Adds a function.
    pub fn add_dynamic(&mut self, dynamic: Dynamic) -> anyhow::Result<()> {
        ensure!(
            !dynamic.outputs.is_empty(),
            "a dynamic output without outputs"
        );
        self.bind(&dynamic.outputs, Producer::Dynamic(self.dynamics.len()))?;
        self.dynamics.push(dynamic);
        Ok(())
    }

    /// Lets a function declare the actions of its outputs.
    pub fn release(&mut self, dynamic: usize) {
        for output in &self.dynamics[dynamic].outputs {
            self.producers.remove(&output.base);
        }
    }

    fn bind(&mut self, outputs: &[Artifact], producer: Producer) -> anyhow::Result<()> {
        for output in outputs {
            ensure!(
                self.outputs.contains_key(&output.base),
                "{output} is not declared"
            );
            if let Some(other) = self.producers.insert(output.base.clone(), producer) {
                bail!("{output} is already the output of {other:?}");
            }
        }
        Ok(())
    }

    /// What makes an artifact, or `None` for a source.
    pub fn producer(&self, artifact: &Artifact) -> anyhow::Result<Option<Producer>> {
        if artifact.is_source {
            return Ok(None);
        }
        let producer = self.producers.get(&artifact.base);
        Ok(Some(
            *producer.with_context(|| format!("no action makes {artifact}"))?,
        ))
    }
}
