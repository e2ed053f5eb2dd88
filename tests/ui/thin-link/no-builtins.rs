// A `#![no_builtins]` crate takes no part in LTO: its objects are native in spite of
// `-Clinker-plugin-lto`.

//@ compile-flags: -Zunstable-options --emit=obj,thin-link-bitcode -Clinker-plugin-lto

#![no_builtins]

fn main() {}

//~? ERROR thin-link bitcode cannot be emitted for a `#![no_builtins]` crate
