fn main() {
    println!("{}", library::answer() + other::more());
}

mod other {
    #[inline(never)]
    pub fn more() -> i32 {
        library::other::more()
    }
}
