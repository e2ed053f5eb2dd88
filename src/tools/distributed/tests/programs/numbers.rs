// Not a leaf, so it is not compiled into other crates.
pub fn double(number: u32) -> u32 {
    call(twice, number)
}

fn twice(number: u32) -> u32 {
    number * 2
}

#[inline(never)]
pub fn call(function: fn(u32) -> u32, number: u32) -> u32 {
    function(number)
}
