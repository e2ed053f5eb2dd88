#[test]
fn doubles() {
    assert_eq!(numbers::twice(21), 42);
}

// Input of a test: `cargo thinlto test` has to report it as ignored, as `cargo test` does.
#[test]
#[ignore]
fn ignored() {}

#[test]
#[should_panic(expected = "no number")]
fn panics_unwind_across_crates() {
    numbers::parse("x");
}
