fn main() {
    std::process::exit(answer_sys::answer());
}
