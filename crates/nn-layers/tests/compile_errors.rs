//! Common mistakes in a model's code, and what the compiler says of them.
//!
//! `TRYBUILD=overwrite cargo test -p gradus-nn-layers --test compile_errors` writes the messages anew.

/// What the derive macro says is ours, the same with every compiler.
#[test]
fn mistakes_that_the_derive_macro_finds() {
    trybuild::TestCases::new().compile_fail("tests/compile_errors/derive/*.rs");
}

/// What the compiler says around our notes changes with it: the messages are those of Rust 1.95. Other compilers,
/// down to the lowest that the project supports, refuse the same programs in other words.
#[test]
fn mistakes_that_the_compiler_finds() {
    if minor_version() == 95 {
        trybuild::TestCases::new().compile_fail("tests/compile_errors/compiler/*.rs");
    }
}

/// `95` of `rustc 1.95.0 (…)`.
fn minor_version() -> u32 {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = std::process::Command::new(rustc).arg("--version").output().expect("there is a compiler");
    let version = String::from_utf8(output.stdout).expect("its version is text");
    version.split('.').nth(1).and_then(|minor| minor.parse().ok()).expect("its version has three numbers")
}
