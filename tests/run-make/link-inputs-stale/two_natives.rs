fn main() {
    println!("{}", one::seven() + two::seven());
}
