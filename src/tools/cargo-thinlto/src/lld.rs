//! Finds the lld of the compiler's LLVM.

use std::path::PathBuf;
use std::process::Command;

use distributed::toolchain::{self, LLVM};
use helped::Helped;
use tool_support::command;

/// The path of an lld that reads this compiler's bitcode: the one with the version in its name, or an
/// `ld.lld` of that version in `PATH`.
pub fn find() -> anyhow::Result<PathBuf> {
    let versioned = toolchain::find_llvm("ld.lld", "lld");
    if let Ok(lld) = &versioned {
        check(lld)?;
        return versioned;
    }
    match which::which("ld.lld") {
        Ok(lld) if check(&lld).is_ok() => Ok(lld),
        _ => versioned,
    }
}

fn check(lld: &PathBuf) -> anyhow::Result<()> {
    let answer = command::run(Command::new(lld).arg("--version"))?;
    let version = String::from_utf8_lossy(&answer.stdout);
    if is_of_llvm(&version) {
        return Ok(());
    }
    let message = format!("{} is not LLVM {LLVM}: {}", lld.display(), version.trim());
    Err(Helped::new(message, format!("apt-get install lld-{LLVM}")).into())
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
