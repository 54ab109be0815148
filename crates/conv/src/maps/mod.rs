//! What a model looks at: saliency and occlusion maps.

mod occlusion;
mod saliency;

pub use occlusion::{Occlusion, occlusion};
pub use saliency::saliency;

use crate::{Error, Result};

/// Checks that a model gave a score for each image and class, and that the class is among them.
fn check_scores(operation: &'static str, found: &[usize], images: usize, class: usize) -> Result<()> {
    match *found {
        [n, classes] if n == images && class < classes => Ok(()),
        [n, classes] if n == images => Err(Error::Class { operation, class, classes }),
        _ => Err(Error::Scores { operation, found: found.to_vec(), images }),
    }
}

/// The sizes in space of an image `(C, …)`.
fn space<'shape>(operation: &'static str, image: &'shape [usize]) -> Result<&'shape [usize]> {
    match image {
        [_, space @ ..] if !space.is_empty() && !image.contains(&0) => Ok(space),
        _ => {
            let expected = "one image (C, …), with an axis in space and no size of 0,".to_owned();
            Err(Error::Input { operation, found: image.to_vec(), expected })
        }
    }
}
