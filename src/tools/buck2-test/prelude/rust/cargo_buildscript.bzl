"""A stand-in: runs a build script for its output folder and its `--cfg` flags."""

_RUN = """\
export OUT_DIR="$PWD/$1"
mkdir -p "$OUT_DIR"
"./$2" > "$3.all"
sed -n 's/^cargo:rustc-cfg=/--cfg=/p' "$3.all" > "$3"
"""

def _impl(ctx):
    out_dir = ctx.actions.declare_output("OUT_DIR", dir = True)
    flags = ctx.actions.declare_output("rustc_flags")
    ctx.actions.run(
        cmd_args("/bin/sh", "-ec", _RUN, "sh", out_dir.as_output(), ctx.attrs.buildscript_rule[RunInfo], flags.as_output()),
        category = "buildscript",
        env = {"CARGO_PKG_NAME": ctx.attrs.package_name, "CARGO_PKG_VERSION": ctx.attrs.version},
    )
    return [DefaultInfo(
        default_output = flags,
        sub_targets = {
            "out_dir": [DefaultInfo(default_output = out_dir)],
            "rustc_flags": [DefaultInfo(default_output = flags)],
        },
    )]

buildscript_run = rule(
    impl = _impl,
    attrs = {
        "buildscript_rule": attrs.exec_dep(providers = [RunInfo]),
        "package_name": attrs.string(),
        "version": attrs.string(),
    },
)
