//! The programs to measure.

use distributed::fetch::{FD, Package, RIPGREP};

use crate::workload::Workload;

/// A program, the functions to edit, and its own benchmark.
pub struct Program {
    /// Its package on crates.io.
    pub package: Package,
    /// The function to edit in the program's own crate.
    pub last: Function,
    /// A crate that depends on no other code.
    pub leaf_crate: &'static str,
    /// The function to edit in it.
    pub leaf: Function,
    /// The benchmark.
    pub workload: Workload,
}

/// A function that is compiled in its own crate: neither generic nor marked `#[inline]`.
pub struct Function {
    /// The path of its file in the crate.
    pub file: &'static str,
    /// Its signature, with the opening brace.
    pub head: &'static str,
}

/// All programs. The third contains C: a build script compiles libdeflate, a static library in the
/// rlib of libdeflate-sys.
pub const PROGRAMS: [Program; 5] = [
    Program {
        package: RIPGREP,
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
        package: FD,
        last: Function {
            file: "src/main.rs",
            head: "fn build_regex(pattern_regex: String, config: &Config) -> Result<regex::bytes::Regex> {",
        },
        leaf_crate: "strsim",
        leaf: Function {
            file: "src/lib.rs",
            head: "pub fn jaro(a: &str, b: &str) -> f64 {",
        },
        workload: Workload::Find,
    },
    Program {
        package: Package {
            name: "oxipng",
            version: "10.2.1",
            program: "oxipng",
        },
        last: Function {
            file: "src/main.rs",
            head: "fn process_file(input: &InFile, output: &OutFile, opts: &Options) -> OptimizationResult {",
        },
        leaf_crate: "simd-adler32",
        leaf: Function {
            file: "src/imp/scalar.rs",
            head: "pub fn update(a: u16, b: u16, data: &[u8]) -> (u16, u16) {",
        },
        workload: Workload::Image,
    },
    Program {
        // The last version that rustc 1.95 builds.
        package: Package {
            name: "hyperfine",
            version: "1.20.0",
            program: "hyperfine",
        },
        last: Function {
            file: "src/benchmark/scheduler.rs",
            head: "pub fn run_benchmarks(&mut self) -> Result<()> {",
        },
        leaf_crate: "shell-words",
        leaf: Function {
            file: "src/lib.rs",
            head: "pub fn split(s: &str) -> Result<Vec<String>, ParseError> {",
        },
        workload: Workload::Statistics,
    },
    Program {
        // A large one; the last version that rustc 1.95 builds.
        package: Package {
            name: "ruff",
            version: "0.16.4",
            program: "ruff",
        },
        last: Function {
            file: "src/lib.rs",
            head: "fn format(args: FormatCommand, global_options: GlobalConfigArgs) -> Result<ExitStatus> {",
        },
        leaf_crate: "jod-thread",
        leaf: Function {
            file: "src/lib.rs",
            head: "pub fn name(self, name: String) -> Builder {",
        },
        workload: Workload::Lint,
    },
];

/// The names of all programs.
pub fn names() -> [&'static str; 5] {
    PROGRAMS.each_ref().map(|program| program.package.name)
}

/// The programs in `names`, or all if there are none.
pub fn select(names: &[String]) -> Vec<&'static Program> {
    let wanted = |program: &&Program| {
        names.is_empty() || names.iter().any(|name| name == program.package.name)
    };
    PROGRAMS.iter().filter(wanted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_selected_by_name() {
        let selected = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            let programs = select(&names);
            let names = programs.into_iter().map(|program| program.package.name);
            names.collect::<Vec<_>>()
        };
        let all = ["ripgrep", "fd-find", "oxipng", "hyperfine", "ruff"];
        assert_eq!(selected(&[]), all);
        assert_eq!(selected(&["oxipng", "ripgrep"]), ["ripgrep", "oxipng"]);
    }
}
