"""A stand-in: the fields of the prelude's provider that rules read here, and those that a toolchain sets."""

PanicRuntime = enum("unwind", "abort", "none")

RustToolchainInfo = provider(
    fields = {
        "advanced_unstable_linking": provider_field(bool, default = False),
        "compiler": provider_field(RunInfo),
        "default_edition": provider_field(typing.Any),
        "extra_rustc_flags": provider_field(list, default = []),
        "linker_flags": provider_field(list, default = []),
        "panic_runtime": provider_field(PanicRuntime),
        "rustc_binary_flags": provider_field(list, default = []),
        "rustc_env": provider_field(dict, default = {}),
        "rustc_flags": provider_field(list, default = []),
        "rustc_target_triple": provider_field(typing.Any),
        "rustc_test_flags": provider_field(list, default = []),
    },
)
