//! A backend as an action of the Remote Execution API, the digest of which is the key of its object.
//!
//! Modules are named after their content, so the action does not depend on folders, users or processes.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use bazel_remote_apis::build::bazel::remote::execution::v2 as reapi;
use helped::Helped;
use rayon::prelude::*;

use crate::blob::Blob;
use crate::compiler::{self, Compiler, Kind};
use crate::index;

const MODULES: &str = "modules";
const FILES: &str = "files";
const INDEX: &str = "index.thinlto.bc";
/// The name of the native object.
pub const OUTPUT: &str = "native.o";

/// One backend.
pub struct Job {
    /// Its compiler.
    pub compiler: Arc<Compiler>,
    /// The options of the compiler besides its inputs and outputs.
    pub options: Arc<[Argument]>,
    /// The folder that relative paths are relative to.
    pub dir: PathBuf,
    /// The module, under its path in the index.
    pub module: String,
    /// Its index.
    pub index: PathBuf,
    /// The native object.
    pub output: PathBuf,
}

/// An option of a compiler.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    /// A text.
    Text(String),
    /// A text and the path of a file that the compiler reads.
    File(String, PathBuf),
}

/// A job with everything that its object depends on.
pub struct Action {
    /// The module's path, for messages.
    pub module: String,
    /// The native object.
    pub output: PathBuf,
    /// The compiler.
    pub compiler: Arc<Compiler>,
    /// The arguments without the compiler.
    pub arguments: Vec<String>,
    /// The files in the input root besides the compiler, by their names.
    pub inputs: Vec<(String, Arc<Blob>)>,
    /// The command, and the folders of the input root without the compiler's.
    pub messages: Vec<Blob>,
    /// The action itself.
    pub blob: Blob,
}

impl Action {
    /// An action of these arguments and inputs, which are sorted by their names.
    pub(crate) fn new(
        module: String,
        output: PathBuf,
        compiler: Arc<Compiler>,
        arguments: Vec<String>,
        inputs: Vec<(String, Arc<Blob>)>,
        platform: &reapi::Platform,
    ) -> Action {
        let (mut messages, root) = input_root(&inputs, &compiler);
        let command = Blob::of_message(&reapi::Command {
            arguments: [&compiler.command[..], &arguments].concat(),
            output_paths: vec![OUTPUT.to_owned()],
            ..reapi::Command::default()
        });
        let blob = Blob::of_message(&reapi::Action {
            command_digest: Some(command.digest.clone()),
            input_root_digest: Some(root),
            platform: Some(platform.clone()),
            // What is on the worker is not among the inputs.
            salt: match compiler.tree {
                Some(_) => Vec::new(),
                None => compiler.identity.hash.clone().into_bytes(),
            },
            ..reapi::Action::default()
        });
        messages.push(command);
        Action {
            module,
            output,
            compiler,
            arguments,
            inputs,
            messages,
            blob,
        }
    }

    /// The key of the object.
    pub fn key(&self) -> &reapi::Digest {
        &self.blob.digest
    }

    /// The size of its inputs, the compiler not included.
    pub fn input_bytes(&self) -> i64 {
        self.inputs
            .iter()
            .map(|(_, blob)| blob.digest.size_bytes)
            .sum()
    }
}

/// The actions of `jobs`, on workers with the properties `platform`.
pub fn of_jobs(jobs: Vec<Job>, platform: &reapi::Platform) -> anyhow::Result<Vec<Action>> {
    // Jobs share modules.
    let paths = jobs.par_iter().map(|job| {
        let index = job.dir.join(&job.index);
        let file = fs::read(&index).with_context(|| format!("cannot read {}", index.display()))?;
        index::paths(&file).with_context(|| {
            let message = format!("cannot read the index {}", index.display());
            Helped::new(
                message,
                "it has to be one that lld of the compiler's LLVM wrote, for modules with ASCII paths",
            )
        })
    });
    let paths: Vec<Vec<String>> = paths.collect::<anyhow::Result<_>>()?;
    let mut files: Vec<PathBuf> = Vec::new();
    for (job, paths) in jobs.iter().zip(&paths) {
        let modules = paths.iter().chain([&job.module]);
        files.extend(modules.map(|path| job.dir.join(path)));
        files.extend(job.options.iter().filter_map(|option| match option {
            Argument::Text(_) => None,
            Argument::File(_, path) => Some(job.dir.join(path)),
        }));
    }
    files.sort();
    files.dedup();
    let blobs = files.into_par_iter().map(|path| {
        let blob = Blob::of_file(&path)?;
        Ok((path, Arc::new(blob)))
    });
    let blobs: HashMap<PathBuf, Arc<Blob>> = blobs.collect::<anyhow::Result<_>>()?;
    jobs.into_par_iter()
        .zip(paths)
        .map(|(job, paths)| action(job, &paths, &blobs, platform))
        .collect()
}

fn action(
    job: Job,
    paths: &[String],
    blobs: &HashMap<PathBuf, Arc<Blob>>,
    platform: &reapi::Platform,
) -> anyhow::Result<Action> {
    let blob = |path: &Path| &blobs[&job.dir.join(path)];
    let mut inputs = BTreeMap::new();
    let mut names = Vec::new();
    let own = lexical(&job.module);
    let mut module = None;
    for path in paths {
        let blob = blob(Path::new(path));
        // Modules with the same content are different modules.
        let hash = &blob.digest.hash;
        let name = (0..)
            .map(|count| match count {
                0 => format!("{MODULES}/{hash}.o"),
                _ => format!("{MODULES}/{hash}-{count}.o"),
            })
            .find(|name| !inputs.contains_key(name))
            .expect("there is a free number");
        if lexical(path) == own {
            module = Some(name.clone());
        }
        inputs.insert(name.clone(), blob.clone());
        names.push(name);
    }
    // The index of a module that was not selected may not name it.
    let module = module.unwrap_or_else(|| {
        let blob = blob(Path::new(&job.module));
        let name = format!("{MODULES}/{}.o", blob.digest.hash);
        inputs.insert(name.clone(), blob.clone());
        name
    });
    let index = Blob::of_index(&job.dir.join(&job.index), names)?;
    inputs.insert(INDEX.to_owned(), Arc::new(index));

    let mut options = Vec::new();
    for option in job.options.iter() {
        options.push(match option {
            Argument::Text(text) => text.clone(),
            Argument::File(text, path) => {
                let blob = blob(path);
                let name = format!("{FILES}/{}", blob.digest.hash);
                inputs.insert(name.clone(), blob.clone());
                format!("{text}{name}")
            }
        });
    }
    let arguments = arguments(job.compiler.kind, options, module);
    Ok(Action::new(
        job.module,
        job.dir.join(job.output),
        job.compiler,
        arguments,
        inputs.into_iter().collect(),
        platform,
    ))
}

fn arguments(kind: Kind, options: Vec<String>, module: String) -> Vec<String> {
    let (first, index): (&[&str], _) = match kind {
        // Files of the machine do not add options.
        Kind::Clang => (&["--no-default-config"], "-fthinlto-index"),
        Kind::Rustc => (&["-Zunstable-options", "--emit=obj"], "-Zthinlto-index"),
    };
    let mut arguments: Vec<String> = first.iter().map(|&text| text.to_owned()).collect();
    arguments.extend(options);
    arguments.extend([
        module,
        format!("{index}={INDEX}"),
        "-o".into(),
        OUTPUT.into(),
    ]);
    arguments
}

/// A path without `.` and repeated slashes, as the compilers compare them.
fn lexical(path: &str) -> PathBuf {
    Path::new(path).components().collect()
}

/// The folders of the input root, and the digest of the root.
fn input_root(inputs: &[(String, Arc<Blob>)], compiler: &Compiler) -> (Vec<Blob>, reapi::Digest) {
    let mut root = reapi::Directory::default();
    let mut folders: BTreeMap<&str, reapi::Directory> = BTreeMap::new();
    for (name, blob) in inputs {
        let (folder, name) = match name.split_once('/') {
            Some((folder, name)) => (folders.entry(folder).or_default(), name),
            None => (&mut root, &**name),
        };
        folder.files.push(reapi::FileNode {
            name: name.to_owned(),
            digest: Some(blob.digest.clone()),
            ..reapi::FileNode::default()
        });
    }
    let mut blobs = Vec::new();
    let mut nodes = Vec::new();
    if let Some(tree) = &compiler.tree {
        nodes.push((compiler::FOLDER, tree.root.clone()));
    }
    for (name, folder) in folders {
        let folder = Blob::of_message(&folder);
        nodes.push((name, folder.digest.clone()));
        blobs.push(folder);
    }
    // The names of a folder have to be sorted.
    nodes.sort_by_key(|&(name, _)| name);
    root.directories = nodes
        .into_iter()
        .map(|(name, digest)| reapi::DirectoryNode {
            name: name.to_owned(),
            digest: Some(digest),
        })
        .collect();
    let root = Blob::of_message(&root);
    let digest = root.digest.clone();
    blobs.push(root);
    (blobs, digest)
}
