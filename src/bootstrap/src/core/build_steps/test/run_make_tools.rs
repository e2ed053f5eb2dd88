//! Which tools the selected run-make tests need.

use std::fs;

use crate::core::builder::Builder;
use crate::utils::helpers::is_valid_test_suite_arg;

const SUITE: &str = "tests/run-make";

/// Whether a run-make test that is selected on the command line mentions rustdoc, so that
/// it is built for those tests only.
pub(super) fn need_rustdoc(builder: &Builder<'_>) -> bool {
    let mut filters: Vec<&str> = builder
        .config
        .paths
        .iter()
        .filter_map(|path| is_valid_test_suite_arg(path, SUITE, builder))
        .collect();
    filters.extend(builder.config.test_args());
    let skipped = &builder.config.skip;

    let tests = fs::read_dir(builder.src.join(SUITE)).expect("the run-make suite can be read");
    tests.map(|test| test.expect("the run-make suite can be read")).any(|test| {
        let name = format!("{SUITE}/{}", test.file_name().to_string_lossy());
        // compiletest's own rule: a filter is any part of the name.
        let selected = filters.is_empty() || filters.iter().any(|filter| name.contains(filter));
        let skipped = skipped.iter().any(|skip| skip.to_str().is_some_and(|s| name.contains(s)));
        selected
            && !skipped
            && ["rmake.rs", "Makefile"].iter().any(|recipe| {
                fs::read(test.path().join(recipe))
                    .is_ok_and(|text| String::from_utf8_lossy(&text).to_lowercase().contains("rustdoc"))
            })
    })
}
