//! Curves of errors, as SVG.

use plotters::prelude::*;

const COLOURS: [RGBColor; 5] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0x33, 0x33, 0x33),
];

/// A name, and the error at each place.
pub struct Curve {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// How an axis is divided.
#[derive(Clone, Copy)]
pub enum Scale {
    Linear,
    Logarithmic,
}

impl Scale {
    fn place(self, x: f64) -> f64 {
        match self {
            Self::Linear => x,
            Self::Logarithmic => x.max(1e-12).log10(),
        }
    }

    fn label(self, place: f64) -> String {
        match self {
            Self::Linear => format!("{}", (place * 1000.0).round() / 1000.0),
            Self::Logarithmic => {
                let x = 10_f64.powf(place);
                if x >= 10.0 { format!("{x:.0}") } else { format!("{x:.2}") }
            }
        }
    }
}

/// The two axes: what stands beside each, and its scale. Errors above `most` are cut off.
pub struct Axes {
    pub x: (&'static str, Scale),
    pub y: (&'static str, Scale),
    pub most: f64,
}

/// Draws the curves, and a grey line where something happens.
pub fn draw(
    title: &str,
    axes: &Axes,
    curves: &[Curve],
    mark: Option<f64>,
) -> Result<String, Box<dyn std::error::Error>> {
    let mut svg = String::new();
    let (x, y) = (axes.x.1, axes.y.1);
    let all: Vec<(f64, f64)> = curves.iter().flat_map(|curve| &curve.points).copied().collect();
    let (left, right) = range(all.iter().map(|point| x.place(point.0)));
    let least = if matches!(y, Scale::Logarithmic) { 1e-3 } else { 0.0 };
    let (low, high) = range(all.iter().map(|point| y.place(point.1.clamp(least, axes.most))));
    let room = 0.05 * (high - low);
    {
        let root = SVGBackend::with_string(&mut svg, (720, 460)).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(title, ("sans-serif", 20))
            .margin(14)
            .x_label_area_size(46)
            .y_label_area_size(66)
            .build_cartesian_2d(left..right, low - room..high + room)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(RGBColor(0xe4, 0xe4, 0xe4))
            .axis_style(RGBColor(0x88, 0x88, 0x88))
            .label_style(("sans-serif", 14))
            .axis_desc_style(("sans-serif", 16))
            .x_desc(axes.x.0)
            .y_desc(axes.y.0)
            .x_label_formatter(&|place| x.label(*place))
            .y_label_formatter(&|place| y.label(*place))
            .draw()?;
        if let Some(at) = mark {
            let line = [(x.place(at), low - room), (x.place(at), high + room)];
            chart.draw_series(LineSeries::new(line, RGBColor(0xaa, 0xaa, 0xaa).stroke_width(1)))?;
        }
        for (curve, colour) in curves.iter().zip(COLOURS.iter().cycle()) {
            let points = curve.points.iter().map(|&(at, error)| (x.place(at), y.place(error.clamp(least, axes.most))));
            chart
                .draw_series(LineSeries::new(points, colour.stroke_width(2)).point_size(3))?
                .label(&curve.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3)));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .border_style(TRANSPARENT)
            .background_style(WHITE.mix(0.8))
            .label_font(("sans-serif", 15))
            .draw()?;
        root.present()?;
    }
    Ok(svg)
}

fn range(places: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = places.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    if low < high { (low, high) } else { (low - 0.5, high + 0.5) }
}
