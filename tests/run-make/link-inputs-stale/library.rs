// With `--cfg edited` other code in the same functions.

#[cfg(not(edited))]
const VALUE: u32 = 1;
#[cfg(edited)]
const VALUE: u32 = 2;

#[inline(never)]
pub fn value() -> u32 {
    VALUE
}

pub mod other {
    #[inline(never)]
    pub fn unchanged() -> u32 {
        40
    }
}
