//! What goes through std's run-time parts: threads, thread-locals and their destructors, panics
//! caught, uncaught and in a destructor, formatting, hashing, and another crate's SIMD code.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::mpsc;
use std::{panic, thread};

struct Loud(&'static str);

impl Drop for Loud {
    fn drop(&mut self) {
        println!("{} is dropped", self.0);
    }
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

thread_local!(static SLOT: RefCell<Option<Loud>> = const { RefCell::new(None) });

#[inline(never)]
fn element(values: &[usize], index: usize) -> usize {
    values[index]
}

#[inline(never)]
fn threads() {
    let (sender, receiver) = mpsc::channel();
    let handle = thread::Builder::new().name("worker".to_owned()).spawn(move || {
        SLOT.with(|slot| *slot.borrow_mut() = Some(Loud("the worker's slot")));
        sender.send(thread::current().name().map(str::to_owned)).unwrap();
        element(&[1, 2, 3], std::env::args().count() + 6)
    });
    let result = handle.unwrap().join();
    println!("{:?} {}", receiver.recv().unwrap(), result.is_err());
}

#[inline(never)]
fn caught() {
    let message = panic::catch_unwind(|| {
        let _loud = Loud("an unwound frame");
        element(&[4, 5, 6], std::env::args().count() + 9)
    });
    println!("{}", message.unwrap_err().downcast::<String>().unwrap());
    let dropped = panic::catch_unwind(|| drop(PanicsWhenDropped));
    println!("{:?}", dropped.unwrap_err().downcast_ref::<&str>());
}

#[inline(never)]
fn searches() {
    for length in [1, 15, 16, 31, 32, 33, 64, 200] {
        let text = "-".repeat(length) + "+" + &"-".repeat(length);
        println!("{:?} {:?}", simd::find(b'+', text.as_bytes()), simd::find(b'*', text.as_bytes()));
    }
    let text = "-".repeat(77) + "+";
    println!("{:?}", simd::find_sse2(b'+', text.as_bytes()));
    // Present or not, the same in each program.
    println!("{:?}", simd::find_avx2(b'+', text.as_bytes()));
}

fn main() {
    SLOT.with(|slot| *slot.borrow_mut() = Some(Loud("main's slot")));
    threads();
    caught();
    searches();
    let mut counts = HashMap::new();
    for word in "a b c a b a".split(' ') {
        *counts.entry(word).or_insert(0) += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort();
    println!("{counts:?} {:8.3} {:e}", 1.0f64 / 3.0, 12345.678f32);
    element(&[7, 8, 9], std::env::args().count() + 12);
}
