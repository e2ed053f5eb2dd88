//! A program without std, which uses core's code that unwinds nowhere.

#![feature(lang_items)]
#![allow(internal_features, invalid_from_utf8)]
#![no_std]
#![no_main]

use core::fmt::Write;
use core::panic::PanicInfo;

#[link(name = "c")]
unsafe extern "C" {
    fn write(file: i32, data: *const u8, length: usize) -> isize;
    fn _exit(status: i32) -> !;
}

struct Stdout;

impl Write for Stdout {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        unsafe { write(1, text.as_ptr(), text.len()) };
        Ok(())
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let _ = writeln!(Stdout, "{}", info.message());
    unsafe { _exit(17) }
}

// core is compiled to unwind, and refers to it.
#[lang = "eh_personality"]
extern "C" fn eh_personality() {}

#[no_mangle]
pub extern "C" fn main(count: i32, _arguments: *const *const u8) -> i32 {
    let values = [3, 1, 2];
    let mut sorted = values;
    sorted.sort_unstable();
    let parsed: Result<i32, _> = "12x".parse();
    let _ = writeln!(Stdout, "{sorted:?} {parsed:?} {:?}", core::str::from_utf8(b"a\xff"));
    values[count as usize + 4]
}
