//! A program to link: its modules, and the command line of its link.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use crate::folder;
use crate::linker::Linker;
use crate::pairs::{BITCODE, SUMMARY};

/// A bitcode module: a codegen unit, also of std's crates, or the allocator shim.
#[derive(Clone, Debug, PartialEq)]
pub struct Module {
    /// The name of its crate.
    pub crate_name: String,
    /// The file name of its bitcode, of which a program has only one.
    pub name: String,
    /// The path of its bitcode, which is the name of the module in indexes.
    pub bitcode: PathBuf,
    /// The path of its summary.
    pub summary: PathBuf,
}

impl Module {
    pub(crate) fn new(
        crate_name: &str,
        bitcode: PathBuf,
        summary: PathBuf,
    ) -> anyhow::Result<Module> {
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
            bitcode,
            summary,
        })
    }

    /// The file name that the summary has to have in a thin link. [`crate::pairs::suffix_replace`]
    /// turns it into [`Module::name`].
    pub fn summary_name(&self) -> String {
        let stem = self.name.strip_suffix(BITCODE).expect("it was checked");
        format!("{stem}{SUMMARY}")
    }
}

/// A part of the linker's command line.
#[derive(Debug, PartialEq)]
pub(crate) enum Part {
    /// An argument that stays as it is.
    Verbatim(String),
    /// `-o` and the output file.
    Output,
    /// A module of the program's own crate.
    Module(usize),
    /// An upstream crate.
    Crate {
        name: String,
        /// Linked only if something needs them.
        modules: Range<usize>,
        /// The archive with the rest of the crate.
        native: Option<PathBuf>,
    },
}

impl Part {
    /// The indexes of its modules.
    pub(crate) fn modules(&self) -> Range<usize> {
        match self {
            Part::Verbatim(_) | Part::Output => 0..0,
            Part::Module(number) => *number..number + 1,
            Part::Crate { modules, .. } => modules.clone(),
        }
    }

    pub(crate) fn has_modules(&self) -> bool {
        !self.modules().is_empty()
    }
}

/// A program to link.
#[derive(Debug)]
pub struct Program {
    /// The name of its crate.
    pub crate_name: String,
    /// The folder in which the linker and the backends run.
    pub dir: PathBuf,
    /// The modules, in the order of the link.
    pub modules: Vec<Module>,
    /// The objects and archives of native code that rustc names to the linker.
    pub natives: Vec<PathBuf>,
    pub(crate) linker: Linker,
    pub(crate) parts: Vec<Part>,
}

impl Program {
    pub(crate) fn new(
        crate_name: String,
        linker: Linker,
        parts: Vec<Part>,
        modules: Vec<Module>,
        natives: Vec<PathBuf>,
    ) -> anyhow::Result<Program> {
        let mut names = HashMap::new();
        for module in &modules {
            if let Some(other) = names.insert(&module.name, module) {
                bail!(
                    "{} and {} have the same name",
                    other.bitcode.display(),
                    module.bitcode.display()
                );
            }
        }
        Ok(Program {
            crate_name,
            dir: PathBuf::new(),
            modules,
            natives,
            linker,
            parts,
        })
    }

    /// Makes `folder` the one in which the linker and the backends run, with links to all pairs. So
    /// modules have names without a folder in indexes, which are then the same in any place. Every
    /// other path of the program has to be absolute.
    pub fn gather(&mut self, folder: &Path) -> anyhow::Result<()> {
        for module in &mut self.modules {
            let summary = module.summary_name();
            folder::link(&module.bitcode, &folder.join(&module.name))?;
            folder::link(&module.summary, &folder.join(&summary))?;
            module.bitcode = module.name.clone().into();
            module.summary = summary.into();
        }
        self.dir = folder.to_owned();
        Ok(())
    }

    /// Makes C compilers search `folder` for lld.
    pub fn search_lld(&mut self, folder: &Path) {
        self.linker.search(folder);
    }

    /// Adds an option of lld to the command line.
    pub fn add_option(&mut self, option: &str) {
        let option = self.linker.option(option).into_string();
        self.parts
            .push(Part::Verbatim(option.expect("it is made of text")));
    }

    /// Leaves upstream crates out of the link, with their native code.
    pub fn leave_out(&mut self, crates: &[String]) {
        self.parts
            .retain(|part| !matches!(part, Part::Crate { name, .. } if crates.contains(name)));
    }

    /// The arguments of the linker for the file `output`, or without an output. `replace` returns the
    /// argument for each module, or `None` to omit it. If `lazy`, modules of other crates are between
    /// `--start-lib` and `--end-lib`, so that the linker treats them like members of an archive.
    pub fn arguments(
        &self,
        output: Option<&Path>,
        lazy: bool,
        replace: impl Fn(&Module) -> Option<OsString>,
    ) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        for part in &self.parts {
            let modules = self.modules[part.modules()].iter().filter_map(&replace);
            match part {
                Part::Verbatim(word) => arguments.push(word.into()),
                Part::Output => {
                    if let Some(output) = output {
                        arguments.extend(["-o".into(), output.into()]);
                    }
                }
                Part::Module(_) => arguments.extend(modules),
                Part::Crate { native, .. } => {
                    let lazy = lazy && part.has_modules();
                    arguments.extend(lazy.then(|| self.linker.option("--start-lib")));
                    arguments.extend(modules);
                    arguments.extend(lazy.then(|| self.linker.option("--end-lib")));
                    arguments.extend(native.iter().map(OsString::from));
                }
            }
        }
        arguments
    }

    /// The bytes of the files `paths`.
    pub fn bytes<'a>(&self, paths: impl IntoIterator<Item = &'a PathBuf>) -> anyhow::Result<u64> {
        paths
            .into_iter()
            .map(|path| bytes(&self.dir.join(path)))
            .sum()
    }

    /// The bytes of all summaries.
    pub fn summary_bytes(&self) -> anyhow::Result<u64> {
        self.bytes(self.modules.iter().map(|module| &module.summary))
    }
}

/// The size of the file `path`.
pub(crate) fn bytes(path: &Path) -> anyhow::Result<u64> {
    let metadata = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(metadata.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link_inputs::parse;

    const TEXT: &str = r#"{ "version": 1, "crate_name": "p", "target": "t",
      "modules": [ {"name": "p.0", "object": "D/p.0.rcgu.o", "thin_link_bitcode": "D/p.0.rcgu.indexing.o"} ],
      "allocator_module": {"name": "p.a", "object": "D/p.a.rcgu.o", "thin_link_bitcode": "D/p.a.rcgu.indexing.o"},
      "links": [ { "crate_type": "bin", "output": "D/p", "symbols_object": "D/symbols.o", "metadata_object": null,
        "linker": {"program": "cc", "flavor": "gnu-cc", "environment": {}, "path": []},
        "arguments": ["-m64", "D/symbols.o", "D/p.0.rcgu.o", "D/p.a.rcgu.o", "-Wl,-Bstatic", "D/libx-1.rlib", "D/liby-1.rlib", "D/libz-1.rlib", "D/libd.so", "-lc", "-o", "D/p", "-pie"],
        "exported_symbols": ["main"],
        "upstream_crates": [
          {"name": "x", "kind": "rlib", "path": "D/libx-1.rlib", "native_archive": "D/libx-1.native.a",
           "modules": [ {"name": "x.0", "object": "D/x-1.x.0.rcgu.o", "thin_link_bitcode": "D/x-1.x.0.rcgu.indexing.o"},
                        {"name": "x.1", "object": "D/x-1.x.1.rcgu.o", "thin_link_bitcode": "D/x-1.x.1.rcgu.indexing.o"} ]},
          {"name": "y", "kind": "rlib", "path": "D/liby-1.rlib", "modules": [ {"name": "y.0", "object": null, "thin_link_bitcode": null} ], "native_archive": "D/liby-1.rlib"},
          {"name": "z", "kind": "rlib", "path": "D/libz-1.rlib", "modules": [], "native_archive": null},
          {"name": "d", "kind": "dylib", "path": "D/libd.so", "modules": [], "native_archive": null} ],
        "native_libraries": [ {"crate": "x", "name": "c", "kind": "static", "modifiers": {}} ] } ] }"#;

    fn words(arguments: &[OsString]) -> String {
        let words: Vec<_> = arguments
            .iter()
            .map(|word| word.to_string_lossy())
            .collect();
        words.join(" ")
    }

    fn summary(module: &Module) -> Option<OsString> {
        Some(module.summary.clone().into())
    }

    #[test]
    fn modules_of_all_crates() {
        let program = parse(TEXT).unwrap();
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
        assert_eq!(module.bitcode, Path::new("D/x-1.x.0.rcgu.o"));
        assert_eq!(module.summary, Path::new("D/x-1.x.0.rcgu.indexing.o"));
        assert_eq!(module.summary_name(), "x-1.x.0.rcgu.indexing.o");
        let natives = ["D/symbols.o", "D/libx-1.native.a", "D/liby-1.rlib"].map(PathBuf::from);
        assert_eq!(program.natives, natives);
    }

    #[test]
    fn summaries_take_the_places_of_objects_and_rlibs() {
        let program = parse(TEXT).unwrap();
        assert_eq!(
            words(&program.arguments(Some(Path::new("out")), true, summary)),
            "-m64 D/symbols.o D/p.0.rcgu.indexing.o D/p.a.rcgu.indexing.o -Wl,-Bstatic \
             -Wl,--start-lib D/x-1.x.0.rcgu.indexing.o D/x-1.x.1.rcgu.indexing.o -Wl,--end-lib \
             D/libx-1.native.a D/liby-1.rlib D/libd.so -lc -o out -pie"
        );
    }

    #[test]
    fn modules_that_are_not_taken_are_left_out() {
        let program = parse(TEXT).unwrap();
        let arguments = program.arguments(Some(Path::new("out")), false, |module| {
            (module.name != "x-1.x.0.rcgu.o").then(|| format!("native/{}", module.name).into())
        });
        assert_eq!(
            words(&arguments),
            "-m64 D/symbols.o native/p.0.rcgu.o native/p.a.rcgu.o -Wl,-Bstatic \
             native/x-1.x.1.rcgu.o D/libx-1.native.a D/liby-1.rlib D/libd.so -lc -o out -pie"
        );
    }

    #[test]
    fn crates_and_the_output_are_left_out() {
        let mut program = parse(TEXT).unwrap();
        program.leave_out(&["y".to_owned(), "missing".to_owned()]);
        assert_eq!(
            words(&program.arguments(None, false, |_| None)),
            "-m64 D/symbols.o -Wl,-Bstatic D/libx-1.native.a D/libd.so -lc -pie"
        );
        program.leave_out(&["x".to_owned()]);
        assert_eq!(
            words(&program.arguments(None, false, |_| None)),
            "-m64 D/symbols.o -Wl,-Bstatic D/libd.so -lc -pie"
        );
    }

    #[test]
    fn options_suit_a_linker_that_is_not_a_compiler() {
        let program = parse(&TEXT.replace("gnu-cc", "gnu-lld")).unwrap();
        let words = words(&program.arguments(None, true, |_| None));
        assert!(words.contains(" --start-lib --end-lib "), "{words}");
    }

    #[test]
    fn a_native_object_stays() {
        let text = TEXT.replace("\"D/p.0.rcgu.indexing.o\"", "null");
        let program = parse(&text).unwrap();
        assert_eq!(program.modules.len(), 3);
        let words = words(&program.arguments(None, false, |_| None));
        assert!(
            words.starts_with("-m64 D/symbols.o D/p.0.rcgu.o -Wl,"),
            "{words}"
        );
        assert!(program.natives.contains(&PathBuf::from("D/p.0.rcgu.o")));
    }

    #[test]
    fn gathered_modules_have_no_folder() {
        let dir = tempfile::tempdir().unwrap();
        let text = TEXT.replace("D/", &format!("{}/", dir.path().display()));
        for name in ["p.0.rcgu", "p.a.rcgu", "x-1.x.0.rcgu", "x-1.x.1.rcgu"] {
            fs::write(dir.path().join(format!("{name}.o")), "bitcode").unwrap();
            fs::write(dir.path().join(format!("{name}.indexing.o")), "sum").unwrap();
        }
        let mut program = parse(&text).unwrap();
        let folder = folder::fresh(dir.path(), "modules").unwrap();
        program.gather(&folder).unwrap();
        let words = words(&program.arguments(None, true, summary));
        assert!(
            words.contains("symbols.o p.0.rcgu.indexing.o p.a."),
            "{words}"
        );
        assert_eq!(program.summary_bytes().unwrap(), 4 * 3);
        let bitcode = program.modules.iter().map(|module| &module.bitcode);
        assert_eq!(program.bytes(bitcode).unwrap(), 4 * 7);
        let missing = program.bytes(&program.natives).unwrap_err().to_string();
        assert!(missing.starts_with("cannot read /"), "{missing}");
    }

    #[test]
    fn refuses_what_it_cannot_place() {
        let message = |text: &str| format!("{:#}", parse(text).unwrap_err());
        let other = TEXT.replace("\"version\": 1", "\"version\": 2");
        assert_eq!(message(&other), "its version is 2, not 1");
        let twice = TEXT.replace("x-1.x.1.rcgu.o", "x-1.x.0.rcgu.o");
        assert_eq!(
            message(&twice),
            "D/x-1.x.0.rcgu.o and D/x-1.x.0.rcgu.o have the same name"
        );
        let lost = TEXT.replacen("libx-1.rlib", "other.rlib", 1);
        assert_eq!(message(&lost), "no argument stands for D/x-1.x.0.rcgu.o");
        let lost = TEXT.replacen("\"-o\", \"D/p\"", "\"-o\", \"D/q\"", 1);
        assert_eq!(message(&lost), "no argument stands for the output D/p");
        let none = TEXT.replace("\"version\": 1, ", "");
        assert!(
            message(&none).starts_with("it is not a file of link inputs: missing field `version`"),
            "{}",
            message(&none)
        );
        let archive = TEXT.replace(
            r#"{"program": "cc", "flavor": "gnu-cc", "environment": {}, "path": []}"#,
            "null",
        );
        assert_eq!(message(&archive), "an archiver makes a `staticlib`");
    }
}
