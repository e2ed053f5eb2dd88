mod first {
    #[inline(never)]
    pub fn print() {
        println!("{}", helper::describe(1));
    }
}

mod second {
    #[inline(never)]
    pub fn print() {
        println!("{}", helper::describe(2));
    }
}

fn main() {
    first::print();
    second::print();
}
