extern crate unused;

fn main() {
    let arguments = std::env::args().count() as u32;
    println!("{}", numbers::double(arguments + 20));
}
