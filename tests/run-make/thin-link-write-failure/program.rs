mod first {
    #[inline(never)]
    pub fn print(values: &[String]) {
        println!("{}", values.join(", "));
    }
}

mod second {
    #[inline(never)]
    pub fn collect() -> Vec<String> {
        std::env::args().collect()
    }
}

fn main() {
    first::print(&second::collect());
}
