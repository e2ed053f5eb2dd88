mod answer {
    pub fn answer() -> u32 {
        std::hint::black_box(42)
    }
}

fn main() {
    println!("{}", answer::answer());
}
