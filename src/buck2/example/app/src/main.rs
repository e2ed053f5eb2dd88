//! A program of several crates, with a proc macro, a build script and a C library.

mod report;

use describe::Describe;
use shapes::{Rectangle, Shape};

#[cfg(with_squares)]
include!(concat!(env!("OUT_DIR"), "/squares.rs"));

#[derive(Describe)]
struct Square(u64);

impl Shape for Square {
    fn area(&self) -> u64 {
        numbers::product(self.0, self.0)
    }
}

fn main() {
    let areas: Vec<u64> = SQUARES
        .iter()
        .enumerate()
        .map(|(side, _)| Square(side as u64).area())
        .collect();
    assert_eq!(areas, SQUARES);
    println!("Rectangle: {}", Rectangle(2, 3).area());
    println!("{}", report::line(Square::describe(), &areas));
    println!("checksum {:08x}", checksum::adler(b"distributed ThinLTO"));
}
