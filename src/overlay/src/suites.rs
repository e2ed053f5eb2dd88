//! The checks and tests that `./x.py test` runs, and counts of their results.

/// The checks of our workspace's sources: the name, the program of stage 0 and its arguments.
pub const LINTS: [(&str, &str, &[&str]); 2] = [
    ("cargo fmt", "cargo-fmt", &["fmt", "--all", "--check"]),
    (
        "cargo clippy",
        "cargo-clippy",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "--deny=warnings",
        ],
    ),
];

/// The suites that hold tests of ours.
pub const OURS: [&str; 6] = [
    "tests/run-make",
    "tests/run-make-cargo",
    "tests/ui",
    "tests/ui-fulldeps",
    "tests/codegen-llvm",
    "tests/incremental",
];

/// Suites whose tests are folders. As a path on the command line, each selects our tests in it.
pub const RUN_MAKE: [&str; 2] = ["tests/run-make", "tests/run-make-cargo"];

/// The upstream tests closest to our changes, as patterns of paths.
pub const UPSTREAM: [&str; 11] = [
    "tests/ui/lto",
    "tests/ui/emit*",
    "tests/ui/codegen",
    "tests/codegen-llvm",
    "tests/incremental",
    "tests/run-make/*lto*",
    "tests/run-make/*emit*",
    "tests/run-make/*incremental*",
    "tests/run-make/*artifact*",
    "tests/run-make/*dep-info*",
    "tests/run-make/rustc-help",
];

/// The crates of the compiler whose unit tests are run. `compiler/rustc` makes cargo select the
/// features of the whole compiler, so that it reuses the dependencies that the build left. Without
/// it, cargo would build most of the compiler again.
pub const CRATES: [&str; 3] = [
    "compiler/rustc",
    "compiler/rustc_codegen_ssa",
    "compiler/rustc_interface",
];

/// The rules for Bazel. As a path on the command line, it selects their tests.
pub const BAZEL: &str = "src/bazel";

/// The numbers of tests that passed, failed and were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

impl Counts {
    /// One test.
    pub fn one(passed: bool) -> Counts {
        Counts {
            passed: passed.into(),
            failed: (!passed).into(),
            skipped: 0,
        }
    }

    /// Adds the numbers in a `test result:` line of libtest or bootstrap; ignores other lines.
    pub fn add_line(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test result: ") else {
            return;
        };
        for part in rest.split(['.', ';']) {
            let mut words = part.split_whitespace();
            let (number, outcome) = (
                words.next().and_then(|word| word.parse().ok()),
                words.next(),
            );
            match (number, outcome) {
                (Some(number), Some("passed")) => self.passed += number,
                (Some(number), Some("failed")) => self.failed += number,
                (Some::<usize>(number), Some("ignored")) => self.skipped += number,
                _ => {}
            }
        }
    }

    /// The sum of both.
    pub fn plus(self, other: Counts) -> Counts {
        Counts {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn result_lines_are_summed() {
        let mut counts = Counts::default();
        for line in [
            "running 3 tests",
            "test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; 7 filtered out; finished in 1.2s",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
        ] {
            counts.add_line(line);
        }
        assert_eq!(
            counts,
            Counts {
                passed: 13,
                failed: 2,
                skipped: 3
            }
        );
        assert_eq!(counts.to_string(), "13 passed, 2 failed, 3 skipped");
    }
}
