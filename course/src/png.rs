//! SVG as PNG.

use resvg::{tiny_skia, usvg};
use std::sync::{Arc, OnceLock};

/// Pixels of the PNG for one of the SVG: sharp where pictures are looked at closely.
const SCALE: f32 = 2.0;

/// Draws an SVG with the fonts of the system on white. Where the system has no font, there are no letters.
///
/// # Errors
/// One line, for what is no SVG or has no size.
pub fn png(svg: &str) -> Result<Vec<u8>, String> {
    static FONTS: OnceLock<Arc<usvg::fontdb::Database>> = OnceLock::new();
    let fonts = FONTS.get_or_init(|| {
        let mut fonts = usvg::fontdb::Database::new();
        fonts.load_system_fonts();
        // `sans-serif` is whatever there is, the plainest first.
        let plain = ["DejaVu Sans", "Liberation Sans", "Arial", "Helvetica", "Noto Sans"];
        let has = |name: &&str| fonts.faces().any(|face| face.families.iter().any(|family| family.0 == *name));
        let any = || fonts.faces().next().and_then(|face| face.families.first().map(|family| family.0.clone()));
        if let Some(name) = plain.iter().find(|name| has(name)).map(|&name| name.to_owned()).or_else(any) {
            fonts.set_sans_serif_family(name);
        }
        Arc::new(fonts)
    });
    let options =
        usvg::Options { fontdb: Arc::clone(fonts), font_family: "sans-serif".to_owned(), ..usvg::Options::default() };
    let tree = usvg::Tree::from_str(svg, &options).map_err(|error| format!("SVG: {error}"))?;
    let size = tree.size().to_int_size().scale_by(SCALE).ok_or("SVG: it has no size")?;
    let mut pixels = tiny_skia::Pixmap::new(size.width(), size.height()).ok_or("SVG: it has no size")?;
    pixels.fill(tiny_skia::Color::WHITE);
    resvg::render(&tree, tiny_skia::Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| format!("PNG: {error}"))
}
