//! Native code with its bitcode embedded, in two codegen units, and a function of C.

#[link(name = "helper", kind = "static")]
unsafe extern "C" {
    fn helper_first() -> u32;
    fn helper_second() -> u32;
}

pub mod sums {
    #[inline(never)]
    pub fn total(values: &[u32]) -> u32 {
        values.iter().map(|&value| super::weights::weigh(value)).sum()
    }
}

pub mod weights {
    #[inline(never)]
    pub fn weigh(value: u32) -> u32 {
        value.rotate_left(5) ^ unsafe { super::helper_first() + super::helper_second() }
    }
}
