//! Runs the backends of distributed ThinLTO: from a cache, on other machines, or on a pool of processes.
//!
//! A [`runner`] turns jobs into [`action`]s, which do not depend on folders: the [`mod@index`] of a module
//! gets names that are hashes of modules. The [`compiler`] is part of an action as a tree of files.
//! The program `thinlto-distributor` ([`distributor`]) reads jobs from lld ([`dtlto`]).

pub mod action;
mod bitstream;
pub mod blob;
pub mod cache;
mod children;
pub mod compiler;
mod digests;
pub mod distributor;
pub mod dtlto;
pub mod index;
mod local;
mod remote;
pub mod runner;
pub mod settings;
pub mod signals;
mod tokens;
mod warnings;
