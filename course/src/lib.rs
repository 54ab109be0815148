//! What the chapters of the course share: a page that shows what a chapter says, draws and checks. The texts are `gradus::guide`.

mod chapter;
mod histogram;
mod plot;
mod png;
mod sketch;

pub use chapter::Chapter;
pub use histogram::histogram;
pub use plot::{Kind, Plot};
pub use png::png;
pub use sketch::{Sketch, diverging};
