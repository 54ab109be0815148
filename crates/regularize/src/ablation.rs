//! Which regularizer does what: the same seed, one switch at a time, one table.

use crate::statistics::{deviation, mean};
use crate::svg::{Page, RIGHT_COLOUR, WRONG_COLOUR, ticks};
use crate::{Error, Result};
use std::fmt;

/// A change of the settings.
type Change<S> = Box<dyn Fn(&mut S)>;

/// An experiment that runs a program with its base settings and with each switch thrown, over the same seeds.
///
/// ```text
/// difference of a switch  d = mean over the seeds of (score with it − score without),  and the deviation of these differences
/// ```
///
/// Base and switch share the seed, and with it initial weights, split and order of the data as far as the program draws them
/// alike: the difference is that of the switch, and its deviation is smaller than that of the scores themselves.
///
/// # Examples
/// ```
/// use gradus_regularize::{Ablation, Error};
///
/// #[derive(Clone, Default)]
/// struct Settings {
///     dropout: f64,
///     decay: f64,
/// }
///
/// let table = Ablation::new("plain", Settings::default())
///     .switch("dropout 0.5", |s: &mut Settings| s.dropout = 0.5)
///     .switch("decay 0.01", |s: &mut Settings| s.decay = 0.01)
///     .run(&[1, 2, 3], |settings, seed| {
///         // Here a network is trained and tested.
///         Ok::<_, Error>(0.9 + 0.01 * seed as f64 + 0.1 * settings.dropout - settings.decay)
///     })?;
/// assert_eq!(
///     table.to_string(),
///     "setting       mean     ±       difference  ±\n\
///      plain         0.9200   0.0100\n\
///      dropout 0.5   0.9700   0.0100  +0.0500     0.0000\n\
///      decay 0.01    0.9100   0.0100  -0.0100     0.0000\n"
/// );
/// # Ok::<(), Error>(())
/// ```
pub struct Ablation<S> {
    base: (String, S),
    switches: Vec<(String, Change<S>)>,
}

impl<S: fmt::Debug> fmt::Debug for Ablation<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let switches: Vec<_> = self.switches.iter().map(|(name, _)| name).collect();
        f.debug_struct("Ablation").field("base", &self.base).field("switches", &switches).finish()
    }
}

impl<S: Clone> Ablation<S> {
    /// With these settings as the base, under this name.
    #[must_use]
    pub fn new(name: &str, base: S) -> Self {
        Self { base: (name.to_owned(), base), switches: Vec::new() }
    }

    /// With one more switch, which changes the base's settings.
    #[must_use]
    pub fn switch(mut self, name: &str, change: impl Fn(&mut S) + 'static) -> Self {
        self.switches.push((name.to_owned(), Box::new(change)));
        self
    }

    /// Runs the program with the base and with each switch, for each seed, and takes down its score.
    ///
    /// # Errors
    /// [`Error::Nothing`] if there are no seeds; [`Error::Score`] for a score that is not a finite number; those of the program.
    pub fn run<E: From<Error>>(
        &self,
        seeds: &[u64],
        mut program: impl FnMut(&S, u64) -> Result<f64, E>,
    ) -> Result<AblationTable, E> {
        const OPERATION: &str = "ablation";
        if seeds.is_empty() {
            return Err(Error::Nothing { operation: OPERATION, what: "seeds" }.into());
        }
        let mut rows: Vec<AblationRow> = Vec::new();
        let base = std::iter::once((&self.base.0, None));
        for (name, change) in base.chain(self.switches.iter().map(|(name, change)| (name, Some(change)))) {
            let mut settings = self.base.1.clone();
            if let Some(change) = change {
                change(&mut settings);
            }
            let mut scores = Vec::with_capacity(seeds.len());
            for (place, &seed) in seeds.iter().enumerate() {
                let value = program(&settings, seed)?;
                if !value.is_finite() {
                    return Err(Error::Score { operation: OPERATION, of: "seed", place, value }.into());
                }
                scores.push(value);
            }
            let differences = rows.first().map(|base| scores.iter().zip(&base.scores).map(|(a, b)| a - b).collect());
            rows.push(AblationRow { name: name.clone(), scores, differences: differences.unwrap_or_default() });
        }
        Ok(AblationTable { rows })
    }
}

/// What an [`Ablation`] found; the first row is the base.
///
/// [`Display`](fmt::Display) writes it as text, [`to_markdown`](Self::to_markdown) as Markdown, [`to_svg`](Self::to_svg) draws it.
#[derive(Debug, Clone, PartialEq)]
pub struct AblationTable {
    rows: Vec<AblationRow>,
}

/// The base or a switch.
#[derive(Debug, Clone, PartialEq)]
pub struct AblationRow {
    /// Its name.
    pub name: String,
    /// The score for each seed.
    pub scores: Vec<f64>,
    /// How much higher than the base's each is; none for the base itself.
    pub differences: Vec<f64>,
}

impl AblationRow {
    /// The mean of the scores.
    #[must_use]
    pub fn mean(&self) -> f64 {
        mean(self.scores.iter().copied())
    }

    /// The standard deviation of the scores, over n − 1; none for a single seed.
    #[must_use]
    pub fn deviation(&self) -> Option<f64> {
        deviation(&self.scores)
    }

    /// The mean of the differences to the base; none for the base itself.
    #[must_use]
    pub fn difference(&self) -> Option<f64> {
        (!self.differences.is_empty()).then(|| mean(self.differences.iter().copied()))
    }

    /// The standard deviation of the differences; none for a single seed, and for the base itself.
    #[must_use]
    pub fn difference_deviation(&self) -> Option<f64> {
        deviation(&self.differences)
    }

    /// Mean, deviation, difference, deviation of the difference, as they are written.
    fn cells(&self) -> [String; 4] {
        let written = |x: Option<f64>| x.map_or_else(String::new, |x| format!("{x:.4}"));
        let difference = self.difference().map_or_else(String::new, |x| format!("{x:+.4}"));
        [written(Some(self.mean())), written(self.deviation()), difference, written(self.difference_deviation())]
    }
}

const HEADS: [&str; 5] = ["setting", "mean", "±", "difference", "±"];

impl AblationTable {
    /// The base, then the switches.
    #[must_use]
    pub fn rows(&self) -> &[AblationRow] {
        &self.rows
    }

    /// The table in Markdown.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text = format!("| {} |\n| --- | --: | --: | --: | --: |\n", HEADS.join(" | "));
        for row in &self.rows {
            let [mean, deviation, difference, of_difference] = row.cells();
            let name = row.name.replace('|', "\\|");
            text += &format!("| {name} | {mean} | {deviation} | {difference} | {of_difference} |\n");
        }
        text
    }

    /// The table as SVG text: a dashed line at the base's mean, a bar from it to the mean of each switch, a dot for each seed.
    /// What the score is, `score` says.
    #[must_use]
    pub fn to_svg(&self, title: &str, score: &str) -> String {
        const WIDTH: f64 = 420.0;
        const ROW: f64 = 30.0;
        let all = || self.rows.iter().flat_map(|row| row.scores.iter().copied());
        let (least, most) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
        let margin = if most > least { 0.08 * (most - least) } else { 0.5 };
        let (low, high) = (least - margin, most + margin);
        let share = |score: f64| (score - low) / (high - low);
        let longest = self.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
        let height = ROW * self.rows.len() as f64;
        let mut page = Page::with_margin(title, [WIDTH, height], 48.0 + 7.5 * longest as f64, 150.0);
        let ticks: Vec<_> = ticks(low, high).into_iter().map(|score| (share(score), written(score))).collect();
        page.axes([score, ""], &ticks, false);
        let n = self.rows.len() as f64;
        let base = self.rows.first().map_or(0.0, AblationRow::mean);
        for (i, row) in self.rows.iter().enumerate() {
            let (top, bottom) = (1.0 - (i as f64 + 0.18) / n, 1.0 - (i as f64 + 0.82) / n);
            let middle = (top + bottom) / 2.0;
            let colour = if row.mean() >= base { RIGHT_COLOUR } else { WRONG_COLOUR };
            let [mean, deviation, difference, _] = row.cells();
            page.bar(
                [share(row.mean().min(base)), bottom],
                [share(row.mean().max(base)), top],
                colour,
                0.6,
                &format!("{}: {mean} ± {deviation} {difference}", row.name),
            );
            row.scores.iter().for_each(|&score| page.dot([share(score), middle]));
            page.name(middle, &row.name);
            let beside = if deviation.is_empty() { mean } else { format!("{mean} ± {deviation}") };
            page.value(middle, &beside);
        }
        page.line([share(base), 0.0], [share(base), 1.0], true);
        page.finish()
    }
}

/// A tick, without zeros that say nothing.
fn written(tick: f64) -> String {
    let text = format!("{tick:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

impl fmt::Display for AblationTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = HEADS.map(str::to_owned);
        let rows = self.rows.iter().map(|row| {
            let [mean, deviation, difference, of_difference] = row.cells();
            [row.name.clone(), mean, deviation, difference, of_difference]
        });
        let lines: Vec<[String; 5]> = std::iter::once(heads).chain(rows).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths = [width(0) + 1, width(1) + 1, width(2), width(3), width(4)];
        for line in &lines {
            let cells: Vec<_> = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            writeln!(f, "{}", cells.join("  ").trim_end())?;
        }
        Ok(())
    }
}
