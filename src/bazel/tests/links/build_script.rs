fn main() {
    println!("cargo:rustc-link-lib=dylib=rt");
    println!("cargo:rustc-link-arg=-Wl,-z,stack-size=7340032");
    println!("cargo:rustc-cfg=from_build_script");
    println!("cargo:rustc-env=FROM_BUILD_SCRIPT=yes");
}
