fn main() {
    let count = std::env::args().count() as i32;
    println!("{} {}", native::sixfold(count), native::other::half(8 * count));
    std::process::exit(native::sixfold(count) + 1);
}
