#[cfg(cpp)]
#[link(name = "area", kind = "static")]
unsafe extern "C" {
    safe fn area(side: i32) -> i32;
}

#[cfg(profile)]
#[unsafe(no_mangle)]
#[inline(never)]
pub fn work(count: u32) -> u32 {
    let mut sum = 0;
    for number in 0..count {
        sum ^= parts::large(number);
    }
    if sum == 12345 {
        sum ^= parts::small(sum);
    }
    sum
}

fn main() {
    let count = std::env::args().count() as u32;
    let mut sum = parts::small(count) + parts::like::small(count) + parts::large(count);
    sum ^= parts::never(count) ^ parts::weak(count) ^ parts::outer(count);
    #[cfg(cpp)]
    {
        sum ^= area(count as i32) as u32;
    }
    #[cfg(profile)]
    {
        sum ^= work(sum);
    }
    println!("{sum}");
}
