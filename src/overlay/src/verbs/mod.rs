//! One file for each verb.

pub mod build;
pub mod clean;
pub mod compare;
pub mod overlay;
pub mod refresh;
pub mod setup;
pub mod test;
pub mod tool;
