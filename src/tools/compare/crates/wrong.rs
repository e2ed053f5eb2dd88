//! A crate with an error.

fn main() {
    let number: u32 = "seven";
}
