//! A library without std, for LTO by rustc itself: LTO of std takes seconds.

#![no_std]

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

/// Exported from every crate type.
#[unsafe(no_mangle)]
pub extern "C" fn entry(number: u32) -> u32 {
    order::middle(&mut [number, 3, number ^ 7, 11, number.count_ones()])
}
