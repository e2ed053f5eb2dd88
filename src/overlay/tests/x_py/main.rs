//! `x.py` and its driver on a small source tree, offline.

mod compare;
mod fixture;
mod launcher;
mod round_trip;
