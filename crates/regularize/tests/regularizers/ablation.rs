//! The ablation.

use gradus_regularize::{Ablation, Error};

fn table() -> gradus_regularize::AblationTable {
    Ablation::new("base", 1.0_f64)
        .switch("twice", |s| *s *= 2.0)
        .switch("a | b", |s| *s = 0.5)
        .run(&[3, 4], |settings, seed| Ok::<_, Error>(settings * seed as f64))
        .unwrap()
}

#[test]
fn a_switch_changes_the_base_alone() {
    let table = table();
    let rows = table.rows();
    assert_eq!(rows.iter().map(|row| row.scores.clone()).collect::<Vec<_>>(), [[3.0, 4.0], [6.0, 8.0], [1.5, 2.0]]);
    assert_eq!(rows[1].differences, [3.0, 4.0]);
    assert_eq!((rows[0].difference(), rows[1].difference()), (None, Some(3.5)));
    assert_eq!(rows[1].mean(), 7.0);
    assert!((rows[1].deviation().unwrap() - 2_f64.sqrt()).abs() < 1e-12);
    assert!((rows[1].difference_deviation().unwrap() - 0.5_f64.sqrt()).abs() < 1e-12);
}

#[test]
fn it_reads_as_text_markdown_and_picture() {
    let table = table();
    let text = table.to_string();
    assert_eq!(text.lines().count(), 4);
    let markdown = table.to_markdown();
    assert!(markdown.contains("| twice | 7.0000 | 1.4142 | +3.5000 | 0.7071 |"), "{markdown}");
    assert!(markdown.contains("| a \\| b |"), "{markdown}");
    let svg = table.to_svg("what helps", "accuracy");
    assert!(svg.matches("<circle").count() == 6 && svg.contains("twice") && !svg.contains("NaN"), "{svg}");
    // Round numbers at the axis, and bars from the base's 3.5: to the right, to the left, and of no length.
    assert!([2, 4, 6, 8].iter().all(|tick| svg.contains(&format!(">{tick}</text>"))), "{svg}");
    assert!(["#1f83c4", "#d9660b"].iter().all(|colour| svg.contains(colour)), "{svg}");
    let single = Ablation::new("base", ()).run(&[1], |(), _| Ok::<_, Error>(0.5)).unwrap();
    assert!(single.rows()[0].deviation().is_none() && !single.to_svg("", "").contains("NaN"));
}
