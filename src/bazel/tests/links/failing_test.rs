#[test]
fn fails() {
    assert_eq!(1 + 1, 3);
}
