fn main() {
    println!("example {}", numbers::twice(std::env::args().count() as u32));
}
