//! Builds a project for Buck2 without Buck2: `starlark`, its interpreter, evaluates the files, with
//! stand-ins for the functions of Buck2 that they call. The actions that rules declare are then run,
//! each in a sandbox that holds only its declared inputs.

pub mod artifact;
pub mod build;
pub mod cache;
pub mod command_line;
pub mod dependency;
pub mod files;
pub mod graph;
pub mod label;
pub mod natives;
pub mod project;
pub mod sandbox;
pub mod workspace;
