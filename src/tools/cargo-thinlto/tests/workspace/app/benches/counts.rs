fn main() {
    println!("bench {}", numbers::twice(3));
}
