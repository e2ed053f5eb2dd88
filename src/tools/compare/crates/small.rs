//! A library or a program without std, for LTO by rustc itself: LTO of std takes seconds.

#![no_std]
#![no_main]

mod numbers {
    /// A static that only this module names.
    static FACTORS: [u32; 4] = [3, 5, 17, 257];

    pub fn scale(number: u32) -> u32 {
        number.wrapping_mul(FACTORS[number as usize % FACTORS.len()])
    }
}

mod order {
    pub fn middle(numbers: &mut [u32]) -> u32 {
        numbers.sort_unstable_by_key(|number| super::numbers::scale(*number));
        numbers[numbers.len() / 2]
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

/// core refers to it, although nothing unwinds.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// The entry of the program.
#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    panic!("{}", entry(7))
}

/// Exported from every crate type.
#[unsafe(no_mangle)]
pub extern "C" fn entry(number: u32) -> u32 {
    order::middle(&mut [number, 3, number ^ 7, 11, number.count_ones()])
}
