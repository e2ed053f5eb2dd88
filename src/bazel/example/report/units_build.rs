//! Writes the units of sizes to a source file.

use std::{env, fs};

fn main() {
    let mut source = String::from("const UNITS: &[(usize, &str)] = &[\n");
    for (power, name) in [(20, "MiB"), (10, "KiB"), (0, "B")] {
        source += &format!("    ({}, \"{name}\"),\n", 1 << power);
    }
    source += "];\n";
    let folder = env::var("OUT_DIR").expect("OUT_DIR is set");
    fs::write(format!("{folder}/units.rs"), source).expect("OUT_DIR can be written to");
}
