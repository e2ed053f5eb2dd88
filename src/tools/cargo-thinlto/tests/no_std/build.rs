fn main() {
    // `main` is called by the C library.
    println!("cargo::rustc-link-lib=c");
}
