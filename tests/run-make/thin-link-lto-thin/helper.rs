pub fn describe(value: u32) -> String {
    format!("value {value}")
}
