#[test]
fn doubles() {
    assert_eq!(numbers::twice(21), 42);
}

#[test]
#[ignore]
fn ignored() {}

#[test]
#[should_panic(expected = "no number")]
fn panics_unwind_across_crates() {
    numbers::parse("x");
}
