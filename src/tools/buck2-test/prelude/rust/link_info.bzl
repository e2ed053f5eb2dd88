"""A stand-in: the shapes in which the prelude's Rust rules provide their crates."""

RustProcMacroPlugin = plugins.kind()
RustProcMacroMarker = provider(fields = {"label": typing.Any})
TransitiveDeps = transitive_set()
RustNativeLinkDeps = transitive_set()

CrateName = record(simple = str, dynamic = typing.Any)
RustArtifact = record(artifact = Artifact, crate = CrateName)

RustLinkStrategyInfo = record(
    outputs = dict,
    transitive_deps = dict,
    transitive_proc_macro_deps = typing.Any,
)

RustLinkInfo = provider(
    fields = {
        "crate": CrateName,
        "native_link_deps": typing.Any,
        "strategies": dict,
    },
)
