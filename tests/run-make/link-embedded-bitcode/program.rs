extern crate library;
extern crate no_builtins;

fn main() {
    let mut memory = [0; 3];
    no_builtins::fill(&mut memory);
    let values = memory.map(u32::from);
    println!("{} {}", library::sums::total(&values), std::env::args().count());
}
