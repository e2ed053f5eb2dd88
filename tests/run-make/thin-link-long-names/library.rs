pub mod first {
    #[no_mangle]
    pub extern "C" fn count(values: u32) -> usize {
        (0..values).map(|value| value.to_string()).collect::<Vec<_>>().len()
    }
}

pub mod second {
    #[no_mangle]
    pub extern "C" fn double(value: u32) -> u32 {
        value * 2
    }
}
