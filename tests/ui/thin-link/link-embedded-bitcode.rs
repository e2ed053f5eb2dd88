// The bitcode of std is asked for in a link that cannot take it.

//@ no-prefer-dynamic
//@ revisions: alone split cfi msvc
//@ compile-flags: -Zlink-embedded-bitcode -Zunstable-options -Cpanic=abort
//@[split] compile-flags: -Clinker-plugin-lto -Zsplit-lto-unit
//@[cfi] compile-flags: -Clinker-plugin-lto -Ccodegen-units=1 -Zsanitizer=cfi
//@[cfi] compile-flags: --target=x86_64-unknown-linux-gnu
//@[cfi] needs-llvm-components: x86
//@[msvc] compile-flags: -Clinker-plugin-lto --target=x86_64-pc-windows-msvc
//@[msvc] needs-llvm-components: x86

#![feature(no_core)]
#![no_core]
#![no_main]

//[alone]~? ERROR `-Zlink-embedded-bitcode` cannot be used without `-Clinker-plugin-lto`
//[split,cfi]~? ERROR `-Zlink-embedded-bitcode` cannot be used with split LTO units
//[msvc]~? ERROR `-Zlink-embedded-bitcode` cannot be used for the target `x86_64-pc-windows-msvc`
