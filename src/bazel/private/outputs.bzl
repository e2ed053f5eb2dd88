"""The files that Bazel's own actions write."""

load(":aspect.bzl", "thinlto_aspect")
load(":providers.bzl", "ThinLtoIndexesInfo")

def _impl(target, _ctx):
    for action in target.actions:
        if action.mnemonic == "CppLTOIndexing":
            outputs = action.outputs.to_list()
            return [ThinLtoIndexesInfo(
                imports = depset([file for file in outputs if file.path.endswith(".imports")]),
                indexes = depset([file for file in outputs if file.path.endswith(".thinlto.bc")]),
            )]
    return []

outputs_aspect = aspect(
    implementation = _impl,
    doc = "Finds the outputs of the thin link, which `cc_common.link` does not return.",
    requires = [thinlto_aspect],
)
