//! Finds the lld of the compiler's LLVM.

use std::path::{Path, PathBuf};
use std::process::Command;

use distributed::toolchain::{self, LLVM};
use tool_support::command;

/// The path of an lld that reads this compiler's bitcode: the one with the version in its name, or an
/// `ld.lld` of that version in `PATH`. The first is not asked for its version, as lld takes as long to
/// start as cargo.
pub fn find() -> anyhow::Result<PathBuf> {
    let versioned = toolchain::find_llvm("ld.lld", "lld");
    if versioned.is_err()
        && let Ok(lld) = which::which("ld.lld")
        && is_of_this_llvm(&lld)
    {
        return Ok(lld);
    }
    versioned
}

fn is_of_this_llvm(lld: &Path) -> bool {
    let answer = command::run(Command::new(lld).arg("--version"));
    answer.is_ok_and(|answer| is_of_llvm(&String::from_utf8_lossy(&answer.stdout)))
}

/// Whether the output of `ld.lld --version` names the compiler's LLVM. It may begin with the name of a
/// distribution.
fn is_of_llvm(version: &str) -> bool {
    let mut words = version.split_whitespace().skip_while(|word| *word != "LLD");
    let major = words.nth(1).and_then(|version| version.split('.').next());
    major == Some(LLVM)
}

#[cfg(test)]
mod tests {
    use super::is_of_llvm;

    #[test]
    fn the_major_version_counts() {
        assert!(is_of_llvm(
            "Debian LLD 22.1.8 (compatible with GNU linkers)"
        ));
        assert!(is_of_llvm("LLD 22.0.0git"));
        assert!(!is_of_llvm("LLD 19.1.7 (compatible with GNU linkers)"));
        assert!(!is_of_llvm("GNU ld 2.40"));
    }
}
