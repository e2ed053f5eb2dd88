//! A program without a dependency, for modes that a dependency would have to share.

fn double(number: u32) -> u32 {
    number * 2
}

fn main() {
    let functions: [(&str, fn(u32) -> u32); 2] = [("double", double), ("swap", u32::swap_bytes)];
    for (name, function) in std::hint::black_box(functions) {
        let text: Box<dyn std::fmt::Display> = Box::new(function(7));
        println!("{name} {text}");
    }
}
