fn main() {
    println!("tool {}", numbers::twice(std::env::args().count() as u32));
    while std::env::args().nth(1).is_some() {
        std::thread::park();
    }
}
