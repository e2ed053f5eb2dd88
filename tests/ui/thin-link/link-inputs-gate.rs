// `--emit=link-inputs` is unstable: without `-Zunstable-options` there is no output.

//@ compile-flags: --emit=link-inputs

fn main() {}

//~? ERROR link-inputs requested but -Zunstable-options not specified
