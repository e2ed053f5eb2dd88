//! A crate that needs no library, for targets without std.

#![feature(lang_items, no_core)]
#![allow(internal_features)]
#![no_core]

#[lang = "pointee_sized"]
pub trait PointeeSized {}

#[lang = "meta_sized"]
pub trait MetaSized: PointeeSized {}

#[lang = "sized"]
pub trait Sized: MetaSized {}

#[lang = "copy"]
pub trait Copy {}

impl Copy for u32 {}

pub mod inner {
    #[inline(never)]
    pub fn first(one: u32, _two: u32) -> u32 {
        one
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn entry(number: u32) -> u32 {
    inner::first(number, 7)
}
