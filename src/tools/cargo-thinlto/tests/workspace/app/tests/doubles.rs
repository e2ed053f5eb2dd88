#[test]
fn doubles() {
    assert_eq!(numbers::twice(21), 42);
}

#[test]
#[ignore = "input of a test: `cargo thinlto test` has to report it as `cargo test` does"]
fn ignored() {}

#[test]
#[should_panic(expected = "no number")]
fn panics_unwind_across_crates() {
    numbers::parse("x");
}
