//! Shapes.

/// A shape in the plane.
pub trait Shape {
    /// Its area.
    fn area(&self) -> u64;
}

/// A rectangle by the lengths of its sides.
pub struct Rectangle(pub u64, pub u64);

impl Shape for Rectangle {
    fn area(&self) -> u64 {
        numbers::product(self.0, self.1)
    }
}
