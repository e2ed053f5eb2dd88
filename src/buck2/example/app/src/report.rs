//! The line that the program prints.

/// The sum of the areas of shapes.
pub fn line(shape: &str, areas: &[u64]) -> String {
    format!("{shape}: {}", numbers::sum(areas))
}
