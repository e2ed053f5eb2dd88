unsafe extern "C" {
    // SAFETY: it only computes a number.
    safe fn from_archive(number: i32) -> i32;
}

#[link(name = "m")]
unsafe extern "C" {
    // SAFETY: it only computes a number.
    safe fn cbrt(number: f64) -> f64;
}

pub fn compute(number: i32) -> (i32, f64) {
    assert!(cfg!(from_build_script) && env!("FROM_BUILD_SCRIPT") == "yes");
    (from_archive(number), cbrt(number.into()))
}
