// The option says where a backend finds modules; a compile would not look there.

//@ compile-flags: -Zthinlto-remap-module=old=new
//@ check-fail

fn main() {}

//~? ERROR `-Zthinlto-remap-module` cannot be used without `-Zthinlto-index`
