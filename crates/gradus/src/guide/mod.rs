//! The course: neural networks built one concept at a time, a chapter for each.
//!
//! Each chapter is a text with formulas and pictures, and a program that draws the pictures and checks what the text says. The program of
//! chapter 1 is `cargo run --release --example 01-vectors`, in a clone of the repository; it leaves a page with all that it drew in
//! `target/gradus/01-vectors/`. Exercises to fill in, graded against the library, are `cargo run -p gradus-exercises -- --list`.
//!
//! | chapter | | 한국어 |
//! | --- | --- | --- |
//! | [1](vectors) | vectors, norms, distances, and linear regression | [벡터, 노름, 거리, 그리고 선형 회귀](ko::vectors) |
//! | [2](backpropagation) | training a neural network: softmax, the chain rule, back-propagation by hand beside the tape | [신경망의 학습](ko::backpropagation) |
//!
//! There is no code in here: the chapters' examples use the crates as any program does.

#[doc = include_str!("../../guide/rendered/en/01-vectors.md")]
pub mod vectors {}

#[doc = include_str!("../../guide/rendered/en/02-backpropagation.md")]
pub mod backpropagation {}

/// 한국어판: 코드는 같고, 글은 한국어이다.
pub mod ko {
    #[doc = include_str!("../../guide/rendered/ko/01-vectors.md")]
    pub mod vectors {}

    #[doc = include_str!("../../guide/rendered/ko/02-backpropagation.md")]
    pub mod backpropagation {}
}

#[cfg(test)]
mod tests;
