//! Finds the object and the thin-link summary of each module of an upstream crate.
//!
//! Names alone would not do: an rlib that is compiled again without these outputs leaves those of an
//! earlier compilation behind. The object has to be the module as it is in the rlib, and the summary
//! to have its module hash, which LLVM makes of all of its bitcode.

use std::cell::{OnceCell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::{fs, io};

use rustc_data_structures::fx::FxHashMap;
use rustc_macros::Diagnostic;
use rustc_session::Session;
use rustc_session::config::OutputType;
use rustc_session::search_paths::PathKind;

use super::{UnreadableRlib, folder_at};
use crate::back::archive::ArchiveBuilderBuilder;
use crate::back::link::embedded_bitcode::ready::SYSROOT_MODULES;
use crate::back::link::embedded_bitcode::{Member, map};

/// The stems of such names are those of codegen units, not of the user.
const UNIT: &str = ".rcgu";

type ModuleHash = [u32; 5];

/// The files of a module.
pub(super) struct Pair {
    pub object: PathBuf,
    pub summary: PathBuf,
}

/// Finds pairs, and keeps what it has read of folders.
pub(super) struct PairFinder<'a> {
    sess: &'a Session,
    archive_builder_builder: &'a dyn ArchiveBuilderBuilder,
    folders: RefCell<FxHashMap<PathBuf, Rc<Folder>>>,
}

impl<'a> PairFinder<'a> {
    pub(super) fn new(
        sess: &'a Session,
        archive_builder_builder: &'a dyn ArchiveBuilderBuilder,
    ) -> Self {
        PairFinder { sess, archive_builder_builder, folders: Default::default() }
    }

    /// Returns the pairs of `modules`, which are all modules of `rlib`, in their order. Returns
    /// `None` if one of them has no pair, with a warning if there are files that do not fit.
    pub(super) fn find(&self, rlib: &Path, modules: &[&Member]) -> Option<Vec<Pair>> {
        let data = match map(rlib) {
            Ok(data) => data,
            Err(error) => self.sess.dcx().emit_fatal(UnreadableRlib { path: rlib, error }),
        };
        let mut search = Search {
            finder: self,
            stem: rlib.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default(),
            own: self.own_folders(rlib),
            others: self.search_folders(),
            stale: None,
        };
        let mut pairs = Vec::new();
        let mut missing = None;
        for module in modules {
            let bitcode = &data[module.range.0 as usize..][..module.range.1 as usize];
            match search.module(&module.name, bitcode, modules.len() == 1) {
                Some(pair) => pairs.push(pair),
                None => missing = missing.or(Some(&module.name)),
            }
        }
        let missing = match missing {
            None => return Some(pairs),
            Some(module) => module,
        };
        if let Some(Stale { file, error }) = search.stale {
            self.sess.dcx().emit_warn(StaleFile {
                rlib,
                file: &file,
                unreadable: error.is_some(),
                error: error.unwrap_or_default(),
            });
        } else if !pairs.is_empty() {
            self.sess.dcx().emit_warn(MissingModule { rlib, module: missing });
        }
        None
    }

    /// The folders in which files with the names of the modules of `rlib` are to be its own.
    fn own_folders(&self, rlib: &Path) -> Vec<Rc<Folder>> {
        let beside = rlib.parent().unwrap_or(Path::new(""));
        let in_sysroot = (beside == self.sess.target_tlib_path.dir)
            .then(|| beside.with_file_name(SYSROOT_MODULES));
        let paths = [Some(beside), in_sysroot.as_deref()];
        paths.into_iter().flatten().map(|path| self.folder(path)).collect()
    }

    /// The folders in which crates are searched for.
    fn search_folders(&self) -> Vec<Rc<Folder>> {
        let folders = self.sess.opts.search_paths.iter().filter(|folder| {
            folder.kind.matches(PathKind::Crate) || folder.kind.matches(PathKind::Dependency)
        });
        folders.map(|folder| self.folder(&folder.dir)).collect()
    }

    fn folder(&self, path: &Path) -> Rc<Folder> {
        let mut folders = self.folders.borrow_mut();
        let folder = folders.entry(path.to_path_buf()).or_insert_with(|| {
            Rc::new(Folder {
                path: path.to_path_buf(),
                stems: OnceCell::new(),
                by_hash: OnceCell::new(),
            })
        });
        Rc::clone(folder)
    }

    /// The module hash of `file`, or why it has none.
    fn hash(&self, file: &Path) -> Result<ModuleHash, String> {
        let data = map(file).map_err(|error| error.to_string())?;
        self.archive_builder_builder.module_hash(&data)
    }
}

/// A folder that may hold pairs. It is read when it is first asked for.
struct Folder {
    path: PathBuf,
    /// What the names of the summaries begin with, sorted.
    stems: OnceCell<Vec<String>>,
    /// Those of them that the user has chosen, by the hash of the summary.
    by_hash: OnceCell<FxHashMap<ModuleHash, String>>,
}

impl Folder {
    fn stems(&self) -> &[String] {
        self.stems.get_or_init(|| {
            let extension = format!(".{}", OutputType::ThinLinkBitcode.extension());
            let names = fs::read_dir(folder_at(&self.path)).into_iter().flatten();
            let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            let mut stems: Vec<String> =
                names.filter_map(|name| Some(name.strip_suffix(&*extension)?.to_owned())).collect();
            stems.sort();
            stems
        })
    }

    fn contains(&self, stem: &str) -> bool {
        self.stems().binary_search_by(|it| it.as_str().cmp(stem)).is_ok()
    }

    fn stem_of(&self, finder: &PairFinder<'_>, hash: &ModuleHash) -> Option<&str> {
        let by_hash = self.by_hash.get_or_init(|| {
            let stems = self.stems().iter().filter(|stem| !stem.ends_with(UNIT));
            stems
                .filter_map(|stem| {
                    let hash = finder.hash(&self.pair(stem).summary).ok()?;
                    Some((hash, stem.clone()))
                })
                .collect()
        });
        by_hash.get(hash).map(String::as_str)
    }

    fn pair(&self, stem: &str) -> Pair {
        let file = |kind: OutputType| self.path.join(format!("{stem}.{}", kind.extension()));
        Pair { object: file(OutputType::Object), summary: file(OutputType::ThinLinkBitcode) }
    }
}

/// A module as it is in the rlib.
struct Module<'a> {
    bitcode: &'a [u8],
    hash: OnceCell<Result<ModuleHash, String>>,
}

impl Module<'_> {
    fn hash(&self, finder: &PairFinder<'_>) -> &Result<ModuleHash, String> {
        self.hash.get_or_init(|| finder.archive_builder_builder.module_hash(self.bitcode))
    }
}

/// The search for the pairs of an rlib.
struct Search<'a> {
    finder: &'a PairFinder<'a>,
    /// The stem of the rlib's name.
    stem: &'a str,
    own: Vec<Rc<Folder>>,
    others: Vec<Rc<Folder>>,
    stale: Option<Stale>,
}

/// A file in one of an rlib's own folders that has the name of a module's, and is not of it.
struct Stale {
    file: PathBuf,
    /// Why it cannot be read.
    error: Option<String>,
}

impl Search<'_> {
    /// Returns the pair of the module that is the member `name` of the rlib and has no other beside it
    /// if it is the `sole` one.
    ///
    /// Only the files of a sole module can have other names than its codegen unit: that of the crate,
    /// or what the user has chosen (`--emit=obj=PATH`). By the latter it is found by its hash.
    fn module(&mut self, name: &str, bitcode: &[u8], sole: bool) -> Option<Pair> {
        let module = Module { bitcode, hash: OnceCell::new() };
        let unit = name.strip_suffix(".o")?;
        let of_crate = self.stem.strip_prefix("lib").unwrap_or(self.stem);
        let names = [Some(unit), sole.then_some(of_crate)];
        let own = self.own.iter().map(|folder| (folder, true));
        let folders = own.chain(self.others.iter().map(|folder| (folder, false)));
        for (folder, is_own) in folders {
            let mut fitting = |stem: &str| match self.finder.check(folder.pair(stem), &module) {
                Ok(pair) => Some(pair),
                Err(stale) => {
                    if is_own && self.stale.is_none() {
                        self.stale = stale;
                    }
                    None
                }
            };
            let mut by_name = names.into_iter().flatten().filter(|name| folder.contains(name));
            if let Some(pair) = by_name.find_map(&mut fitting) {
                return Some(pair);
            }
            if sole
                && let Ok(hash) = module.hash(self.finder)
                && let Some(stem) = folder.stem_of(self.finder, hash)
                && let Some(pair) = fitting(stem)
            {
                return Some(pair);
            }
        }
        None
    }
}

impl PairFinder<'_> {
    /// Returns `pair` if it is that of `module`, or else the file that is not, if both exist.
    fn check(&self, pair: Pair, module: &Module<'_>) -> Result<Pair, Option<Stale>> {
        match map(&pair.object) {
            Ok(object) if *object == *module.bitcode => {}
            Ok(_) => return Err(Some(Stale { file: pair.object, error: None })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(None),
            Err(error) => {
                return Err(Some(Stale { file: pair.object, error: Some(error.to_string()) }));
            }
        }
        match (self.hash(&pair.summary), module.hash(self)) {
            (Ok(of_summary), Ok(of_module)) if of_summary == *of_module => Ok(pair),
            (found, _) => Err(Some(Stale { file: pair.summary, error: found.err() })),
        }
    }
}

#[derive(Diagnostic)]
#[diag("`{$file}` is not from the compilation that made `{$rlib}`")]
#[note("this crate takes no part in a thin link: the link inputs name none of its modules")]
#[help("compile the crate again with `link,obj,thin-link-bitcode` in `--emit`")]
struct StaleFile<'a> {
    rlib: &'a Path,
    file: &'a Path,
    #[note("the file cannot be read: {$error}")]
    unreadable: bool,
    error: String,
}

#[derive(Diagnostic)]
#[diag("the module `{$module}` of `{$rlib}` has no files, other modules of it have")]
#[note("this crate takes no part in a thin link: the link inputs name none of its modules")]
#[help("compile the crate again with `link,obj,thin-link-bitcode` in `--emit`")]
struct MissingModule<'a> {
    rlib: &'a Path,
    module: &'a str,
}
