//! Exits with 42.

#![feature(no_core)]
#![no_std]
#![no_core]
#![no_main]

extern crate library;
extern crate minicore;
use minicore::*;

const EXIT: isize = 93;

#[no_mangle]
pub extern "C" fn _start() -> ! {
    let code = library::add(library::add(15));
    // SAFETY: the call ends the process.
    unsafe { asm!("svc #0", in("x0") code, in("x8") EXIT, options(noreturn)) }
}
