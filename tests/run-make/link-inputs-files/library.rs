pub fn answer() -> i32 {
    42
}

pub mod other {
    pub fn more() -> i32 {
        43
    }
}
