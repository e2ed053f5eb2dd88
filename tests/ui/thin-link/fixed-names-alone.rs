// Only the modules of distributed ThinLTO have fixed names.

//@ compile-flags: -Zthin-link-fixed-names --emit=obj

fn main() {}

//~? ERROR `-Zthin-link-fixed-names` cannot be used without `--emit=thin-link-bitcode`
