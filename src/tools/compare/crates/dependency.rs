//! An rlib that the program and the library depend on.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU32, Ordering};

/// A static that other crates name.
pub static CALLS: AtomicU32 = AtomicU32::new(0);

/// A trait with a provided method and a constant that `#[derive(Named)]` sets.
pub trait Named {
    const NAME: &'static str;

    fn name(&self) -> String {
        CALLS.fetch_add(1, Ordering::Relaxed);
        Self::NAME.to_lowercase()
    }
}

/// Generic: compiled in the crates that call it.
pub fn list<T: Debug>(items: &[T]) -> String {
    let items: Vec<_> = items.iter().map(|item| format!("{item:?}")).collect();
    items.join(", ")
}

/// Inlined across crates without LTO.
#[inline]
pub fn half(number: u32) -> u32 {
    number / 2
}

/// Called across crates, and inlined only by LTO.
pub fn collatz(mut number: u32) -> u32 {
    let mut steps = 0;
    while number > 1 {
        number = if number % 2 == 0 { half(number) } else { 3 * number + 1 };
        steps += 1;
    }
    steps
}
