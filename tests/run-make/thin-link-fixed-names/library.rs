pub mod double {
    #[inline(never)]
    pub fn double(value: u32) -> u32 {
        value * 2
    }
}

pub mod sum {
    #[inline(never)]
    pub fn sum(values: &[u32]) -> u32 {
        values.iter().map(|&value| crate::double::double(value)).sum()
    }
}
