//! Modules without a summary: objects and members of archives that are bitcode. To a thin link, bitcode is
//! its own summary.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::mem;
use std::path::{Path, PathBuf};

use anyhow::Context;
use object::read::archive::ArchiveFile;

use crate::pairs::BITCODE;
use crate::program::{Module, Part, Program};

/// The first bytes of bitcode.
const MAGIC: &[u8] = b"BC\xC0\xDE";

/// Whether `file` is bitcode.
pub(crate) fn is_bitcode_file(file: &Path) -> anyhow::Result<bool> {
    let mut start = Vec::new();
    File::open(file)
        .and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut start))
        .with_context(|| format!("cannot read {}", file.display()))?;
    Ok(start == MAGIC)
}

/// Makes modules of all bitcode that the link of `program` reads and that is none yet. Members of rlibs
/// and of static libraries are copied to `folder`.
pub fn take(program: &mut Program, folder: &Path) -> anyhow::Result<()> {
    let old = mem::take(&mut program.modules);
    let mut taken = Taken {
        folder,
        names: old.iter().map(|module| module.name.clone()).collect(),
        modules: Vec::new(),
    };
    let search = search_path(program);
    let mut archives = HashSet::new();
    for part in &mut program.parts {
        let first = taken.modules.len();
        taken.modules.extend_from_slice(&old[part.modules()]);
        match part {
            Part::Output => {}
            Part::Module(number) => *number = first,
            Part::Verbatim(word) => {
                let path = program.dir.join(&*word);
                if word.ends_with(BITCODE) && path.is_file() && is_bitcode_file(&path)? {
                    let module = Module::new(
                        &program.crate_name,
                        word.as_str().into(),
                        word.as_str().into(),
                    )?;
                    taken.add(module);
                    *part = Part::Module(first);
                } else if let Some(archive) = archive(word, &path, &search)
                    && archives.insert(archive.clone())
                {
                    let name = library_name(&archive);
                    taken.archive(&name, &archive)?;
                    *part = Part::Crate {
                        name,
                        modules: first..taken.modules.len(),
                        native: Some(word.as_str().into()),
                    };
                }
            }
            Part::Crate {
                name,
                modules,
                native,
            } => {
                // If modules are named, the rest is native code.
                if let (true, Some(rlib)) = (modules.start == modules.end, native) {
                    taken.archive(name, &program.dir.join(rlib))?;
                }
                *modules = first..taken.modules.len();
            }
        }
    }
    program.modules = taken.modules;
    Ok(())
}

/// The modules so far, and where to put others.
struct Taken<'a> {
    folder: &'a Path,
    names: HashSet<String>,
    modules: Vec<Module>,
}

impl Taken<'_> {
    fn add(&mut self, module: Module) {
        self.names.insert(module.name.clone());
        self.modules.push(module);
    }

    /// Adds the members of an archive that are bitcode. The archive stays in the link for the others,
    /// behind the modules, whose symbols are defined by then.
    fn archive(&mut self, crate_name: &str, path: &Path) -> anyhow::Result<()> {
        let context = || format!("cannot read {}", path.display());
        let data = fs::read(path).with_context(context)?;
        let archive = ArchiveFile::parse(&*data).with_context(context)?;
        for member in archive.members() {
            let member = member.with_context(context)?;
            // A thin archive has its members elsewhere, where the linker finds them.
            if archive.is_thin() {
                continue;
            }
            let bitcode = member.data(&*data).with_context(context)?;
            if !bitcode.starts_with(MAGIC) {
                continue;
            }
            let mut name = String::from_utf8_lossy(member.name()).into_owned();
            while self.names.contains(&name) {
                name = format!("{crate_name}.{name}");
            }
            let file = self.folder.join(&name);
            fs::write(&file, bitcode)
                .with_context(|| format!("cannot write {}", file.display()))?;
            self.add(Module::new(crate_name, file.clone(), file)?);
        }
        Ok(())
    }
}

/// The folders in which the linker looks for libraries.
fn search_path(program: &Program) -> Vec<PathBuf> {
    let mut words = program.parts.iter().filter_map(|part| match part {
        Part::Verbatim(word) => Some(word.as_str()),
        _ => None,
    });
    let mut folders = Vec::new();
    while let Some(word) = words.next() {
        let folder = match word.strip_prefix("-L") {
            Some("") => words.next(),
            folder => folder,
        };
        folders.extend(folder.map(|folder| program.dir.join(folder)));
    }
    folders
}

/// The archive that an argument names, whose path it would be, or that it makes the linker look for.
fn archive(word: &str, path: &Path, search: &[PathBuf]) -> Option<PathBuf> {
    match word.strip_prefix("-l") {
        Some(name) => {
            let mut files = search
                .iter()
                .map(|folder| folder.join(format!("lib{name}.a")));
            files.find(|file| file.is_file())
        }
        None => (word.ends_with(".a") && path.is_file()).then(|| path.to_owned()),
    }
}

/// The name of the library `libNAME.a`.
fn library_name(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.strip_prefix("lib").unwrap_or(&stem).to_owned()
}
