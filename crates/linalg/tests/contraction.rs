//! Products beyond that of two matrices, each against its definition.

use gradus_linalg::ndarray::{Array, Array1, Array2, ArrayD, ArrayViewD, IxDyn, array};
use gradus_linalg::{
    einsum, einsum_into, gemm_batched, matmul, matmul_batched, matvec, matvec_into, outer, outer_into, tensordot,
    tensordot_into,
};
use gradus_testing::strategies::{matrix, strided};
use gradus_testing::{Tolerance, assert_close};
use proptest::prelude::*;

/// The sum over all indices, one term after the other.
fn plain(subscripts: &str, operands: &[ArrayD<f64>]) -> ArrayD<f64> {
    let (left, right) = subscripts.split_once("->").expect("the tests write the arrow");
    let inputs: Vec<Vec<u8>> = left.split(',').map(|labels| labels.bytes().collect()).collect();
    let mut letters: Vec<(u8, usize)> = Vec::new();
    for (labels, operand) in inputs.iter().zip(operands) {
        for (&label, &length) in labels.iter().zip(operand.shape()) {
            if !letters.iter().any(|&(own, _)| own == label) {
                letters.push((label, length));
            }
        }
    }
    let place = |label: u8| letters.iter().position(|&(own, _)| own == label).expect("a letter of an operand");
    let shape: Vec<usize> = right.bytes().map(|label| letters[place(label)].1).collect();
    let mut c = ArrayD::zeros(IxDyn(&shape));
    let lengths: Vec<usize> = letters.iter().map(|&(_, length)| length).collect();
    for index in gradus_linalg::ndarray::indices(IxDyn(&lengths)) {
        let at = |labels: &[u8]| IxDyn(&labels.iter().map(|&label| index[place(label)]).collect::<Vec<_>>());
        let term: f64 = inputs.iter().zip(operands).map(|(labels, operand)| operand[at(labels)]).product();
        c[at(right.as_bytes())] += term;
    }
    c
}

const SUBSCRIPTS: [&str; 24] = [
    "ij,jk->ik",
    "ij,kj->ik",
    "ji,jk->ki",
    "ij,j->i",
    "i,j->ij",
    "ij,ij->ij",
    "ij,ij->",
    "ii->",
    "ii->i",
    "ij->ji",
    "ij->j",
    "ij->",
    "i,ij,j->",
    "nij,njk->nik",
    "nij,jk->ink",
    "ijk,jil->kl",
    "ij,jk,kl->il",
    "iij,jk->ki",
    "i,i,i->i",
    "abc,cd,db->a",
    "ij,kl->ijkl",
    "ijkl,lkm->mji",
    "a,ab,b,c->c",
    "ijk,k->ji",
];

/// Subscripts and operands of any strides that fit them; lengths 0 to 4.
fn cases() -> impl Strategy<Value = (&'static str, Vec<ArrayD<f64>>)> {
    (0..SUBSCRIPTS.len(), prop::collection::vec(0..5_usize, 26)).prop_flat_map(|(i, lengths)| {
        let subscripts = SUBSCRIPTS[i];
        let (left, _) = subscripts.split_once("->").expect("all have an arrow");
        let operands: Vec<_> = left
            .split(',')
            .map(|labels| {
                let shape: Vec<usize> = labels.bytes().map(|label| lengths[usize::from(label - b'a')]).collect();
                strided(&shape, -2.0..2.0)
            })
            .collect();
        (Just(subscripts), operands)
    })
}

fn views(operands: &[ArrayD<f64>]) -> Vec<ArrayViewD<'_, f64>> {
    operands.iter().map(|operand| operand.view()).collect()
}

proptest! {
    #[test]
    fn einsum_by_its_definition((subscripts, operands) in cases(), alpha in -2.0..2.0_f64, beta in -2.0..2.0_f64) {
        let expected = plain(subscripts, &operands);
        let c = einsum(subscripts, &views(&operands))?;
        assert_close(&c, &expected, Tolerance::F64, subscripts);
        let mut c = Array::from_elem(expected.raw_dim(), 3.0);
        einsum_into(alpha, subscripts, &views(&operands), beta, &mut c)?;
        assert_close(&c, &(alpha * &expected + 3.0 * beta), Tolerance::F64, subscripts);
        // Into memory whose axes lie the other way round, and over NaN.
        let reversed: Vec<usize> = expected.shape().iter().rev().copied().collect();
        let mut c = Array::from_elem(IxDyn(&reversed), f64::NAN).reversed_axes();
        einsum_into(alpha, subscripts, &views(&operands), 0.0, &mut c)?;
        assert_close(&c, &(alpha * &expected), Tolerance::F64, subscripts);
    }

    #[test]
    fn tensordot_is_an_einsum(lengths in prop::collection::vec(0..5_usize, 5), seed in 0..1000_u32, alpha in -2.0..2.0_f64) {
        let fill = |shape: &[usize]| {
            let mut state = seed;
            ArrayD::from_shape_simple_fn(IxDyn(shape), || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                f64::from(state >> 8) / f64::from(1 << 24) - 0.5
            })
        };
        let [i, j, k, l, m] = [lengths[0], lengths[1], lengths[2], lengths[3], lengths[4]];
        let (a, b) = (fill(&[i, j, k, l]), fill(&[l, m, j]));
        let expected = plain("ijkl,lmj->ikm", &[a.clone(), b.clone()]);
        assert_close(&tensordot(&a, &b, &[1, 3], &[2, 0])?, &expected, Tolerance::F64, "tensordot");
        let mut c = Array::from_elem(expected.raw_dim(), 1.0);
        tensordot_into(alpha, &a, &b, &[1, 3], &[2, 0], 2.0, &mut c)?;
        assert_close(&c, &(alpha * &expected + 2.0), Tolerance::F64, "tensordot_into");
        let all = tensordot(&a, &a, &[0, 1, 2, 3], &[0, 1, 2, 3])?;
        assert_close(&all, &plain("ijkl,ijkl->", &[a.clone(), a]), Tolerance::F64, "of all axes");
    }

    #[test]
    fn products_with_vectors((m, n) in (0..9_usize, 0..9_usize), scale in -2.0..2.0_f64) {
        let (x, y) = (Array1::from_shape_fn(m, |i| i as f64 - scale), Array1::from_shape_fn(n, |j| scale * j as f64));
        let a = outer(&x, &y);
        prop_assert_eq!(&a, &Array2::from_shape_fn((m, n), |(i, j)| x[i] * y[j]));
        let yy: f64 = y.iter().map(|y| y * y).sum();
        assert_close(&matvec(&a, &y)?, &(&x * yy), Tolerance::F64, "x yᵀ y");
        let mut z = x.clone();
        matvec_into(scale, &a, &y, 3.0, &mut z)?;
        assert_close(&z, &(&x * (scale * yy + 3.0)), Tolerance::F64, "α A y + β x");
        let mut c = a.clone();
        outer_into(scale, &x, &y, 2.0, &mut c)?;
        assert_close(&c, &(&a * (scale + 2.0)), Tolerance::F64, "α x yᵀ + β A");
    }

    #[test]
    fn batches_are_products_one_by_one(
        (m, k, n) in (0..5_usize, 0..5_usize, 0..5_usize), batch in 1..4_usize, outer in 1..3_usize, alpha in -2.0..2.0_f64,
    ) {
        let fill = |shape: &[usize]| {
            let mut next = 0.0;
            ArrayD::from_shape_simple_fn(IxDyn(shape), || { next += 0.37; f64::sin(next) })
        };
        for (a_shape, b_shape) in [
            (vec![batch, m, k], vec![k, n]), (vec![m, k], vec![batch, k, n]), (vec![outer, 1, m, k], vec![batch, k, n]),
            (vec![batch, m, k], vec![1, k, n]), (vec![m, k], vec![k, n]), (vec![outer, batch, m, k], vec![outer, batch, k, n]),
        ] {
            let (a, b) = (fill(&a_shape), fill(&b_shape));
            let c = matmul_batched(&a, &b)?;
            let stack = c.shape()[..c.ndim() - 2].to_vec();
            let whole = |x: &ArrayD<f64>| {
                let mut shape = stack.clone();
                shape.extend(&x.shape()[x.ndim() - 2..]);
                x.broadcast(shape).expect("it broadcasts to the result").to_owned()
            };
            let (wide_a, wide_b) = (whole(&a), whole(&b));
            let count = stack.iter().product::<usize>();
            let (wide_a, wide_b) = (wide_a.into_shape_with_order((count, m, k))?, wide_b.into_shape_with_order((count, k, n))?);
            let flat = c.clone().into_shape_with_order((count, m, n))?;
            for i in 0..count {
                let product = matmul(&wide_a.index_axis(gradus_linalg::ndarray::Axis(0), i), &wide_b.index_axis(gradus_linalg::ndarray::Axis(0), i))?;
                assert_close(&flat.index_axis(gradus_linalg::ndarray::Axis(0), i), &product, Tolerance::F64, "one of the batch");
            }
            let mut d = c.clone();
            gemm_batched(alpha, &a, &b, 0.5, &mut d)?;
            assert_close(&d, &(&c * (alpha + 0.5)), Tolerance::F64, "α A B + β C");
        }
    }

    #[test]
    fn a_tall_stack_of_any_layout((stack, b) in (strided(&[2, 3, 4], -1.0..1.0), matrix(4, 3))) {
        let c = matmul_batched(&stack, &b.clone().into_dyn())?;
        assert_close(&c, &plain("nij,jk->nik", &[stack, b.into_dyn()]), Tolerance::F64, "stack");
    }
}

#[test]
fn without_an_arrow_the_letters_that_stand_once_are_sorted() {
    let (a, b) = (array![[1.0, 2.0], [3.0, 4.0]].into_dyn(), array![[1.0, 0.0], [1.0, 1.0]].into_dyn());
    assert_eq!(einsum("ki,kj", &[a.view(), b.view()]).unwrap(), einsum("ki,kj->ij", &[a.view(), b.view()]).unwrap());
    assert_eq!(einsum("ba", &[a.view()]).unwrap(), a.t());
    assert_eq!(einsum(" i i ", &[a.view()]).unwrap().first(), Some(&5.0));
}
