"""A C++ toolchain whose tools are rust-thinlto and rustc.

Bazel has actions for distributed ThinLTO, but only its C++ rules can run them. With this toolchain, "compiling"
a module is to put it and its summary where Bazel expects them. The thin link, the backends and the link are
Bazel's own actions, so a backend's inputs are its module, its index, and the modules that it imports from.
"""

load("@rules_cc//cc:action_names.bzl", "ACTION_NAMES")
load(
    "@rules_cc//cc:cc_toolchain_config_lib.bzl",
    "action_config",
    "feature",
    "flag_group",
    "flag_set",
    "tool",
    "variable_with_value",
    "with_feature_set",
)
load("@rules_cc//cc/common:cc_common.bzl", "cc_common")

_INDEX_ACTIONS = [
    ACTION_NAMES.lto_index_for_executable,
    ACTION_NAMES.lto_index_for_dynamic_library,
    ACTION_NAMES.lto_index_for_nodeps_dynamic_library,
]

_LINK_ACTIONS = [
    ACTION_NAMES.cpp_link_executable,
    ACTION_NAMES.cpp_link_dynamic_library,
    ACTION_NAMES.cpp_link_nodeps_dynamic_library,
]

# rustc's values of `-Copt-level`. The feature `opt-level-X` selects one for all backends of a program.
OPT_LEVELS = ["0", "1", "2", "3", "s", "z"]

def _flags(*flags, **kwargs):
    return flag_group(flags = list(flags), **kwargs)

# The place-module action: `x.c` is a symbolic link to the module, because Bazel compiles only files with such
# names.
_PLACE_MODULE = flag_set(flag_groups = [
    _flags("place-module", "--module=%{source_file}", "--output=%{output_file}"),
    _flags("--summary=%{summary}", "--summary-output=%{lto_indexing_bitcode_file}"),
])

_BACKEND = flag_set(flag_groups = [
    _flags("-Zunstable-options", "-Zthinlto-index=%{thinlto_index}", "%{thinlto_input_bitcode_file}"),
    _flags("--emit=obj", "-o", "%{thinlto_output_object_file}"),
])

def _backend_opt_level(level):
    return flag_set(
        with_features = [with_feature_set(features = ["opt-level-" + level])],
        flag_groups = [_flags("-Copt-level=" + level)],
    )

_INDEX = flag_set(flag_groups = [
    _flags(
        "-Wl,--thinlto-index-only%{thinlto_optional_params_file}",
        "-Wl,--thinlto-emit-imports-files",
        "-Wl,--thinlto-prefix-replace=%{thinlto_prefix_replace}",
    ),
    _flags(
        "-Wl,--thinlto-object-suffix-replace=%{thinlto_object_suffix_replace}",
        expand_if_available = "thinlto_object_suffix_replace",
    ),
    _flags(
        "-Wl,--lto-obj-path=%{thinlto_merged_object_file}",
        expand_if_available = "thinlto_merged_object_file",
    ),
])

_OUTPUT = flag_set(flag_groups = [_flags("-o", "%{output_execpath}")])

# The modules, or the native objects in place of them. Everything else that is linked is rustc's choice, and
# among the user's flags as `--link-inputs=FILE`.
def _library(value, *flag_groups):
    return flag_group(
        expand_if_equal = variable_with_value(name = "libraries_to_link.type", value = value),
        flag_groups = list(flag_groups),
    )

_OBJECTS = flag_set(flag_groups = [
    flag_group(
        iterate_over = "libraries_to_link",
        expand_if_available = "libraries_to_link",
        flag_groups = [
            _library(
                "object_file_group",
                _flags("-Wl,--whole-archive", expand_if_true = "libraries_to_link.is_whole_archive"),
                _flags("-Wl,--start-lib", expand_if_false = "libraries_to_link.is_whole_archive"),
                _flags("%{libraries_to_link.object_files}", iterate_over = "libraries_to_link.object_files"),
                _flags("-Wl,--end-lib", expand_if_false = "libraries_to_link.is_whole_archive"),
                _flags("-Wl,--no-whole-archive", expand_if_true = "libraries_to_link.is_whole_archive"),
            ),
            _library("object_file", _flags("%{libraries_to_link.name}")),
        ],
    ),
    _flags("@%{thinlto_param_file}", expand_if_true = "thinlto_param_file"),
])

_USER_FLAGS = flag_set(flag_groups = [
    _flags(
        "%{user_link_flags}",
        iterate_over = "user_link_flags",
        expand_if_available = "user_link_flags",
    ),
])

def _impl(ctx):
    rust_thinlto = tool(tool = ctx.file.rust_thinlto)
    rustc = tool(tool = ctx.file.rustc)
    linker = flag_set(flag_groups = [_flags(
        "run-linker",
        "-fuse-ld=lld",
        "-B" + ctx.file.lld.dirname,
        "-fno-use-linker-plugin",
    )])
    param_file = flag_set(flag_groups = [_flags("@%{linker_param_file}", expand_if_available = "linker_param_file")])
    action_configs = [
        action_config(
            action_name = ACTION_NAMES.c_compile,
            tools = [rust_thinlto],
            flag_sets = [_PLACE_MODULE],
        ),
        action_config(
            action_name = ACTION_NAMES.lto_backend,
            tools = [rustc],
            flag_sets = [_BACKEND] + [_backend_opt_level(level) for level in OPT_LEVELS],
        ),
        # With start_end_lib, no archive is made.
        action_config(action_name = ACTION_NAMES.cpp_link_static_library, tools = [rust_thinlto]),
    ] + [
        action_config(
            action_name = name,
            tools = [rust_thinlto],
            flag_sets = [linker, _INDEX, _OBJECTS, _USER_FLAGS, param_file],
        )
        for name in _INDEX_ACTIONS
    ] + [
        action_config(
            action_name = name,
            tools = [rust_thinlto],
            flag_sets = [linker, _OUTPUT, _OBJECTS, _USER_FLAGS, param_file],
        )
        for name in _LINK_ACTIONS
    ]
    enabled = [
        # Without it, Bazel adds flags of GCC.
        "no_legacy_features",
        "no_dotd_file",
        "supports_dynamic_linker",
        "supports_start_end_lib",
        "thin_lto",
    ]
    features = [feature(name = name, enabled = True) for name in enabled]
    features += [feature(name = name) for name in ["dbg", "fastbuild", "opt"]]
    features += [feature(name = "opt-level-" + level) for level in OPT_LEVELS]
    return cc_common.create_cc_toolchain_config_info(
        ctx = ctx,
        abi_libc_version = "local",
        abi_version = "local",
        action_configs = action_configs,
        compiler = "rustc",
        features = features,
        target_cpu = "local",
        target_libc = "local",
        target_system_name = "local",
        toolchain_identifier = "thinlto",
    )

cc_toolchain_config = rule(
    implementation = _impl,
    doc = "The actions of the C++ toolchain with which Bazel runs distributed ThinLTO.",
    attrs = {
        "lld": attr.label(
            doc = "lld, named `ld.lld`.",
            allow_single_file = True,
            cfg = "exec",
            mandatory = True,
        ),
        "rust_thinlto": attr.label(
            doc = "The program `rust-thinlto`.",
            allow_single_file = True,
            cfg = "exec",
            mandatory = True,
        ),
        "rustc": attr.label(
            doc = "rustc, the backend.",
            allow_single_file = True,
            cfg = "exec",
            mandatory = True,
        ),
    },
    provides = [CcToolchainConfigInfo],
)
