//! The engines here pass the kit for engines, and the kit finds faults that engines have had.

use gradus_linalg::ndarray::{ArrayView2, ArrayViewMut2};
use gradus_linalg::testing::{check_engine, check_gemm};
use gradus_linalg::{Error, gemm};

#[test]
fn the_engine_passes() {
    assert_eq!(check_engine::<f64>(), check_engine::<f32>());
    check_engine::<f64>().unwrap();
}

fn right(alpha: f64, a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>, beta: f64, mut c: ArrayViewMut2<'_, f64>) {
    gemm(alpha, &a, &b, beta, &mut c).unwrap();
}

/// What the kit says of an engine with a fault.
fn fault(engine: impl Fn(f64, ArrayView2<'_, f64>, ArrayView2<'_, f64>, f64, ArrayViewMut2<'_, f64>)) -> String {
    match check_gemm(engine) {
        Err(Error::Engine { operation: "gemm", problem, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn faults_are_found() {
    let reads = fault(|alpha, a, b, beta, mut c| {
        let before = c.to_owned();
        right(alpha, a, b, 0.0, c.view_mut());
        c.zip_mut_with(&before, |c, before| *c += beta * before);
    });
    assert!(reads.contains("NaN"), "{reads}");

    let skips = fault(|alpha, a, b, beta, c| {
        let a = a.mapv(|a| if a.is_nan() { 0.0 } else { a });
        right(alpha, a.view(), b, beta, c);
    });
    assert!(skips.starts_with("with a NaN in row 2 of the left operand"), "{skips}");

    let coarse = fault(|alpha, a, b, beta, mut c| {
        right(alpha, a, b, beta, c.view_mut());
        c.mapv_inplace(|c| f64::from(c as f32));
    });
    assert!(coarse.contains("rounding explains"), "{coarse}");

    let calls = std::cell::Cell::new(0.0);
    let varies = fault(|alpha, a, b, beta, mut c| {
        right(alpha, a, b, beta, c.view_mut());
        calls.set(calls.get() + 1.0);
        c.mapv_inplace(|c| if calls.get() % 2.0 == 0.0 { c.next_up() } else { c });
    });
    assert!(varies.contains("other bits"), "{varies}");

    #[allow(unsafe_code)]
    let spills = fault(|alpha, a, b, beta, mut c| {
        right(alpha, a, b, beta, c.view_mut());
        let apart = c.strides()[0].unsigned_abs() >= 2 * c.ncols();
        if c.strides()[1] == 2 && c.ncols() > 1 && c.nrows() > 0 && apart {
            // SAFETY: the elements of a row are two apart, and rows further: the number after the first lies between it and the second.
            unsafe { c.as_mut_ptr().add(1).write(0.0) };
        }
    });
    assert_eq!(spills, "it writes beside its result");
}
