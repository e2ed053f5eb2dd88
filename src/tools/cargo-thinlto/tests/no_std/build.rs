fn main() {
    // The cache of a test may be in the folder.
    println!("cargo::rerun-if-changed=build.rs");
    // `main` is called by the C library.
    println!("cargo::rustc-link-lib=c");
}
