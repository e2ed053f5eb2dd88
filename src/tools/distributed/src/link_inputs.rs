//! Reads rustc's description of a link (`--emit=link-inputs`).

use std::collections::{BTreeMap, HashMap};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use helped::Helped;
use serde::Deserialize;

use crate::pairs::{BITCODE, SUMMARY};

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
    output: PathBuf,
    symbols_object: Option<PathBuf>,
    linker: Option<Linker>,
    arguments: Vec<String>,
    upstream_crates: Vec<Crate>,
}

#[derive(Deserialize)]
struct Linker {
    program: PathBuf,
    /// Variables to set, or to unset if there is no value.
    environment: BTreeMap<String, Option<String>>,
    /// The folders to search before those of `PATH`.
    path: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Crate {
    name: String,
    path: PathBuf,
    modules: Vec<Object>,
    native_archive: Option<PathBuf>,
}

/// A bitcode module: a codegen unit, also of std's crates, or the allocator shim.
#[derive(Debug, PartialEq)]
pub struct Module {
    /// The name of its crate.
    pub crate_name: String,
    /// The name of the module in indexes: the file name of its bitcode.
    pub name: String,
    /// The path of its bitcode.
    pub bitcode: PathBuf,
    /// The path of its summary.
    pub summary: PathBuf,
    /// The size of its bitcode.
    pub bitcode_bytes: u64,
    /// The size of its summary.
    pub summary_bytes: u64,
}

impl Module {
    fn new(crate_name: &str, bitcode: PathBuf, summary: PathBuf) -> anyhow::Result<Module> {
        let name = bitcode.file_name().and_then(|name| name.to_str());
        let name = name.with_context(|| format!("{} has no name", bitcode.display()))?;
        ensure!(
            name.ends_with(BITCODE),
            "{} does not end in {BITCODE}",
            bitcode.display()
        );
        Ok(Module {
            crate_name: crate_name.to_owned(),
            name: name.to_owned(),
            bitcode_bytes: bytes(&bitcode)?,
            summary_bytes: bytes(&summary)?,
            bitcode,
            summary,
        })
    }

    /// The name of the summary in a thin link. [`crate::pairs::suffix_replace`] turns it into
    /// [`Module::name`].
    pub fn summary_name(&self) -> String {
        let stem = self.name.strip_suffix(BITCODE).expect("it was checked");
        format!("{stem}{SUMMARY}")
    }
}

/// A program to link.
pub struct Program {
    linker: Linker,
    /// The linker's `PATH`.
    path: OsString,
    parts: Vec<Part>,
    /// The modules, in the order of the link.
    pub modules: Vec<Module>,
    /// The objects and archives of native code that rustc names to the linker.
    pub natives: Vec<PathBuf>,
}

/// A part of the linker's command line.
#[derive(Debug, PartialEq)]
enum Part {
    /// An argument that stays as it is.
    Verbatim(String),
    /// The output file.
    Output,
    /// The module at this index.
    Module(usize),
    /// The modules of a crate, linked only if something needs them.
    Lazy(Vec<usize>),
}

/// Reads the description `path` of one binary.
pub fn read(path: &Path) -> anyhow::Result<Program> {
    let text = fs::read_to_string(path).with_context(|| {
        Helped::new(
            format!("rustc wrote no link inputs to {}", path.display()),
            "pass a compiler that `./x.py build` built",
        )
    })?;
    parse(&text).with_context(|| format!("cannot use {}", path.display()))
}

fn parse(text: &str) -> anyhow::Result<Program> {
    let inputs: LinkInputs = serde_json::from_str(text)?;
    ensure!(
        inputs.version == VERSION,
        "its version is {}, not {VERSION}",
        inputs.version
    );
    let mut links = inputs.links.into_iter();
    let (Some(link), None) = (links.next(), links.next()) else {
        bail!(
            "rustc links {} to several files or to none",
            inputs.crate_name
        );
    };
    let linker = link.linker.context("rustc names no linker")?;
    let own_path = env::var_os("PATH").unwrap_or_default();
    let folders = linker.path.iter().cloned();
    let mut program = Program {
        path: env::join_paths(folders.chain(env::split_paths(&own_path)))?,
        linker,
        parts: Vec::new(),
        modules: Vec::new(),
        natives: link.symbols_object.into_iter().collect(),
    };
    // The replacements of arguments.
    let mut places = HashMap::new();
    places.insert(link.output, vec![Part::Output]);
    for object in inputs.modules.into_iter().chain(inputs.allocator_module) {
        let path = object
            .object
            .context("a module of the crate has no object")?;
        match object.thin_link_bitcode {
            Some(summary) => {
                let number = program.add(&inputs.crate_name, path.clone(), summary)?;
                places.insert(path, vec![Part::Module(number)]);
            }
            None => program.natives.push(path),
        }
    }
    for Crate {
        name,
        path,
        modules,
        native_archive,
    } in link.upstream_crates
    {
        let mut numbers = Vec::new();
        for object in modules {
            if let (Some(bitcode), Some(summary)) = (object.object, object.thin_link_bitcode) {
                numbers.push(program.add(&name, bitcode, summary)?);
            }
        }
        let mut parts = Vec::new();
        if !numbers.is_empty() {
            parts.push(Part::Lazy(numbers));
        }
        if let Some(archive) = native_archive {
            parts.push(Part::Verbatim(archive.display().to_string()));
            program.natives.push(archive);
        }
        places.insert(path, parts);
    }
    for argument in link.arguments {
        match places.remove(Path::new(&argument)) {
            Some(parts) => program.parts.extend(parts),
            None => program.parts.push(Part::Verbatim(argument)),
        }
    }
    program.check()?;
    Ok(program)
}

impl Program {
    /// Adds a module and returns its index.
    fn add(
        &mut self,
        crate_name: &str,
        bitcode: PathBuf,
        summary: PathBuf,
    ) -> anyhow::Result<usize> {
        self.modules
            .push(Module::new(crate_name, bitcode, summary)?);
        Ok(self.modules.len() - 1)
    }

    /// Checks that each module has a unique name and a place in the command line.
    fn check(&self) -> anyhow::Result<()> {
        let mut names = HashMap::new();
        for module in &self.modules {
            if let Some(other) = names.insert(&module.name, module) {
                bail!(
                    "{} and {} have the same name",
                    other.bitcode.display(),
                    module.bitcode.display()
                );
            }
        }
        let mut placed = vec![false; self.modules.len()];
        for part in &self.parts {
            match part {
                Part::Module(number) => placed[*number] = true,
                Part::Lazy(numbers) => numbers.iter().for_each(|number| placed[*number] = true),
                Part::Output | Part::Verbatim(_) => {}
            }
        }
        match placed.iter().position(|placed| !placed) {
            Some(number) => {
                bail!(
                    "no argument stands for {}",
                    self.modules[number].bitcode.display()
                )
            }
            None => Ok(()),
        }
    }

    /// The bytes of [`Program::natives`].
    pub fn native_bytes(&self) -> anyhow::Result<u64> {
        self.natives.iter().map(|path| bytes(path)).sum()
    }

    /// The linker's command line for the file `output`. `replace` returns the argument for each
    /// module, or `None` to omit it. If `lazy`, modules of other crates are between `--start-lib` and
    /// `--end-lib`, so that the linker treats them like members of an archive.
    pub fn command(
        &self,
        output: &Path,
        lazy: bool,
        replace: impl Fn(&Module) -> Option<OsString>,
    ) -> Command {
        let mut command = Command::new(&self.linker.program);
        command.env("PATH", &self.path);
        for (name, value) in &self.linker.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        for part in &self.parts {
            match part {
                Part::Verbatim(word) => {
                    command.arg(word);
                }
                Part::Output => {
                    command.arg(output);
                }
                Part::Module(number) => {
                    command.args(replace(&self.modules[*number]));
                }
                Part::Lazy(numbers) => {
                    let modules = numbers.iter().map(|number| &self.modules[*number]);
                    command.args(lazy.then_some("-Wl,--start-lib"));
                    command.args(modules.filter_map(&replace));
                    command.args(lazy.then_some("-Wl,--end-lib"));
                }
            }
        }
        command
    }
}

/// The size of the file `path`.
pub(crate) fn bytes(path: &Path) -> anyhow::Result<u64> {
    let metadata = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(metadata.len())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    const TEXT: &str = r#"{ "version": 1, "crate_name": "p", "target": "t",
      "modules": [ {"name": "p.0", "object": "D/p.0.rcgu.o", "thin_link_bitcode": "D/p.0.rcgu.indexing.o"} ],
      "allocator_module": {"name": "p.a", "object": "D/p.a.rcgu.o", "thin_link_bitcode": "D/p.a.rcgu.indexing.o"},
      "links": [ { "crate_type": "bin", "output": "D/p", "symbols_object": "D/symbols.o", "metadata_object": null,
        "linker": {"program": "cc", "flavor": "gnu-cc", "environment": {"LC_ALL": "C", "LD_RUN_PATH": null}, "path": ["D/bin"]},
        "arguments": ["-m64", "D/symbols.o", "D/p.0.rcgu.o", "D/p.a.rcgu.o", "-Wl,-Bstatic", "D/libx-1.rlib", "D/liby-1.rlib", "D/libz-1.rlib", "-lc", "-o", "D/p", "-pie"],
        "exported_symbols": ["main"],
        "upstream_crates": [
          {"name": "x", "kind": "rlib", "path": "D/libx-1.rlib", "native_archive": "D/libx-1.native.a",
           "modules": [ {"name": "x.0", "object": "D/x-1.x.0.rcgu.o", "thin_link_bitcode": "D/x-1.x.0.rcgu.indexing.o"},
                        {"name": "x.1", "object": "D/x-1.x.1.rcgu.o", "thin_link_bitcode": "D/x-1.x.1.rcgu.indexing.o"} ]},
          {"name": "y", "kind": "rlib", "path": "D/liby-1.rlib", "modules": [ {"name": "y.0", "object": null, "thin_link_bitcode": null} ], "native_archive": "D/liby-1.rlib"},
          {"name": "z", "kind": "rlib", "path": "D/libz-1.rlib", "modules": [], "native_archive": null} ],
        "native_libraries": [ {"crate": "x", "name": "c", "kind": "static", "modifiers": {}} ] } ] }"#;

    /// A folder with all files of `TEXT`, and `TEXT` with that folder in place of `D`.
    fn fixture() -> (tempfile::TempDir, String) {
        let dir = tempfile::tempdir().unwrap();
        for name in ["p.0.rcgu", "p.a.rcgu", "x-1.x.0.rcgu", "x-1.x.1.rcgu"] {
            fs::write(dir.path().join(format!("{name}.o")), "bitcode").unwrap();
            fs::write(dir.path().join(format!("{name}.indexing.o")), "sum").unwrap();
        }
        for name in ["symbols.o", "libx-1.native.a", "liby-1.rlib"] {
            fs::write(dir.path().join(name), "native code").unwrap();
        }
        let text = TEXT.replace("D/", &format!("{}/", dir.path().display()));
        (dir, text)
    }

    /// The arguments of `command`, with `D` in place of the folder.
    fn words(command: &Command, dir: &Path) -> String {
        let args: Vec<_> = command
            .get_args()
            .map(|arg| arg.to_string_lossy())
            .collect();
        args.join(" ").replace(&format!("{}/", dir.display()), "D/")
    }

    #[test]
    fn modules_of_all_crates() {
        let (dir, text) = fixture();
        let program = parse(&text).unwrap();
        let names: Vec<_> = program
            .modules
            .iter()
            .map(|module| (module.crate_name.as_str(), module.name.as_str()))
            .collect();
        let wanted = [
            ("p", "p.0.rcgu.o"),
            ("p", "p.a.rcgu.o"),
            ("x", "x-1.x.0.rcgu.o"),
            ("x", "x-1.x.1.rcgu.o"),
        ];
        assert_eq!(names, wanted);
        let module = &program.modules[2];
        assert_eq!(module.summary_name(), "x-1.x.0.rcgu.indexing.o");
        assert_eq!(module.summary, dir.path().join("x-1.x.0.rcgu.indexing.o"));
        assert_eq!((module.bitcode_bytes, module.summary_bytes), (7, 3));
        assert_eq!(program.native_bytes().unwrap(), 33);
    }

    #[test]
    fn summaries_take_the_places_of_objects_and_rlibs() {
        let (dir, text) = fixture();
        let program = parse(&text).unwrap();
        let command = program.command(Path::new("out"), true, |module| {
            Some(module.summary_name().into())
        });
        assert_eq!(command.get_program(), "cc");
        assert_eq!(
            words(&command, dir.path()),
            "-m64 D/symbols.o p.0.rcgu.indexing.o p.a.rcgu.indexing.o -Wl,-Bstatic \
             -Wl,--start-lib x-1.x.0.rcgu.indexing.o x-1.x.1.rcgu.indexing.o -Wl,--end-lib \
             D/libx-1.native.a D/liby-1.rlib -lc -o out -pie"
        );
        let mut environment: BTreeMap<&OsStr, _> = command.get_envs().collect();
        let path = environment.remove(OsStr::new("PATH")).flatten().unwrap();
        let first = env::split_paths(path).next();
        assert_eq!(first, Some(dir.path().join("bin")));
        let environment: Vec<_> = environment.into_iter().collect();
        assert_eq!(
            environment,
            [
                ("LC_ALL".as_ref(), Some("C".as_ref())),
                ("LD_RUN_PATH".as_ref(), None)
            ]
        );
    }

    #[test]
    fn modules_that_are_not_taken_are_left_out() {
        let (dir, text) = fixture();
        let program = parse(&text).unwrap();
        let command = program.command(Path::new("out"), false, |module| {
            (module.name != "x-1.x.0.rcgu.o").then(|| format!("native/{}", module.name).into())
        });
        assert_eq!(
            words(&command, dir.path()),
            "-m64 D/symbols.o native/p.0.rcgu.o native/p.a.rcgu.o -Wl,-Bstatic \
             native/x-1.x.1.rcgu.o D/libx-1.native.a D/liby-1.rlib -lc -o out -pie"
        );
    }

    #[test]
    fn a_native_object_stays() {
        let (dir, text) = fixture();
        let path = format!("{}/p.0.rcgu.indexing.o", dir.path().display());
        let text = text.replace(&format!("{path:?}"), "null");
        let program = parse(&text).unwrap();
        assert_eq!(program.modules.len(), 3);
        let command = program.command(Path::new("out"), false, |_| None);
        assert!(words(&command, dir.path()).starts_with("-m64 D/symbols.o D/p.0.rcgu.o -Wl,"));
        assert!(program.natives.contains(&dir.path().join("p.0.rcgu.o")));
    }

    #[test]
    fn refuses_what_it_cannot_place() {
        let (_dir, text) = fixture();
        let message = |text: &str| format!("{:#}", parse(text).err().unwrap());
        let other = text.replace("\"version\": 1", "\"version\": 2");
        assert_eq!(message(&other), "its version is 2, not 1");
        let twice = text.replace("x-1.x.1.rcgu.o", "x-1.x.0.rcgu.o");
        assert!(
            message(&twice).ends_with("have the same name"),
            "{}",
            message(&twice)
        );
        let lost = text.replacen("libx-1.rlib", "other.rlib", 1);
        assert!(
            message(&lost).starts_with("no argument stands for"),
            "{}",
            message(&lost)
        );
        let missing = text.replace("x-1.x.1.rcgu.indexing.o", "missing.o");
        assert!(
            message(&missing).starts_with("cannot read"),
            "{}",
            message(&missing)
        );
    }
}
