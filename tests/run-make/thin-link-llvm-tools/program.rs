// Something of each kind that a summary describes: calls, references, constants, vtables.

use std::collections::BTreeMap;

mod tables {
    pub static SEED: u32 = 7;
    pub static OPERATIONS: [fn(u32, u32) -> u32; 2] = [add, mix];

    fn add(a: u32, b: u32) -> u32 {
        a.wrapping_add(b)
    }

    fn mix(a: u32, b: u32) -> u32 {
        a.rotate_left(5) ^ b
    }
}

mod steps {
    pub type Step = Box<dyn Fn(u32) -> u32>;

    #[inline(never)]
    pub fn run(steps: &[Step], value: u32) -> u32 {
        steps.iter().fold(value, |value, step| step(value))
    }
}

fn main() {
    let mut counts = BTreeMap::new();
    for argument in std::env::args() {
        *counts.entry(argument).or_insert(tables::SEED) += 1;
    }
    let operation = tables::OPERATIONS[counts.len() % 2];
    let steps: Vec<steps::Step> =
        counts.values().map(|&count| Box::new(move |value| value * count) as _).collect();
    println!("{counts:?} {}", operation(steps::run(&steps, 3), 3));
}
