mod greeting {
    #[inline(never)]
    #[no_mangle]
    pub extern "C" fn greet() {
        println!("hello");
    }
}

mod farewell {
    #[inline(never)]
    #[no_mangle]
    pub extern "C" fn part() {
        println!("{}", String::from("goodbye"));
    }
}

fn main() {
    greeting::greet();
    farewell::part();
}
