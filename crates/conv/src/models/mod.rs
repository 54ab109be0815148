//! Networks that made history, built of this crate's layers.
//!
//! | model | input | parameters | the paper's figure |
//! | --- | --- | ---: | --- |
//! | [`LeNet5`] | 1 × 32 × 32 | 61,706 | 60,000, of which the difference is accounted for at [`LeNet5`] |
//! | [`Vgg::small`] | 3 × 32 × 32 | 550,570 | none: the paper's smallest, VGG-11, has 133 M ([`Vgg::CONFIGURATION_A`]) |
//! | [`ResNet::resnet8`] | 3 × 32 × 32 | 75,290 | none: the paper begins with 20 layers |
//! | [`ResNet::resnet20`] | 3 × 32 × 32 | 269,722 | 0.27 M |
//!
//! for 10 classes, and normalizations with a scale and a shift for each channel. A model says which layers change the size of its images
//! (`geometries`), for [`output_sizes`](crate::output_sizes) and [`receptive_fields`](crate::receptive_fields), and what it consists of
//! ([`Layer::describe`](crate::Layer::describe)), for [`costs`](crate::costs()).

mod lenet;
mod resnet;
mod stage;
mod vgg;

pub use lenet::LeNet5;
pub use resnet::ResNet;
pub use stage::Stage;
pub use vgg::Vgg;

use crate::Error;

/// Refuses an input that is no batch of images of so many channels and, where it is said, of this size.
fn check_input(
    operation: &'static str,
    input: &[usize],
    channels: usize,
    size: Option<[usize; 2]>,
) -> crate::Result<()> {
    let fits = match *input {
        [_, found, height, width] => found == channels && size.is_none_or(|size| size == [height, width]),
        _ => false,
    };
    if fits {
        return Ok(());
    }
    let size = size.map_or_else(|| "H, W".to_owned(), |[height, width]| format!("{height}, {width}"));
    Err(Error::Input { operation, found: input.to_vec(), expected: format!("(N, {channels}, {size})") })
}
