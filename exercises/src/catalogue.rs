//! The exercises in the order of the course.

use crate::grader::Attempt;
use crate::{checks, exercises, solutions};

/// An exercise.
#[derive(Debug, Clone, Copy)]
pub struct Exercise {
    /// Its name, as the command takes it.
    pub name: &'static str,
    /// The chapter of the course that it belongs to.
    pub chapter: u8,
    /// What is to be written, in a few words.
    pub task: &'static str,
    /// The file that holds it, from the root of the workspace.
    pub file: &'static str,
    /// Hands the learner's function to the checks.
    pub attempt: Attempt,
    /// Hands the solution to the checks.
    pub solution: Attempt,
    hints: &'static str,
}

impl Exercise {
    /// The hints, from a nudge to nearly the code.
    pub fn hints(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.hints.split("\n---\n").map(str::trim)
    }
}

/// An exercise from its name, its chapter, its task, its file without the ending, and the function that it asks for.
macro_rules! exercise {
    ($name:literal, $chapter:literal, $task:literal, $file:ident, $function:ident) => {
        Exercise {
            name: $name,
            chapter: $chapter,
            task: $task,
            file: concat!("exercises/src/exercises/", stringify!($file), ".rs"),
            attempt: |grading| checks::$function(grading, exercises::$file::$function),
            solution: |grading| checks::$function(grading, solutions::$function),
            hints: include_str!(concat!("../hints/", $name, ".txt")),
        }
    };
}

/// Every exercise.
pub const EXERCISES: &[Exercise] = &[
    exercise!("l2-norm", 1, "the Euclidean norm", e01_l2_norm, l2_norm),
    exercise!("lp-norm", 1, "the norm of order p", e02_lp_norm, lp_norm),
    exercise!(
        "regression-gradient",
        1,
        "the gradient of linear regression",
        e03_regression_gradient,
        regression_gradient
    ),
    exercise!("gradient-step", 1, "a step of gradient descent", e04_gradient_step, gradient_step),
    exercise!("softmax-backward", 2, "softmax, backward", e05_softmax_backward, softmax_backward),
    exercise!(
        "cross-entropy-gradient",
        2,
        "cross-entropy after softmax",
        e06_cross_entropy_gradient,
        cross_entropy_gradient
    ),
    exercise!("linear-backward", 2, "a linear layer, backward", e07_linear_backward, linear_backward),
    exercise!("convolution", 3, "a convolution in two dimensions", e08_convolution, convolution),
    exercise!("convolution-backward", 3, "a convolution, backward", e09_convolution_backward, convolution_backward),
    exercise!("rnn-forward", 4, "a recurrent cell over a sequence", e10_rnn_forward, rnn_forward),
    exercise!("bptt", 5, "back-propagation through time", e11_bptt, bptt),
    exercise!("attention", 6, "scaled dot-product attention", e12_attention, attention),
    exercise!("adam", 7, "a step of Adam", e13_adam, adam),
    exercise!("dropout", 8, "inverted dropout", e14_dropout, dropout),
];

/// The exercise of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Exercise> {
    EXERCISES.iter().find(|exercise| exercise.name == name)
}
