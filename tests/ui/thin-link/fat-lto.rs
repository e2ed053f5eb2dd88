// Fat LTO merges all the modules into one, which leaves a thin link nothing, whatever the objects
// hold.

//@ revisions: native bitcode
//@ compile-flags: -Zunstable-options --emit=obj,thin-link-bitcode -Clto=fat
//@[bitcode] compile-flags: -Clinker-plugin-lto

fn main() {}

//~? ERROR `--emit=thin-link-bitcode` cannot be used with `-Clto=fat`
