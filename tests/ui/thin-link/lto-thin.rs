// `-Clto=thin` by itself leaves native objects; the note says why a thin link has no use for it.

//@ compile-flags: -Zunstable-options --emit=obj,thin-link-bitcode -Clto=thin

fn main() {}

//~? ERROR `--emit=thin-link-bitcode` needs objects that hold bitcode
