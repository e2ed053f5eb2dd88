//! Lines of a table.

/// A line with `name` at its left and `value` at its right.
pub fn line(name: &str, value: &str) -> String {
    format!("{name:<12}{value:>10}\n")
}
