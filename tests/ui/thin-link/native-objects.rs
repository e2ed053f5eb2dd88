// Without `-Clinker-plugin-lto` the objects are native, and a summary would describe bitcode that
// no output holds.

//@ compile-flags: -Zunstable-options --emit=obj,thin-link-bitcode

fn main() {}

//~? ERROR `--emit=thin-link-bitcode` needs objects that hold bitcode
