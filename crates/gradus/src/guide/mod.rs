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
//! | [3](convolution) | convolution and its gradient | [합성곱과 그 기울기](ko::convolution) |
//! | [4](recurrence) | recurrent networks | [순환 신경망](ko::recurrence) |
//! | [5](through_time) | back-propagation through time, derived and executed, and where gradients vanish | [시간을 거슬러 가는 역전파](ko::through_time) |
//! | [6](ingredients) | the four ingredients — data, model, loss, algorithm — and their history in small experiments | [네 가지 재료: 데이터, 모형, 손실, 알고리즘](ko::ingredients) |
//! | [7](optimization) | optimization and generalization: under- and over-fitting, bias and variance, ensembles, and a race of optimizers | [최적화와 일반화](ko::optimization) |
//! | [8](regularization) | regularization: from early stopping to batch normalization, each switched on alone | [정칙화](ko::regularization) |
//!
//! There is no code in here: the chapters' examples use the crates as any program does.

#[doc = include_str!("../../guide/rendered/en/01-vectors.md")]
pub mod vectors {}

#[doc = include_str!("../../guide/rendered/en/02-backpropagation.md")]
pub mod backpropagation {}

#[doc = include_str!("../../guide/rendered/en/03-convolution.md")]
pub mod convolution {}

#[doc = include_str!("../../guide/rendered/en/04-recurrence.md")]
pub mod recurrence {}

#[doc = include_str!("../../guide/rendered/en/05-through-time.md")]
pub mod through_time {}

#[doc = include_str!("../../guide/rendered/en/06-ingredients.md")]
pub mod ingredients {}

#[doc = include_str!("../../guide/rendered/en/07-optimization.md")]
pub mod optimization {}

#[doc = include_str!("../../guide/rendered/en/08-regularization.md")]
pub mod regularization {}

/// 한국어판: 코드는 같고, 글은 한국어이다.
pub mod ko {
    #[doc = include_str!("../../guide/rendered/ko/01-vectors.md")]
    pub mod vectors {}

    #[doc = include_str!("../../guide/rendered/ko/02-backpropagation.md")]
    pub mod backpropagation {}

    #[doc = include_str!("../../guide/rendered/ko/03-convolution.md")]
    pub mod convolution {}

    #[doc = include_str!("../../guide/rendered/ko/04-recurrence.md")]
    pub mod recurrence {}

    #[doc = include_str!("../../guide/rendered/ko/05-through-time.md")]
    pub mod through_time {}

    #[doc = include_str!("../../guide/rendered/ko/06-ingredients.md")]
    pub mod ingredients {}

    #[doc = include_str!("../../guide/rendered/ko/07-optimization.md")]
    pub mod optimization {}

    #[doc = include_str!("../../guide/rendered/ko/08-regularization.md")]
    pub mod regularization {}
}

#[cfg(test)]
mod tests;
