//! A driver of distributed ThinLTO, for programs that cargo builds: what a build system would do,
//! with one process for each action.
//!
//! One file a step: [`fetch`], [`compile`], [`thin_link`], [`backend`], [`link`]. What rustc says of
//! a link is read in [`link_inputs`]; [`wrapper`] stands between cargo and rustc.

pub mod backend;
mod cache;
pub mod compile;
pub mod fetch;
pub mod folder;
pub mod link;
pub mod link_inputs;
pub mod thin_link;
pub mod toolchain;
pub mod wrapper;
