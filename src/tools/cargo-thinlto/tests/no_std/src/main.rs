#![no_std]
#![no_main]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

#[no_mangle]
pub extern "C" fn main(count: i32, _: *const *const u8) -> i32 {
    halves::half(83 + count)
}
