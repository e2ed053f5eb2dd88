"""Providers of the rules and aspects."""

ThinLtoToolchainInfo = provider(
    doc = "The tools of a ThinLTO build, and std's modules.",
    fields = {
        "cc_toolchain": "CcToolchainInfo: the toolchain whose actions place modules, and run the thin link, the backends and the link",
        "rust_thinlto": "File: the program `rust-thinlto`",
        "rust_toolchain": "ToolchainInfo: the toolchain of rules_rust with the same compiler",
        "std": "dict[str, struct]: for each crate of std, its modules as a LinkerInput (`linker_input`), and as pairs of the Files `module` and `summary` (`pairs`)",
    },
)

ThinLtoCratesInfo = provider(
    doc = "The library crates of a target, compiled for ThinLTO.",
    fields = {
        "crates": "depset[struct]: this crate and those that it depends on, as `compile_crate` returns them",
    },
)

ThinLtoProgramInfo = provider(
    doc = "A program, or a library for other languages.",
    fields = {
        "file": "File: the program or the shared library, or None",
        "linking_context": "CcLinkingContext: the static library with its dependencies, or None",
        "modules": "depset[File]: the bitcode of all modules",
        "name": "str: the file name of the output of rules_rust",
        "summaries": "depset[File]: the summaries of these modules",
        "type": "str: `bin`, `cdylib` or `staticlib`",
        "unused": "depset[File]: the output of rules_rust itself and of C++ libraries, in whose place modules are linked",
    },
)

ThinLtoIndexesInfo = provider(
    doc = "The outputs of a program's thin link.",
    fields = {
        "imports": "depset[File]: for each module, the list of modules that it imports from",
        "indexes": "depset[File]: for each module, its index",
    },
)
