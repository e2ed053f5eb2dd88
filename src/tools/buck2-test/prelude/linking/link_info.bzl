"""A stand-in: native libraries are archives here."""

LinkStrategy = enum("static", "static_pic", "shared")
MergedLinkInfo = provider(fields = {"archive": Artifact})

def get_link_args_for_strategy(_actions, _label, _linker_info, deps_merged_link_infos, _link_strategy, _prefer_stripped, _transformation_spec_context):
    return [info.archive for info in deps_merged_link_infos]

def unpack_link_args(args):
    return cmd_args(args)
