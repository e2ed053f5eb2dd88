//! Step 2: writes an index for each module, from the summaries alone.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, ensure};
use helped::Helped;
use object::{Object, ObjectSymbol, SymbolKind};
use tool_support::command::Ended;

use crate::pairs::{BITCODE, SUMMARY, suffix_replace};
use crate::plan::{Plan, Planned};
use crate::program::{Module, Program};

/// The file with the paths of selected modules, as the linker writes it.
const SELECTED: &str = "selected.txt";
/// The native object of all regular LTO parts.
const REGULAR: &str = "regular.o";

/// The output of a thin link.
pub struct ThinLink {
    /// The folder with the indexes and the import lists.
    pub dir: PathBuf,
    /// The modules to compile and to link.
    pub plan: Plan,
    /// The linker's messages and resources.
    pub linker: Ended,
}

impl ThinLink {
    /// The path of the index of `module`.
    pub fn index(&self, module: &Planned) -> PathBuf {
        self.dir.join(&module.index)
    }

    /// The native object to link in addition to those of the backends.
    pub fn regular(&self) -> Option<PathBuf> {
        self.plan.regular.as_ref().map(|file| self.dir.join(file))
    }
}

/// Runs rustc's own link up to the indexes, which are written to the folder `dir`, with summaries in
/// place of objects and rlibs, so that symbols resolve as in the real link.
pub fn run(program: &Program, dir: &Path) -> anyhow::Result<ThinLink> {
    program.modules.iter().try_for_each(check_paths)?;
    let regular = dir.join(REGULAR);
    let mut arguments = program.arguments(Some(&dir.join("program")), true, |module| {
        Some(module.summary.clone().into())
    });
    for option in [
        format!("--thinlto-index-only={}", dir.join(SELECTED).display()),
        "--thinlto-emit-imports-files".to_owned(),
        suffix_replace(),
        format!("--thinlto-prefix-replace=;{}/", dir.display()),
        format!("--lto-obj-path={}", regular.display()),
    ] {
        arguments.push(program.linker.option(&option));
    }
    let linker = program.linker.run(&arguments, &program.dir)?;
    let selected = read(&dir.join(SELECTED))?;
    let selected: HashSet<&Path> = selected.lines().map(Path::new).collect();

    let names = program.modules.iter();
    let names: HashMap<&Path, &str> = names
        .map(|module| (module.bitcode.as_path(), module.name.as_str()))
        .collect();
    let mut modules = Vec::new();
    for module in &program.modules {
        let output = below(&module.bitcode);
        if !selected.contains(dir.join(&output).as_path()) {
            continue;
        }
        let imports = read(&with_suffix(&dir.join(&output), ".imports"))?;
        let imports = imports.lines().map(|path| {
            let name = names.get(Path::new(path));
            let name = name.with_context(|| format!("{} imports {path}", module.name))?;
            Ok(name.to_string())
        });
        let mut imports: Vec<String> = imports.collect::<anyhow::Result<_>>()?;
        imports.sort();
        modules.push(Planned {
            name: module.name.clone(),
            crate_name: module.crate_name.clone(),
            bitcode: module.bitcode.clone(),
            index: with_suffix(&output, ".thinlto.bc"),
            imports,
        });
    }
    ensure!(
        modules.len() == selected.len(),
        "the linker selected modules that the link inputs do not name: {}",
        dir.join(SELECTED).display()
    );
    let regular = has_code(&regular)?.then(|| REGULAR.to_owned());
    Ok(ThinLink {
        dir: dir.to_owned(),
        plan: Plan::new(regular, modules),
        linker,
    })
}

/// Checks that the linker knows the module by the path of its bitcode, and writes its index below the
/// folder of the thin link.
fn check_paths(module: &Module) -> anyhow::Result<()> {
    let (bitcode, summary) = (module.bitcode.display(), module.summary.display());
    let is_its_own_summary = module.summary == module.bitcode;
    let named = summary
        .to_string()
        .strip_suffix(SUMMARY)
        .map(|stem| format!("{stem}{BITCODE}"));
    if !is_its_own_summary && named.is_none_or(|named| named != bitcode.to_string()) {
        let message = format!("{summary} is not beside {bitcode} under the same name");
        let help = "name the files of a pair `NAME.o` and `NAME.indexing.o`, in one folder";
        return Err(Helped::new(message, help).into());
    }
    if module
        .bitcode
        .components()
        .any(|part| part == Component::ParentDir)
    {
        let message = format!("the path {bitcode} has `..`");
        let help = "pass rustc paths without `..`: indexes have these paths as well";
        return Err(Helped::new(message, help).into());
    }
    if !bitcode.to_string().is_ascii() {
        let message = format!("the path {bitcode} is not ASCII");
        let help = "compile to another folder: LLVM damages such paths when it writes indexes";
        return Err(Helped::new(message, help).into());
    }
    Ok(())
}

/// A path that is below any folder it is joined to.
fn below(path: &Path) -> PathBuf {
    path.strip_prefix("/").unwrap_or(path).to_owned()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(suffix);
    path.into()
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| {
        Helped::new(
            format!("the linker wrote no {}", path.display()),
            "link with the lld of the compiler's LLVM: `-Clink-arg=-fuse-ld=lld`",
        )
    })
}

/// Whether the object `path` has a symbol. lld writes one without symbols if there are no regular LTO
/// parts, for which it does not know the ABI. That one is removed.
fn has_code(path: &Path) -> anyhow::Result<bool> {
    let data = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        data => data.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let file = object::File::parse(&*data);
    let file = file.with_context(|| format!("cannot read {}", path.display()))?;
    let is_code = |kind| !matches!(kind, SymbolKind::File | SymbolKind::Section);
    let has_code = file.symbols().any(|symbol| is_code(symbol.kind()));
    if !has_code {
        fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(has_code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(bitcode: &str, summary: &str) -> String {
        let module = Module::new("x", bitcode.into(), summary.into()).unwrap();
        check_paths(&module).map_or_else(|error| helped::report(&error), |()| String::new())
    }

    #[test]
    fn pairs_have_to_be_named_alike() {
        assert_eq!(checked("a/x.o", "a/x.indexing.o"), "");
        for summary in ["b/x.indexing.o", "a/y.indexing.o", "a/x.summary"] {
            let error = checked("a/x.o", summary);
            let expected = format!("error: {summary} is not beside a/x.o under the same name\n");
            assert!(error.starts_with(&expected), "{error}");
        }
    }

    #[test]
    fn indexes_have_ascii_paths() {
        let error = checked("é/x.o", "é/x.indexing.o");
        assert!(
            error.starts_with("error: the path é/x.o is not ASCII\nhelp: "),
            "{error}"
        );
    }

    #[test]
    fn indexes_stay_in_the_folder() {
        let error = checked("../x.o", "../x.indexing.o");
        assert!(
            error.starts_with("error: the path ../x.o has `..`\nhelp: "),
            "{error}"
        );
        assert_eq!(below(Path::new("/a/x.o")), Path::new("a/x.o"));
        assert_eq!(below(Path::new("a/x.o")), Path::new("a/x.o"));
    }
}
