// `-Zemit-thin-lto=no` asks for bitcode without a summary, `--emit=thin-link-bitcode` for the
// summary.

//@ compile-flags: -Zunstable-options --emit=obj,thin-link-bitcode -Clinker-plugin-lto
//@ compile-flags: -Zemit-thin-lto=no

fn main() {}
