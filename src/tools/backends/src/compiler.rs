//! The compiler of a backend: the program with all of its libraries, as a tree of files.
//!
//! The tree is the compiler's identity in keys, and what a worker gets. It includes the dynamic loader,
//! through which a worker starts the program, so the worker's own libraries do not matter.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::Context;
use bazel_remote_apis::build::bazel::remote::execution::v2::{
    Digest, Directory, DirectoryNode, FileNode,
};
use helped::Helped;
use object::read::elf::{ElfFile64, ProgramHeader};
use rayon::prelude::*;
use tool_support::command;

use crate::blob::Blob;
use crate::digests::Digests;

/// The folder of the compiler in the input root of an action.
pub const FOLDER: &str = "compiler";

/// What kind of program a compiler is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// clang, with `-fthinlto-index`.
    Clang,
    /// rustc of this fork, with `-Zthinlto-index`.
    Rustc,
}

/// Where the compiler of a remote action is.
#[derive(Clone, Copy, Debug, Default, PartialEq, clap::ValueEnum)]
pub enum Delivery {
    /// It is part of the action's inputs.
    #[default]
    Sent,
    /// It is on the worker, under the path that it has here.
    Installed,
}

/// A compiler.
#[derive(Debug)]
pub struct Compiler {
    /// What kind of program it is.
    pub kind: Kind,
    /// The program on this machine.
    pub program: PathBuf,
    /// The first arguments of its commands in actions.
    pub command: Vec<String>,
    /// Its files if it is sent.
    pub tree: Option<Tree>,
    /// The digest of all of its files.
    pub identity: Digest,
}

/// A folder with everything below it.
#[derive(Debug)]
pub struct Tree {
    /// The digest of the folder.
    pub root: Digest,
    /// All of its folders and files.
    pub blobs: Vec<Arc<Blob>>,
}

impl Compiler {
    /// Finds the libraries of `program`, a path or a name in `PATH`, and hashes all files.
    pub fn find(
        kind: Kind,
        program: &Path,
        delivery: Delivery,
        digests: &Digests,
    ) -> anyhow::Result<Compiler> {
        let named = which::which(program)
            .with_context(|| format!("cannot find the compiler {}", program.display()))?;
        let program = match kind {
            Kind::Clang => named.clone(),
            Kind::Rustc => rustc_of_sysroot(&named)?,
        };
        let program = fs::canonicalize(&program)
            .with_context(|| format!("cannot find {}", program.display()))?;
        let name = match kind {
            Kind::Clang => "clang",
            Kind::Rustc => "rustc",
        };
        let (loader, libraries) = libraries(&program)?;
        let mut bin = BTreeMap::from([(name.to_owned(), program.clone())]);
        let mut command = Vec::new();
        if let Some(loader) = loader {
            bin.insert("loader".to_owned(), loader);
            command = [&format!("{FOLDER}/bin/loader"), "--library-path"]
                .map(str::to_owned)
                .into();
            command.push(format!("{FOLDER}/lib"));
        }
        command.push(format!("{FOLDER}/bin/{name}"));
        let tree = tree(&bin, &libraries, digests)?;
        let identity = tree.root.clone();
        let installed = delivery == Delivery::Installed;
        if installed {
            command = vec![named.to_string_lossy().into_owned()];
        }
        Ok(Compiler {
            kind,
            program,
            command,
            tree: (!installed).then_some(tree),
            identity,
        })
    }
}

/// The program that a `rustc` of rustup runs.
fn rustc_of_sysroot(rustc: &Path) -> anyhow::Result<PathBuf> {
    let output = command::run(Command::new(rustc).args(["--print", "sysroot"]))?.stdout;
    let sysroot = String::from_utf8(output).context("the sysroot's path is not UTF-8")?;
    Ok(Path::new(sysroot.trim_end()).join("bin/rustc"))
}

/// The dynamic loader of `program`, and the libraries that it loads, by their names. A program that
/// is linked statically has neither.
fn libraries(program: &Path) -> anyhow::Result<(Option<PathBuf>, BTreeMap<String, PathBuf>)> {
    let file = fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
    let elf = ElfFile64::<object::Endianness>::parse(&*file).with_context(|| {
        let message = format!("{} is not an ELF program", program.display());
        Helped::new(
            message,
            "name the compiler itself, not a script that starts it: its files are part of the cache's keys",
        )
    })?;
    let mut loader = None;
    for header in elf.elf_program_headers() {
        if let Some(path) = header.interpreter(elf.endian(), &*file)? {
            loader = Some(PathBuf::from(std::str::from_utf8(path)?));
        }
    }
    let Some(loader) = loader else {
        return Ok((None, BTreeMap::new()));
    };
    let listed = command::run(Command::new(&loader).arg("--list").arg(program))
        .with_context(|| format!("cannot list the libraries of {}", program.display()))?;
    let listed = String::from_utf8(listed.stdout).context("a library's path is not UTF-8")?;
    let mut libraries = BTreeMap::new();
    for line in listed.lines() {
        // `libm.so.6 => /lib/libm.so.6 (0x7f…)`; the loader and the kernel's library have no arrow.
        let Some((name, rest)) = line.trim().split_once(" => ") else {
            continue;
        };
        let path = rest.rsplit_once(" (").map(|(path, _)| Path::new(path));
        let path = path
            .filter(|path| path.is_absolute())
            .with_context(|| format!("{} needs {name}, which is {rest}", program.display()))?;
        if Path::new(name).is_relative() {
            libraries.insert(name.to_owned(), path.to_owned());
        }
    }
    Ok((Some(loader), libraries))
}

/// The folders `bin` and `lib` with these files.
fn tree(
    bin: &BTreeMap<String, PathBuf>,
    lib: &BTreeMap<String, PathBuf>,
    digests: &Digests,
) -> anyhow::Result<Tree> {
    let mut blobs = Vec::new();
    let mut root = Directory::default();
    for (name, files) in [("bin", bin), ("lib", lib)] {
        let files: Vec<_> = files.iter().collect();
        let hashed = files.par_iter().map(|(_, path)| digests.blob(path));
        let hashed: Vec<Blob> = hashed.collect::<anyhow::Result<_>>()?;
        let mut directory = Directory::default();
        for ((name, _), blob) in files.into_iter().zip(hashed) {
            directory.files.push(FileNode {
                name: name.clone(),
                digest: Some(blob.digest.clone()),
                is_executable: true,
                ..FileNode::default()
            });
            blobs.push(Arc::new(blob));
        }
        let directory = Blob::of_message(&directory);
        root.directories.push(DirectoryNode {
            name: name.to_owned(),
            digest: Some(directory.digest.clone()),
        });
        blobs.push(Arc::new(directory));
    }
    let root_blob = Blob::of_message(&root);
    let digest = root_blob.digest.clone();
    blobs.push(Arc::new(root_blob));
    Ok(Tree {
        root: digest,
        blobs,
    })
}
