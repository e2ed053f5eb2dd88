#![feature(no_core)]
#![no_core]
