// `--emit=thin-link-bitcode` is unstable: without `-Zunstable-options` there is no output.

//@ compile-flags: --emit=thin-link-bitcode -Clinker-plugin-lto

fn main() {}

//~? ERROR thin-link-bitcode requested but -Zunstable-options not specified
