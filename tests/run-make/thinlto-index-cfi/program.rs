extern crate library;

fn double(value: u32) -> u32 {
    value * 2
}

fn main() {
    let mode = std::env::args().nth(1).unwrap();
    let function: fn(u32) -> u32 = match &*mode {
        "increment" => library::increment,
        "double" => double,
        // SAFETY: control-flow integrity ends the program before the call.
        _ => unsafe { std::mem::transmute(main as fn()) },
    };
    println!("{}", library::call(function, 20));
}
