fn main() {
    let count = std::env::args().count() as u32;
    let mark = if cfg!(feature = "loud") { "!" } else { "" };
    println!(
        "{} {} {} {}{mark}",
        numbers::twice(count),
        native::add(count, 1),
        macros::ten!(),
        env!("BUILT_WITH")
    );
    if let Some(code) = std::env::args().nth(1) {
        if code == "abort" {
            std::process::abort();
        }
        std::process::exit(code.parse().unwrap());
    }
}
