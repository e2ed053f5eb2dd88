#[inline(never)]
pub fn call(function: fn(u32) -> u32, value: u32) -> u32 {
    function(value)
}

pub fn increment(value: u32) -> u32 {
    value + 1
}
