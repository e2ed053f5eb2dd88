fn main() {
    println!("long");
}
