mod parse {
    pub fn numbers(arguments: impl Iterator<Item = String>) -> Vec<u64> {
        arguments.map(|argument| argument.parse().unwrap()).collect()
    }
}

mod print {
    pub fn line(name: &str, value: impl std::fmt::Debug) {
        let name = if cfg!(feature = "loud") { name.to_uppercase() } else { name.to_owned() };
        println!("{name} {value:?}");
    }
}

fn main() {
    let numbers = parse::numbers(std::env::args().skip(1));
    print::line("optimized", cfg!(optimized));
    print::line("sum", numbers::sum(&numbers));
    print::line("largest", numbers::largest(&numbers));
    print::line("odd", others::odd::count(&numbers));
    print::line("greeting", std::env::var("GREETING").ok());
}
