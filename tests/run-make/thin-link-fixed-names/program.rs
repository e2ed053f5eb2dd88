extern crate library;

mod print {
    #[inline(never)]
    pub fn print(value: u32) {
        println!("{value}");
    }
}

fn main() {
    print::print(library::sum::sum(&[1, 2, 3]));
}
