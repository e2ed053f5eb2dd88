//! The programs that are measured.

use anyhow::bail;
use distributed::fetch::Package;

use crate::workload::Workload;

/// A program, what is edited in it, and its own benchmark.
pub struct Program {
    pub package: Package,
    /// In the crate of the program.
    pub last: Function,
    /// A crate that stands on no other, or on nothing that is code.
    pub leaf_crate: &'static str,
    pub leaf: Function,
    pub workload: Workload,
}

/// A function that is compiled in its own crate: not generic, and not marked `#[inline]`.
pub struct Function {
    /// The file, in the crate's folder.
    pub file: &'static str,
    /// Its head, up to the brace.
    pub head: &'static str,
}

/// All of them. The third has C in it: libdeflate, which a build script compiles and which comes as
/// a static library in the rlib of libdeflate-sys.
pub const PROGRAMS: [Program; 3] = [
    Program {
        package: Package {
            name: "ripgrep",
            version: "14.1.1",
            program: "rg",
        },
        last: Function {
            file: "crates/core/main.rs",
            head: "fn search(args: &HiArgs, mode: SearchMode) -> anyhow::Result<bool> {",
        },
        leaf_crate: "memchr",
        leaf: Function {
            file: "src/arch/all/twoway.rs",
            head: "fn forward(needle: &[u8], kind: SuffixKind) -> Suffix {",
        },
        workload: Workload::Search,
    },
    Program {
        package: Package {
            name: "hyperfine",
            version: "1.19.0",
            program: "hyperfine",
        },
        last: Function {
            file: "src/main.rs",
            head: "fn run() -> Result<()> {",
        },
        leaf_crate: "shell-words",
        leaf: Function {
            file: "src/lib.rs",
            head: "pub fn split(s: &str) -> Result<Vec<String>, ParseError> {",
        },
        workload: Workload::Parameters,
    },
    Program {
        package: Package {
            name: "oxipng",
            version: "9.1.5",
            program: "oxipng",
        },
        last: Function {
            file: "src/main.rs",
            head: "fn process_file(input: &InFile, output: &OutFile, opts: &Options) -> OptimizationResult {",
        },
        leaf_crate: "bumpalo",
        leaf: Function {
            file: "src/lib.rs",
            head: "fn alloc_layout_slow(&self, layout: Layout) -> Option<NonNull<u8>> {",
        },
        workload: Workload::Image,
    },
];

/// Those with these names, or all.
pub fn select(names: &[String]) -> anyhow::Result<Vec<&'static Program>> {
    let known = |name: &&str| PROGRAMS.iter().any(|program| program.package.name == *name);
    if let Some(name) = names.iter().map(String::as_str).find(|name| !known(name)) {
        bail!(
            "`{name}` is no program that is measured\nhelp: {} are",
            PROGRAMS
                .each_ref()
                .map(|program| program.package.name)
                .join(", ")
        );
    }
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    Ok(PROGRAMS
        .iter()
        .filter(|program| wanted(program.package.name))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_selected_by_name() {
        let names = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            let selected = select(&names).map_err(|error| error.to_string())?;
            Ok::<_, String>(
                selected
                    .iter()
                    .map(|program| program.package.name)
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(names(&[]).unwrap(), ["ripgrep", "hyperfine", "oxipng"]);
        assert_eq!(
            names(&["oxipng", "ripgrep"]).unwrap(),
            ["ripgrep", "oxipng"]
        );
        assert!(
            names(&["cat"])
                .unwrap_err()
                .starts_with("`cat` is no program")
        );
    }
}
