//! The gates of a few units over time, as colours.

use super::LaneGates;
use crate::flow::figure::{LEFT, Page};
use crate::{Error, Result};
use std::fmt::Write;

/// The width of the heat map in pixels, and the steps that have a column of their own; of a longer sequence, means are shown.
const WIDTH: f64 = 640.0;
const COLUMNS: usize = 320;
/// Shades between 0 and 1.
const SHADES: usize = 32;
const TOP: f64 = 44.0;
const GAP: f64 = 16.0;

impl LaneGates {
    /// A heat map as SVG text: time from left to right, a row for each of these units, one gate below the other. Dark is closed,
    /// light is open.
    ///
    /// # Errors
    /// [`Error::FlowSequence`] for a sequence that the batch does not have, [`Error::FlowUnit`] for a unit that the layer does not
    /// have, and for no units.
    pub fn to_svg(&self, sequence: usize, units: &[usize]) -> Result<String> {
        let operation = "gate_activity";
        let (steps, batch, hidden) = self.gates.first().map_or((0, 0, 0), |gate| gate.values.dim());
        if sequence >= batch {
            return Err(Error::FlowSequence { operation, sequence, batch });
        }
        let outside = units.iter().copied().find(|&unit| unit >= hidden);
        if let Some(unit) = outside.or(if units.is_empty() { Some(hidden) } else { None }) {
            return Err(Error::FlowUnit { operation, unit, hidden });
        }
        let row = (160.0 / units.len() as f64).clamp(2.0, 18.0);
        let panel = row * units.len() as f64;
        let bottom = TOP + self.gates.len() as f64 * (panel + GAP) - GAP;
        let title = format!("gates of {}, sequence {sequence}", self.name);
        let mut page = Page::new(LEFT + WIDTH + 90.0, bottom + 50.0, &title);
        let columns = steps.min(COLUMNS);
        let wide = WIDTH / columns as f64;
        for (place, gate) in self.gates.iter().enumerate() {
            let top = TOP + place as f64 * (panel + GAP);
            let mut shades = vec![String::new(); SHADES];
            for (line, &unit) in units.iter().enumerate() {
                let height = top + (line as f64 + 0.5) * row;
                let shade = |column: usize| {
                    let (from, to) = (column * steps / columns, (column + 1) * steps / columns);
                    let sum: f64 = (from..to).map(|t| gate.values[[t, sequence, unit]]).sum();
                    ((sum / (to - from) as f64 * SHADES as f64) as usize).min(SHADES - 1)
                };
                let mut column = 0;
                while column < columns {
                    let now = shade(column);
                    let end = (column + 1..columns).find(|&next| shade(next) != now).unwrap_or(columns);
                    let (x, width) = (LEFT + column as f64 * wide, (end - column) as f64 * wide);
                    write!(shades[now], "M{x:.1},{height:.1}h{width:.1}").expect("a string takes all that is written");
                    column = end;
                }
                // As many names of units as can be read.
                if line % (14.0 / row).ceil() as usize == 0 {
                    page.text((LEFT - 7.0, height + 4.5), "end", &unit.to_string());
                }
            }
            for (shade, path) in shades.into_iter().enumerate().filter(|(_, path)| !path.is_empty()) {
                let colour = colour((shade as f64 + 0.5) / SHADES as f64);
                page.put(format_args!(
                    "<path d=\"{path}\" stroke=\"{colour}\" stroke-width=\"{row:.2}\" shape-rendering=\"crispEdges\"/>"
                ));
            }
            page.frame((LEFT, top), (WIDTH, panel));
            page.upwards((22.0, top + panel / 2.0), &format!("{}, units", gate.name));
        }
        for tick in ticks(steps) {
            page.text((LEFT + (tick as f64 + 0.5) / steps as f64 * WIDTH, bottom + 18.0), "middle", &tick.to_string());
        }
        page.text((LEFT + WIDTH / 2.0, bottom + 38.0), "middle", "step t");
        let tall = (bottom - TOP).min(200.0);
        for shade in 0..SHADES {
            let at = TOP + tall * (1.0 - (shade as f64 + 1.0) / SHADES as f64);
            let colour = colour((shade as f64 + 0.5) / SHADES as f64);
            let height = tall / SHADES as f64;
            page.put(format_args!(
                "<rect x=\"{}\" y=\"{at:.1}\" width=\"14\" height=\"{height:.1}\" fill=\"{colour}\" \
                 shape-rendering=\"crispEdges\"/>",
                LEFT + WIDTH + 20.0
            ));
        }
        for value in [0.0, 0.5, 1.0] {
            page.text((LEFT + WIDTH + 40.0, TOP + tall * (1.0 - value) + 4.5), "start", &value.to_string());
        }
        Ok(page.finish())
    }
}

/// About ten round steps.
fn ticks(steps: usize) -> impl Iterator<Item = usize> {
    let rough = steps.div_ceil(10).max(1);
    let power = 10_usize.pow(rough.ilog10());
    let every = [1, 2, 5, 10].into_iter().map(|factor| factor * power).find(|&every| every >= rough).unwrap_or(rough);
    (0..steps).step_by(every)
}

/// From dark violet by green to yellow: lighter is more, to eyes of all kinds and in grey, too (a few points of *viridis*).
fn colour(share: f64) -> String {
    const STOPS: [[f64; 3]; 5] =
        [[68.0, 1.0, 84.0], [59.0, 82.0, 139.0], [33.0, 145.0, 140.0], [94.0, 201.0, 98.0], [253.0, 231.0, 37.0]];
    let place = share.clamp(0.0, 1.0) * 4.0;
    let stop = (place as usize).min(3);
    let mixed =
        |c: usize| (STOPS[stop][c] + (STOPS[stop + 1][c] - STOPS[stop][c]) * (place - stop as f64)).round() as u8;
    format!("#{:02x}{:02x}{:02x}", mixed(0), mixed(1), mixed(2))
}
