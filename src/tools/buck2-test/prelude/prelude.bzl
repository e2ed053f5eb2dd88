"""A stand-in: the rules that `BUCK` files need not load."""

load("@prelude//cxx:rules.bzl", _cxx_library = "cxx_library")
load("@prelude//rust:rules.bzl", _rust_binary = "rust_binary", _rust_library = "rust_library")

cxx_library = _cxx_library
rust_binary = _rust_binary
rust_library = _rust_library
