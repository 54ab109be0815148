//! Curves over the epochs, as SVG.

use crate::{EpochRecord, Error, History, Result};
use plotters::prelude::*;

/// A drawn curve.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) file: &'static str,
    pub(super) caption: &'static str,
    pub(super) svg: String,
}

type Curve = (&'static str, RGBColor, fn(&EpochRecord) -> f64);

const TRAIN: RGBColor = RGBColor(0x1f, 0x77, 0xb4);
const TEST: RGBColor = RGBColor(0xd6, 0x5f, 0x0e);
const GAP: RGBColor = RGBColor(0x7a, 0x4f, 0xa3);

const SIZE: (u32, u32) = (480, 300);

/// The curves of a run.
pub(super) fn charts(history: &History) -> Result<Vec<Chart>> {
    let loss: [Curve; 2] = [("train", TRAIN, |r| r.train_loss), ("test", TEST, |r| r.test_loss)];
    let accuracy: [Curve; 2] =
        [("train", TRAIN, |r| 100.0 * r.train_accuracy), ("test", TEST, |r| 100.0 * r.test_accuracy)];
    let gap: [Curve; 1] = [("test loss − train loss", GAP, EpochRecord::gap)];
    Ok(vec![
        chart("loss.svg", "Loss: mean cross-entropy in nats", &loss, history)?,
        chart("accuracy.svg", "Accuracy: per cent classified rightly", &accuracy, history)?,
        chart("gap.svg", "Generalization gap: how much worse unseen samples fare", &gap, history)?,
    ])
}

fn chart(file: &'static str, caption: &'static str, curves: &[Curve], history: &History) -> Result<Chart> {
    let mut svg = String::new();
    draw(&mut svg, curves, &history.epochs)
        .map_err(|error| Error::Picture { picture: file.to_owned(), reason: error.to_string() })?;
    Ok(Chart { file, caption, svg })
}

fn draw(svg: &mut String, curves: &[Curve], epochs: &[EpochRecord]) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let last = epochs.last().map_or(1, |record| record.epoch).max(2);
    let (low, high) = range(curves.iter().flat_map(|(_, _, value)| epochs.iter().map(value)));
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(62)
        .build_cartesian_2d(1.0..last as f64, low..high)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(0xe4, 0xe4, 0xe4))
        .axis_style(RGBColor(0x88, 0x88, 0x88))
        .label_style(("sans-serif", 16))
        .x_desc("epoch")
        .x_labels(last.min(12))
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_labels(6)
        .draw()?;
    for &(name, color, value) in curves {
        let points = epochs.iter().map(|record| (record.epoch as f64, value(record))).filter(|(_, y)| y.is_finite());
        let line = LineSeries::new(points, color.stroke_width(2)).point_size(3);
        chart
            .draw_series(line)?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(3)));
    }
    chart
        .configure_series_labels()
        .border_style(TRANSPARENT)
        .background_style(WHITE.mix(0.8))
        .label_font(("sans-serif", 17))
        .draw()?;
    root.present()?;
    Ok(())
}

/// The finite values' range with a little room, never empty.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values
        .filter(|x| x.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    if low > high {
        return (0.0, 1.0);
    }
    let room = if high > low { 0.05 * (high - low) } else { 0.5 * high.abs().max(1e-3) };
    (low - room, high + room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_never_empty() {
        assert_eq!(range([].into_iter()), (0.0, 1.0));
        assert_eq!(range([f64::NAN].into_iter()), (0.0, 1.0));
        let (low, high) = range([2.0, 2.0].into_iter());
        assert!(low < 2.0 && 2.0 < high);
    }

    #[test]
    fn a_run_of_one_epoch_and_one_of_none_can_be_drawn() {
        let record = EpochRecord {
            epoch: 1,
            train_loss: 0.5,
            train_accuracy: 0.5,
            test_loss: f64::NAN,
            test_accuracy: 0.5,
            lr: 0.1,
            seconds: 1.0,
        };
        for epochs in [vec![], vec![record]] {
            let charts = charts(&History { epochs, ..History::default() }).unwrap();
            assert!(charts.iter().all(|chart| chart.svg.contains("epoch")));
        }
    }
}
