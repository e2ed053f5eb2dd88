//! Calls C.

extern "C" {
    fn helper(value: u32) -> u32;
}

fn main() {
    let count = std::env::args().count() as u32;
    // SAFETY: `helper` has no requirements.
    unsafe { println!("{} {}", helper(count), helper(count + 1)) };
}
