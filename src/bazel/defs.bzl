"""Rules for distributed ThinLTO beside rules_rust."""

load("//private:aspect.bzl", _thinlto_aspect = "thinlto_aspect")
load("//private:providers.bzl", _ThinLtoProgramInfo = "ThinLtoProgramInfo")
load(
    "//private:rules.bzl",
    _rust_thinlto_binary = "rust_thinlto_binary",
    _rust_thinlto_shared_library = "rust_thinlto_shared_library",
    _rust_thinlto_static_library = "rust_thinlto_static_library",
    _rust_thinlto_test = "rust_thinlto_test",
)
load("//private:toolchain.bzl", _rust_thinlto_toolchain = "rust_thinlto_toolchain")

ThinLtoProgramInfo = _ThinLtoProgramInfo
rust_thinlto_binary = _rust_thinlto_binary
rust_thinlto_shared_library = _rust_thinlto_shared_library
rust_thinlto_static_library = _rust_thinlto_static_library
rust_thinlto_test = _rust_thinlto_test
rust_thinlto_toolchain = _rust_thinlto_toolchain
thinlto_aspect = _thinlto_aspect
