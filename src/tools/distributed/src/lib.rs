//! A driver of distributed ThinLTO for programs that cargo builds. It acts as a build system would,
//! with one process for each action.
//!
//! One file for each step: [`fetch`], [`compile`], [`thin_link`], [`backend`], [`link`].
//! [`link_inputs`] reads rustc's description of a link, [`pairs`] knows the files of modules, and
//! [`wrapper`] is between cargo and rustc.

pub mod backend;
mod cache;
pub mod compile;
pub mod fetch;
pub mod folder;
pub mod link;
pub mod link_inputs;
pub mod pairs;
pub mod thin_link;
pub mod toolchain;
pub mod wrapper;
