//! The tests that `./x.py test` runs besides those of the workspace, and how results are counted.

/// Suites in which new tests of the overlay are run.
pub const OURS: [&str; 6] = [
    "tests/run-make",
    "tests/run-make-cargo",
    "tests/ui",
    "tests/ui-fulldeps",
    "tests/codegen-llvm",
    "tests/incremental",
];

/// Suites whose tests are folders; given as a path, each stands for our tests in it.
pub const RUN_MAKE: [&str; 2] = ["tests/run-make", "tests/run-make-cargo"];

/// The upstream tests nearest to our change, as patterns of paths.
pub const UPSTREAM: [&str; 10] = [
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
];

/// The compiler's crates whose unit tests are run. With `compiler/rustc` among them cargo selects
/// the features of the whole compiler, so that all their dependencies are those that the
/// build of the compiler left; without it cargo would build most of the compiler again.
pub const CRATES: [&str; 3] = [
    "compiler/rustc",
    "compiler/rustc_codegen_ssa",
    "compiler/rustc_interface",
];

/// How many tests passed, failed and were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

impl Counts {
    /// Adds the numbers of a `test result:` line of libtest or bootstrap; other lines add nothing.
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
