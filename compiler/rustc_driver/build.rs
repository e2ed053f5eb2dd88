//! Links librustc_driver so that it starts fast: the dynamic linker would otherwise look up each of
//! the 59,000 symbols by which the library refers to itself, which is two thirds of all it executes
//! when a backend of distributed ThinLTO starts.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-link-arg=-Wl,-Bsymbolic,-z,pack-relative-relocs");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
