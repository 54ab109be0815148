//! Samples as pictures.

use crate::{Error, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A file as an address that a page can hold.
pub(super) fn address(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(png))
}

/// A grey PNG: the smallest number is white, the largest black.
pub(crate) fn grey_png(pixels: &[f64], height: usize, width: usize) -> Result<Vec<u8>> {
    let fault = |reason: String| Error::Picture { picture: format!("an image of {height} × {width}"), reason };
    let sides = (u32::try_from(height), u32::try_from(width));
    let (Ok(rows), Ok(columns)) = sides else { return Err(fault("it is too large".to_owned())) };
    if height.checked_mul(width) != Some(pixels.len()) || pixels.is_empty() {
        return Err(fault(format!("the sample has {} numbers", pixels.len())));
    }
    let (low, high) = pixels.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
    let scale = if high > low { 255.0 / (high - low) } else { 0.0 };
    let bytes: Vec<u8> = pixels.iter().map(|x| 255 - ((x - low) * scale).round() as u8).collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, columns, rows);
    encoder.set_color(png::ColorType::Grayscale);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&bytes)?;
        writer.finish()
    });
    written.map_err(|error| fault(error.to_string()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_has_the_pixels() {
        let address = address(&grey_png(&[0.0, 1.0, 0.5, 1.0, 0.0, 0.25], 2, 3).unwrap());
        let file = STANDARD.decode(address.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = [0; 6];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!((reader.info().height, reader.info().width), (2, 3));
        assert_eq!(pixels, [255, 0, 127, 0, 255, 191]);
    }

    #[test]
    fn a_sample_of_another_size_is_refused() {
        let message = grey_png(&[0.0; 5], 2, 3).unwrap_err().to_string();
        assert!(message.contains("2 × 3") && message.contains("5 numbers"), "{message}");
    }
}
