//! Builds small projects with `cargo thinlto`, by the compiler that `./x.py test` has tested, and compares
//! with cargo's own builds.

mod builds;
mod c_code;
mod cached;
mod flags;
mod incremental;
mod packages;
mod project;
mod questions;
mod remote;
mod verbs;
