//! The program that is compared.

mod numbers;
mod shapes;

use shapes::{Circle, Shape, Square};

/// The compiler warns about it.
fn unused() -> u32 {
    numbers::SEED
}

fn main() {
    let shapes: Vec<Box<dyn Shape>> = vec![Box::new(Circle(1.5)), Box::new(Square { side: 2.0 })];
    let numbers: Vec<u32> = (0..5).map(|_| numbers::next()).collect();
    println!("{} {} {:?}", shapes::names(), shapes::total(&shapes), numbers);
    println!("{}", numbers::sum(&numbers, dependency::collatz(27) as usize % 5));
}
