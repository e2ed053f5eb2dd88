pub mod first {
    #[inline(never)]
    pub fn twice(value: u32) -> u32 {
        super::second::add(value, value)
    }
}

pub mod second {
    #[inline(never)]
    pub fn add(a: u32, b: u32) -> u32 {
        a.wrapping_add(b)
    }
}
