"""A stand-in: the fields of the prelude's providers that rules read here."""

LinkerInfo = provider(
    fields = {
        "linker": provider_field(RunInfo),
        "linker_flags": provider_field(list, default = []),
        "post_linker_flags": provider_field(list, default = []),
    },
)
CxxToolchainInfo = provider(fields = {"compiler": RunInfo, "linker_info": LinkerInfo})
