//! The picture of a reliability diagram.

use super::Reliability;
use crate::svg::{Page, RIGHT_COLOUR, SHY_COLOUR, WRONG_COLOUR};

impl Reliability {
    /// The diagram as SVG text: the accuracy of each bin as a bar with the number of samples above it, the gap to its confidence in another colour, one
    /// where the model is too sure and one where it is not sure enough, the line on which accuracy and confidence are equal.
    #[must_use]
    pub fn to_svg(&self, title: &str) -> String {
        const SIDE: f64 = 360.0;
        let mut page = Page::new(title, [SIDE, SIDE], 150.0);
        page.axes(
            ["confidence", "accuracy"],
            &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0].map(|tick| (tick, format!("{tick}"))),
            true,
        );
        for bin in self.bins().iter().filter(|bin| bin.count > 0) {
            // Of equal mass a bin may be as narrow as a point.
            let (low, high) = (bin.low, bin.high.max(bin.low + 0.004));
            let says = format!(
                "{:.3} to {:.3}: {} samples, confidence {:.3}, accuracy {:.3}",
                bin.low, bin.high, bin.count, bin.confidence, bin.accuracy
            );
            page.bar([low, 0.0], [high, bin.accuracy], RIGHT_COLOUR, 0.9, &says);
            if bin.confidence > bin.accuracy {
                page.bar([low, bin.accuracy], [high, bin.confidence], WRONG_COLOUR, 0.55, &says);
            } else {
                page.bar([low, bin.confidence], [high, bin.accuracy], SHY_COLOUR, 1.0, &says);
            }
            if high - low > 0.08 {
                page.above([(low + high) / 2.0, bin.accuracy.max(bin.confidence)], &bin.count.to_string());
            }
        }
        page.line([0.0, 0.0], [1.0, 1.0], true);
        page.legend(0, RIGHT_COLOUR, "accuracy");
        page.legend(1, WRONG_COLOUR, "too sure");
        page.legend(2, SHY_COLOUR, "not sure enough");
        page.note(3, "numbers: samples");
        page.note(4, &format!("expected error {:.4}", self.expected_error()));
        page.note(5, &format!("largest error {:.4}", self.largest_error()));
        page.finish()
    }
}
