"""A stand-in for the prelude's file of this name."""

MetadataKind = enum("fast", "full", "link")
