//! Writes a table of squares for the program.

use std::{env, fs};

fn main() {
    let squares: Vec<u64> = (0..8).map(|number| number * number).collect();
    let out_dir = env::var("OUT_DIR").expect("Buck2 sets it");
    let text = format!("const SQUARES: [u64; 8] = {squares:?};\n");
    fs::write(format!("{out_dir}/squares.rs"), text).expect("the folder can be written");
    println!("cargo:rustc-cfg=with_squares");
}
