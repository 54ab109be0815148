//! Chapter 8.

fn main() {}
