extern crate native;

#[no_mangle]
pub extern "C" fn library_answer(value: i32) -> i32 {
    let parts: Vec<String> = (0..value).map(|value| native::sixfold(value).to_string()).collect();
    parts.join("").len() as i32
}
