//! A module of the program and of the library, with trait objects and a destructor.

use dependency::Named;
use macros::Named;

pub trait Shape {
    fn area(&self) -> f64;
}

#[derive(Debug, Named)]
pub struct Circle(pub f64);

#[derive(Debug, Named)]
pub struct Square {
    pub side: f64,
}

impl Shape for Circle {
    fn area(&self) -> f64 {
        self.0 * self.0 * std::f64::consts::PI
    }
}

impl Shape for Square {
    fn area(&self) -> f64 {
        self.side * self.side
    }
}

impl Drop for Square {
    fn drop(&mut self) {
        dependency::CALLS.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
    }
}

/// Through a vtable.
pub fn total(shapes: &[Box<dyn Shape>]) -> f64 {
    shapes.iter().map(|shape| shape.area()).sum()
}

pub fn names() -> String {
    let (circle, square) = (Circle(1.0), Square { side: 2.0 });
    dependency::list(&[circle.name(), square.name()])
}
