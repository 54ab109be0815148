//! Pooling: each window of a channel becomes one number, its maximum, its average or its norm.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `windows` | where windows stand, regular and adaptive, along each axis |
//! | `fold` | a window made one number, axis by axis; `code` remembers the winner of a maximum |
//! | `spread`, `winner` | the way back: sums spread over their windows, and cotangents brought to the winners |
//! | `max`, `unpool`, `avg`, `lp`, `adaptive`, `global` | the operations and their layers |

mod adaptive;
mod avg;
mod code;
mod fold;
mod global;
mod lp;
mod max;
mod spread;
mod unpool;
mod windows;
mod winner;

pub use adaptive::{
    AdaptiveAvgPool, AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d, AdaptiveMaxPool, AdaptiveMaxPool1d,
    AdaptiveMaxPool2d, AdaptiveMaxPool3d, adaptive_avg_pool, adaptive_max_pool, adaptive_max_pool_with_indices,
};
pub use avg::{AvgPool, AvgPool1d, AvgPool2d, AvgPool3d, avg_pool};
pub use global::{GlobalAvgPool, GlobalMaxPool, global_avg_pool, global_max_pool};
pub use lp::{LpPool, LpPool1d, LpPool2d, LpPool3d, lp_pool};
pub use max::{MaxPool, MaxPool1d, MaxPool2d, MaxPool3d, max_pool, max_pool_with_indices};
pub use unpool::{MaxUnpool, MaxUnpool1d, MaxUnpool2d, MaxUnpool3d, max_unpool};

use gradus_autograd::Real;
use gradus_nn_layers::{Description, Module};
use windows::Plan;

/// The name of an operation by its rank; the last one is of a rank that has no name of its own.
const fn ranked<const R: usize>(names: [&'static str; 4]) -> &'static str {
    match R {
        1..=3 => names[R - 1],
        _ => names[3],
    }
}

/// What a layer with these windows says of itself.
fn described<F: Real, const R: usize>(
    layer: &impl Module<F>,
    kind: &str,
    plan: &Plan,
    multiply_adds: u64,
) -> Description {
    Description::of(layer, format!("{kind}{R}d"), &plan.out_shape).multiply_adds(multiply_adds)
}
