//! Loads the files of a project: `.bzl` modules, and the targets of `BUCK` files.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, anyhow};
use starlark::environment::{FrozenModule, Globals, GlobalsBuilder, LibraryExtension, Module};
use starlark::eval::{Evaluator, FileLoader};
use starlark::syntax::{AstModule, Dialect, DialectTypes};
use starlark::values::OwnedFrozenValue;

use crate::graph::Graph;
use crate::label::Label;
use crate::{command_line, dependency, natives};

/// The stand-ins for Buck2's own functions, in Starlark.
const API: &str = include_str!("api.bzl");

/// A project that is being built.
pub struct Workspace {
    /// The folder of the project.
    pub root: PathBuf,
    /// The folders of cells, by name; `root` is the project.
    cells: HashMap<String, PathBuf>,
    globals: Globals,
    api: FrozenModule,
    /// Modules by path, and `BUCK` files by `cell//package`.
    modules: RefCell<HashMap<String, FrozenModule>>,
    /// What the rules declare.
    pub graph: RefCell<Graph>,
}

/// The place of a file that is evaluated.
#[derive(Clone)]
pub struct Place {
    /// Its cell.
    pub cell: String,
    /// Its folder in the cell.
    pub package: String,
}

struct Loader {
    workspace: Rc<Workspace>,
    place: Place,
}

impl FileLoader for Loader {
    fn load(&self, path: &str) -> starlark::Result<FrozenModule> {
        let Place { cell, package } = &self.place;
        Ok(self.workspace.module(&Label::parse(path, cell, package)?)?)
    }
}

impl Workspace {
    /// The project in the folder `root`, with further cells.
    pub fn new(root: &Path, cells: &[(&str, PathBuf)]) -> anyhow::Result<Rc<Workspace>> {
        use LibraryExtension::{EnumType, Print, RecordType, SetType, StructType, Typing};
        let extensions = [EnumType, Print, RecordType, SetType, StructType, Typing];
        let globals = GlobalsBuilder::extended_by(&extensions)
            .with(command_line::functions)
            .with(dependency::functions)
            .with(natives::functions)
            .build();
        let api = Module::with_temp_heap(|module| -> anyhow::Result<FrozenModule> {
            let ast = parse("api.bzl", API.to_owned())?;
            Evaluator::new(&module)
                .eval_module(ast, &globals)
                .map_err(error)?;
            module.freeze().map_err(|error| anyhow!("{error:?}"))
        })?;
        let mut cells: HashMap<_, _> = cells
            .iter()
            .map(|(name, dir)| (name.to_string(), dir.clone()))
            .collect();
        cells.insert("root".into(), root.to_owned());
        Ok(Rc::new(Workspace {
            root: root.to_owned(),
            cells,
            globals,
            api,
            modules: RefCell::default(),
            graph: RefCell::default(),
        }))
    }

    /// A function or constant of the stand-ins.
    pub fn api(&self, name: &str) -> anyhow::Result<OwnedFrozenValue> {
        self.api.get(name)
    }

    fn folder(&self, cell: &str) -> anyhow::Result<&PathBuf> {
        self.cells
            .get(cell)
            .with_context(|| format!("there is no cell `{cell}`"))
    }

    /// The path of a folder of a cell in the project.
    pub fn package_path(&self, cell: &str, package: &str) -> anyhow::Result<String> {
        let path = self.folder(cell)?.join(package);
        let path = path
            .strip_prefix(&self.root)
            .context("outside of the project")?;
        Ok(path.to_string_lossy().trim_end_matches('/').to_owned())
    }

    fn module(self: &Rc<Self>, label: &Label) -> anyhow::Result<FrozenModule> {
        let path = self
            .folder(&label.cell)?
            .join(&label.package)
            .join(&label.name);
        let place = Place {
            cell: label.cell.clone(),
            package: label.package.clone(),
        };
        self.evaluate(&path, place, &[])
    }

    /// The target of a label.
    pub fn target(self: &Rc<Self>, label: &Label) -> anyhow::Result<OwnedFrozenValue> {
        let prelude = self.module(&Label::parse("prelude//:prelude.bzl", "root", "")?)?;
        let place = Place {
            cell: label.cell.clone(),
            package: label.package.clone(),
        };
        let path = self.folder(&label.cell)?.join(&label.package).join("BUCK");
        let module = self.evaluate(&path, place, &[prelude])?;
        let missing = || format!("there is no target {label} in {}", path.display());
        module
            .get(&format!("target {}", label.name))
            .with_context(missing)
    }

    fn evaluate(
        self: &Rc<Self>,
        path: &Path,
        place: Place,
        visible: &[FrozenModule],
    ) -> anyhow::Result<FrozenModule> {
        let name = path.to_string_lossy().into_owned();
        if let Some(module) = self.modules.borrow().get(&name) {
            return Ok(module.clone());
        }
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
        let module = Module::with_temp_heap(|module| -> anyhow::Result<FrozenModule> {
            for visible in [&self.api].into_iter().chain(visible) {
                module.import_public_symbols(visible);
            }
            let session = natives::Session {
                workspace: Rc::clone(self),
                place: Some(place.clone()),
            };
            let loader = Loader {
                workspace: Rc::clone(self),
                place,
            };
            let mut evaluator = Evaluator::new(&module);
            evaluator.set_loader(&loader);
            evaluator.extra = Some(&session);
            evaluator
                .eval_module(parse(&name, text)?, &self.globals)
                .map_err(error)?;
            drop(evaluator);
            module.freeze().map_err(|error| anyhow!("{error:?}"))
        })?;
        self.modules.borrow_mut().insert(name, module.clone());
        Ok(module)
    }
}

fn parse(name: &str, text: String) -> anyhow::Result<AstModule> {
    let dialect = Dialect {
        enable_types: DialectTypes::Enable,
        ..Dialect::Extended
    };
    AstModule::parse(name, text, &dialect).map_err(error)
}

/// An error of the interpreter with the places in the files that led to it.
pub fn error(error: starlark::Error) -> anyhow::Error {
    anyhow!("{error:?}")
}
