//! Small programs whose imports are known, compiled by the compiler that `./x.py test` has tested.

mod build;
mod explain;
mod page;
mod report;
