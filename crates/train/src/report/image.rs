//! Samples as pictures.

use crate::{Error, Result};
use std::fmt::Write;

/// Pixels as shades of grey, row by row: the smallest number is white, the largest black.
#[derive(Debug)]
pub(crate) struct Shades {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) bytes: Vec<u8>,
}

impl Shades {
    pub(crate) fn new(pixels: &[f64], height: usize, width: usize) -> Result<Self> {
        if height.checked_mul(width) != Some(pixels.len()) || pixels.is_empty() {
            return Err(fault(height, width, format!("the sample has {} numbers", pixels.len())));
        }
        let (low, high) = pixels.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
        let scale = if high > low { 255.0 / (high - low) } else { 0.0 };
        let bytes = pixels.iter().map(|x| 255 - ((x - low) * scale).round() as u8).collect();
        Ok(Self { height, width, bytes })
    }

    /// A drawing with one path for each shade, of the runs of pixels that have it. It holds as many shades as an eye tells apart: a quarter.
    pub(super) fn svg(&self, name: &str) -> String {
        const APART: u8 = 4;
        let mut paths = vec![String::new(); 256 / usize::from(APART)];
        for (y, row) in self.bytes.chunks(self.width).enumerate() {
            let mut x = 0;
            for run in row.chunk_by(|a, b| a / APART == b / APART) {
                // A `String` takes whatever is written.
                let _ = write!(paths[usize::from(run[0] / APART)], "M{x} {y}h{0}v1h-{0}z", run.len());
                x += run.len();
            }
        }
        let Self { height, width, .. } = self;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{name}\" shape-rendering=\"crispEdges\">"
        );
        for (shade, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
            // The lightest and the darkest of them are white and black themselves.
            let grey = shade * 255 / (paths.len() - 1);
            let _ = write!(svg, "<path fill=\"#{grey:02x}{grey:02x}{grey:02x}\" d=\"{path}\"/>");
        }
        svg + "</svg>"
    }

    /// The bytes as a PNG.
    #[cfg(feature = "images")]
    pub(crate) fn png(&self) -> Result<Vec<u8>> {
        let Self { height, width, ref bytes } = *self;
        let sides = (u32::try_from(height), u32::try_from(width));
        let (Ok(rows), Ok(columns)) = sides else { return Err(fault(height, width, "it is too large".to_owned())) };
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, columns, rows);
        encoder.set_color(png::ColorType::Grayscale);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(bytes)?;
            writer.finish()
        });
        written.map_err(|error| fault(height, width, error.to_string()))?;
        Ok(file)
    }
}

fn fault(height: usize, width: usize, reason: String) -> Error {
    Error::Picture { picture: format!("an image of {height} × {width}"), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIXELS: [f64; 6] = [0.0, 1.0, 0.5, 1.0, 1.0, 0.25];

    #[test]
    fn the_drawing_has_the_pixels_run_by_run() {
        let svg = Shades::new(&PIXELS, 2, 3).unwrap().svg("a six");
        assert!(svg.contains(r#"viewBox="0 0 3 2" role="img" aria-label="a six""#), "{svg}");
        for path in [
            r##"fill="#ffffff" d="M0 0h1v1h-1z""##,
            r##"fill="#000000" d="M1 0h1v1h-1zM0 1h2v1h-2z""##,
            r##"fill="#7d7d7d" d="M2 0h1v1h-1z""##,
            r##"fill="#bebebe" d="M2 1h1v1h-1z""##,
        ] {
            assert!(svg.contains(path), "{path} in {svg}");
        }
    }

    #[cfg(feature = "images")]
    #[test]
    fn the_file_has_the_pixels() {
        let file = Shades::new(&PIXELS, 2, 3).unwrap().png().unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = [0; 6];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!((reader.info().height, reader.info().width), (2, 3));
        assert_eq!(pixels, [255, 0, 127, 0, 0, 191]);
    }

    #[test]
    fn a_sample_of_another_size_is_refused() {
        let message = Shades::new(&[0.0; 5], 2, 3).err().unwrap().to_string();
        assert!(message.contains("2 × 3") && message.contains("5 numbers"), "{message}");
    }
}
