//! Flags that make a clang of the compiler's LLVM add bitcode to the objects of build scripts.

use std::process::Command;

use distributed::toolchain::LLVM;
use tool_support::command;

use crate::project::Project;

/// The objects stay native ones as well, because what is for the host is linked without LTO. lld takes
/// the bitcode with `--fat-lto-objects`.
const FLAGS: &str = "-flto=thin -ffat-lto-objects";

/// The variables with flags, and their values, for the compilers that are such a clang.
pub fn variables(project: &Project) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    for (compiler, flags) in [("CC", "CFLAGS"), ("CXX", "CXXFLAGS")] {
        let compilers = project.variables_like(compiler);
        let is_clang = |(_, program): &(String, String)| is_clang(program);
        if !compilers.is_empty() && compilers.iter().all(is_clang) {
            let mut set = project.variables_like(flags);
            if !set.iter().any(|(name, _)| name == flags) {
                set.push((flags.to_owned(), String::new()));
            }
            variables.extend(
                set.into_iter()
                    .map(|(name, value)| (name, format!("{value} {FLAGS}"))),
            );
        }
    }
    variables
}

/// Whether `compiler` is a clang of the compiler's LLVM. There may be a launcher before it.
fn is_clang(compiler: &str) -> bool {
    let mut words = compiler.split_whitespace();
    let Some(program) = words.next() else {
        return false;
    };
    let version = command::run(Command::new(program).args(words).arg("--version"));
    let start = format!("clang version {LLVM}.");
    version.is_ok_and(|version| String::from_utf8_lossy(&version.stdout).contains(&start))
}
