//! Where synchronous data-parallel training stops scaling: a link is fitted to measured all-reduces, checked against
//! more ranks than it was fitted to, and drawn for 8 to 1,024 ranks.
//!
//! ```text
//! cargo run --release -p gradus-distributed --example scaling
//! ```
//!
//! It reads `docs/measurements.csv`, which `benches/scaling/netem` wrote, and renews the pictures and the tables of
//! `docs/scaling.md` beside it.

mod chart;
mod check;
mod draw;

use gradus_distributed::scaling::{Algorithm, Measurement};
use std::error::Error;
use std::path::Path;
use std::{fs, io};

/// What programs return here: there is nothing to do about an error but to show it.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A line of the measurements.
struct Line {
    gbit_per_s: f64,
    delay_us: f64,
    measurement: Measurement,
    /// How many processors all ranks together kept busy.
    processors: f64,
}

impl Line {
    /// shaper, gbit_per_s, delay_us, ranks, algorithm, bytes, repeats, median_us, minimum_us, processors
    fn parse(line: &str) -> Result<Self> {
        let fields: Vec<&str> = line.split(',').collect();
        let [_, gbit_per_s, delay_us, ranks, name, bytes, _, median_us, _, processors] = fields[..] else {
            return Err(format!("measurements: {line:?}: a line has 10 fields").into());
        };
        let algorithm = Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name);
        let algorithm = algorithm.ok_or_else(|| format!("measurements: {line:?}: there is no algorithm {name}"))?;
        let (bytes, seconds) = (bytes.parse()?, median_us.parse::<f64>()? * 1e-6);
        Ok(Self {
            gbit_per_s: gbit_per_s.parse()?,
            delay_us: delay_us.parse()?,
            measurement: Measurement { algorithm, ranks: ranks.parse()?, bytes, seconds },
            processors: processors.parse()?,
        })
    }
}

/// Puts a text in place of what stands between `<!-- name -->` and the next `<!-- end -->`.
fn replace(document: &mut String, name: &str, text: &str) -> Result<()> {
    let begin = format!("<!-- {name} -->\n");
    let missing =
        || format!("docs/scaling.md: no place for {name}: it has to have the lines {begin:?} and \"<!-- end -->\"");
    let from = document.find(&begin).ok_or_else(missing)? + begin.len();
    let to = from + document[from..].find("<!-- end -->").ok_or_else(missing)?;
    document.replace_range(from..to, &format!("\n{text}\n"));
    Ok(())
}

fn main() -> Result<()> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let named = |name: &str, error: io::Error| format!("{}: {error}", docs.join(name).display());
    let read = |name: &str| fs::read_to_string(docs.join(name)).map_err(|error| named(name, error));
    let write = |name: &str, text: &str| fs::write(docs.join(name), text).map_err(|error| named(name, error));

    let text = read("measurements.csv")?;
    let lines = text.lines().skip(1).map(Line::parse).collect::<Result<Vec<_>>>()?;
    let mut document = read("scaling.md")?;

    let checks = check::checks(&lines)?;
    replace(&mut document, "fits", &check::fits(&checks))?;
    replace(&mut document, "errors", &check::errors(&checks)?)?;
    write("check.svg", &check::picture(&checks)?)?;

    for (name, gbit_per_s) in [("slow", 1.0), ("fast", 10.0)] {
        let network = draw::Network::new(gbit_per_s, draw::COST)?;
        replace(&mut document, name, &network.table()?)?;
        write(&format!("{name}.svg"), &network.picture()?)?;
    }
    replace(&mut document, "buckets", &draw::buckets()?)?;
    let cost = check::cost_per_message(&checks)?;
    replace(&mut document, "shared", &draw::Network::new(10.0, cost)?.table()?)?;
    write("scaling.md", &document)?;
    println!("renewed: {}", docs.display());
    Ok(())
}
