//! Reads rustc's description of a link (`--emit=link-inputs`).

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use helped::Helped;
use serde::Deserialize;

use crate::linker::Linker;
use crate::program::{Module, Part, Program};

/// The version of the format.
const VERSION: u32 = 1;

/// The fields of the file that the driver needs.
#[derive(Deserialize)]
struct LinkInputs {
    version: u32,
    crate_name: String,
    modules: Vec<Object>,
    allocator_module: Option<Object>,
    links: Vec<Link>,
}

#[derive(Deserialize)]
struct Object {
    /// `None` for a module of a crate that does not take part in LTO.
    object: Option<PathBuf>,
    thin_link_bitcode: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Link {
    output: String,
    symbols_object: Option<PathBuf>,
    linker: Option<Linker>,
    arguments: Vec<String>,
    upstream_crates: Vec<Crate>,
}

#[derive(Deserialize)]
struct Crate {
    name: String,
    kind: Kind,
    path: PathBuf,
    modules: Vec<Object>,
    native_archive: Option<PathBuf>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Rlib,
    Dylib,
}

/// Reads the description `path` of one link.
pub fn read(path: &Path) -> anyhow::Result<Program> {
    let text = fs::read_to_string(path).with_context(|| {
        Helped::new(
            format!("cannot read the link inputs {}", path.display()),
            "`--emit=link-inputs` of a compiler that `./x.py build` built writes them",
        )
    })?;
    parse(&text).with_context(|| format!("cannot use {}", path.display()))
}

/// The description of a link as a program to link.
pub(crate) fn parse(text: &str) -> anyhow::Result<Program> {
    let inputs: LinkInputs = serde_json::from_str(text).with_context(|| {
        Helped::new(
            "it is not a file of link inputs",
            "pass the file that `--emit=link-inputs` wrote",
        )
    })?;
    if inputs.version != VERSION {
        let message = format!("its version is {}, not {VERSION}", inputs.version);
        let help = "use the compiler and the `rust-thinlto` of one build";
        return Err(Helped::new(message, help).into());
    }
    let crate_name = inputs.crate_name;
    let mut links = inputs.links.into_iter();
    let (Some(link), None) = (links.next(), links.next()) else {
        let message = format!("rustc links {crate_name} to several files or to none");
        return Err(Helped::new(message, "pass one `--crate-type` that is not `rlib`").into());
    };
    let linker = link.linker.context("an archiver makes a `staticlib`")?;
    let mut modules = Vec::new();
    let mut natives: Vec<PathBuf> = link.symbols_object.into_iter().collect();
    // The parts that arguments stand for.
    let mut places = HashMap::new();
    for object in inputs.modules.into_iter().chain(inputs.allocator_module) {
        let path = object
            .object
            .context("a module of the crate has no object")?;
        match object.thin_link_bitcode {
            Some(summary) => {
                places.insert(path.clone(), Some(Part::Module(modules.len())));
                modules.push(Module::new(&crate_name, path, summary)?);
            }
            None => natives.push(path),
        }
    }
    for upstream in link.upstream_crates {
        if upstream.kind == Kind::Dylib {
            continue;
        }
        let first = modules.len();
        for object in upstream.modules {
            if let (Some(bitcode), Some(summary)) = (object.object, object.thin_link_bitcode) {
                modules.push(Module::new(&upstream.name, bitcode, summary)?);
            }
        }
        natives.extend(upstream.native_archive.clone());
        let part = Part::Crate {
            name: upstream.name,
            modules: first..modules.len(),
            native: upstream.native_archive,
        };
        places.insert(upstream.path, Some(part));
    }

    let mut parts = Vec::new();
    let mut arguments = link.arguments.into_iter().peekable();
    while let Some(argument) = arguments.next() {
        if argument == "-o" && arguments.next_if_eq(&link.output).is_some() {
            parts.push(Part::Output);
            continue;
        }
        match places.get_mut(Path::new(&argument)) {
            // rustc names a crate once; another argument of this path stands for nothing more.
            Some(part) => parts.extend(part.take()),
            None => parts.push(Part::Verbatim(argument)),
        }
    }
    ensure!(
        parts.contains(&Part::Output),
        "no argument stands for the output {}",
        link.output
    );
    if let Some(part) = places.into_values().flatten().find(Part::has_modules) {
        let module = &modules[part.modules().start];
        bail!("no argument stands for {}", module.bitcode.display());
    }
    Program::new(crate_name, linker, parts, modules, natives)
}
