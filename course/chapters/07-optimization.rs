//! Chapter 7.

fn main() {}
