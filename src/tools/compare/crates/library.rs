//! The library that is compared as every crate type that can be linked to.

pub mod numbers;
pub mod shapes;

use shapes::{Circle, Shape};

/// Exported from every crate type.
#[unsafe(no_mangle)]
pub extern "C" fn entry(number: u32) -> u32 {
    let shape: Box<dyn Shape> = Box::new(Circle(f64::from(number)));
    let name = std::panic::catch_unwind(shapes::names).unwrap_or_default();
    name.len() as u32 + shapes::total(&[shape]) as u32 + numbers::next()
}

/// Generic: not compiled here.
pub fn largest<T: Ord + Clone>(items: &[T]) -> Option<T> {
    items.iter().max().cloned()
}

/// The compiler warns about it.
fn unused() -> u32 {
    dependency::collatz(numbers::SEED)
}
