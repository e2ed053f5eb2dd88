fn main() {
    println!("{}", library::value() + library::other::unchanged());
}
