//! Products of matrices and of arrays.

use gradus_linalg::ndarray::{Array1, Array2, ArrayD, ArrayViewD, IxDyn};
use gradus_linalg::testing::check_gemm;
use gradus_linalg::{
    Error, Real, einsum, einsum_into, gemm, gemm_add, gemm_batched, gemm_packed, matmul, matmul_batched, matvec,
};
use gradus_linalg::{Result, matvec_into, outer_into, tensordot, tensordot_into};
use gradus_testing::refuses;

fn ones(shape: &[usize]) -> ArrayD<f64> {
    ArrayD::ones(IxDyn(shape))
}

#[test]
fn two_matrices() {
    let of = |m, n| Array2::<f64>::ones((m, n));
    refuses!(matmul(&of(2, 3), &of(4, 3)), Error::InnerDimensions { .. }, @"matmul: [2, 3] · [4, 3]: inner dimensions differ (3 and 4); transpose the right-hand side?");
    refuses!(matmul(&of(2, 3), &of(2, 4)), Error::InnerDimensions { .. }, @"matmul: [2, 3] · [2, 4]: inner dimensions differ (3 and 2); transpose the left-hand side?");
    refuses!(matmul(&of(2, 3), &of(4, 5)), Error::InnerDimensions { .. }, @"matmul: [2, 3] · [4, 5]: inner dimensions differ (3 and 4)");
    refuses!(gemm(1.0, &of(2, 3), &of(4, 3), 0.0, &mut of(2, 3)), Error::InnerDimensions { .. }, @"gemm: [2, 3] · [4, 3]: inner dimensions differ (3 and 4); transpose the right-hand side?");
    refuses!(gemm(1.0, &of(2, 3), &of(3, 4), 0.0, &mut of(4, 2)), Error::Destination { .. }, @"gemm: the result has shape [2, 4], the destination [4, 2]; must be the same");
    let (a, b) = (of(2, 3), of(3, 4));
    // The right operand is given by its columns: `&b.t()` is the product with `b`.
    refuses!(gemm_add(1.0, &of(2, 3), &of(4, 3), 1.0, &of(2, 3), &mut of(2, 3)), Error::InnerDimensions { .. }, @"gemm_add: [2, 3] · [4, 3]: inner dimensions differ (3 and 4); transpose the right-hand side?");
    refuses!(gemm_add(1.0, &of(2, 3), &of(3, 4), 1.0, &of(1, 4), &mut of(2, 4)), Error::Destination { .. }, @"gemm_add: the result has shape [2, 4], the destination [1, 4]; must be the same");
    refuses!(gemm_packed(1.0, &a.view(), &b.view(), 0.0, &mut of(2, 3)), Error::InnerDimensions { .. }, @"gemm_packed: [2, 3] · [4, 3]: inner dimensions differ (3 and 4); transpose the right-hand side?");
    refuses!(gemm_packed(1.0, &a.view(), &b.t(), 0.0, &mut of(2, 3)), Error::Destination { .. }, @"gemm_packed: the result has shape [2, 4], the destination [2, 3]; must be the same");
}

#[test]
fn a_matrix_and_a_vector() {
    let (a, x) = (Array2::<f64>::ones((2, 3)), Array1::<f64>::ones(4));
    refuses!(matvec(&a, &x), Error::InnerDimensions { .. }, @"matvec: [2, 3] · [4]: inner dimensions differ (3 and 4)");
    refuses!(matvec_into(1.0, &a.t(), &x, 0.0, &mut Array1::ones(3)), Error::InnerDimensions { .. }, @"matvec_into: [3, 2] · [4]: inner dimensions differ (2 and 4)");
    refuses!(matvec_into(1.0, &a, &Array1::ones(3), 0.0, &mut Array1::ones(3)), Error::Destination { .. }, @"matvec_into: the result has shape [2], the destination [3]; must be the same");
    refuses!(outer_into(1.0, &x, &x, 0.0, &mut Array2::ones((4, 3))), Error::Destination { .. }, @"outer_into: the result has shape [4, 4], the destination [4, 3]; must be the same");
}

#[test]
fn batches() {
    refuses!(matmul_batched(&ones(&[5, 2, 3]), &ones(&[5, 2, 3])), Error::InnerDimensions { .. }, @"matmul_batched: [5, 2, 3] · [5, 2, 3]: inner dimensions differ (3 and 2); transpose the right-hand side?");
    refuses!(matmul_batched(&ones(&[5, 2, 3]), &ones(&[4, 3, 2])), Error::Batch { .. }, @"matmul_batched: [5, 2, 3] · [4, 3, 2]: the axes before the last two do not broadcast: counted from the last, they must be equal or 1");
    refuses!(matmul_batched(&ones(&[2, 3]), &ones(&[3])), Error::Rank { .. }, @"matmul_batched: an array of shape [3] has 1 axes; must have at least 2");
    let (a, b) = (ones(&[5, 2, 3]), ones(&[3, 4]));
    refuses!(gemm_batched(1.0, &a, &b, 0.0, &mut ones(&[2, 4])), Error::Destination { .. }, @"gemm_batched: the result has shape [5, 2, 4], the destination [2, 4]; must be the same");
}

#[test]
fn pairs_of_axes() {
    let (a, b) = (ones(&[2, 3]), ones(&[3, 4]));
    refuses!(tensordot(&a, &b, &[2], &[0]), Error::Axis { axis: 2, .. }, @"tensordot: axis 2 of an array of shape [2, 3]: axes are counted from 0 to 1");
    refuses!(tensordot(&a, &b, &[0], &[0]), Error::AxisPairs { .. }, @"tensordot: axes [0] of [2, 3] and [0] of [3, 4]: must be as many, pairwise of the same length, and none twice");
    refuses!(tensordot(&a, &b, &[0, 1], &[0]), Error::AxisPairs { .. }, @"tensordot: axes [0, 1] of [2, 3] and [0] of [3, 4]: must be as many, pairwise of the same length, and none twice");
    refuses!(tensordot(&a, &b.t(), &[1, 1], &[1, 1]), Error::AxisPairs { .. }, @"tensordot: axes [1, 1] of [2, 3] and [1, 1] of [4, 3]: must be as many, pairwise of the same length, and none twice");
    refuses!(tensordot_into(1.0, &a, &b, &[1], &[0], 0.0, &mut ones(&[2, 3])), Error::Destination { .. }, @"tensordot_into: the result has shape [2, 4], the destination [2, 3]; must be the same");
}

#[test]
fn subscripts() {
    let (a, b) = (ones(&[2, 3]), ones(&[3, 4]));
    let product = |subscripts: &str, operands: &[&ArrayD<f64>]| -> Result<ArrayD<f64>> {
        einsum(subscripts, &operands.iter().map(|x| x.view()).collect::<Vec<ArrayViewD<'_, f64>>>())
    };
    refuses!(product("ij->ij", &[&a, &b]), Error::Subscripts { .. }, @"einsum: \"ij->ij\" of [[2, 3], [3, 4]]: must have as many lists of letters, separated by commas, as there are operands");
    refuses!(product("ijk,jk->i", &[&a, &b]), Error::Subscripts { .. }, @"einsum: \"ijk,jk->i\" of [[2, 3], [3, 4]]: each operand must have a letter for each of its axes");
    refuses!(product("ij,jk->il", &[&a, &b]), Error::Subscripts { .. }, @"einsum: \"ij,jk->il\" of [[2, 3], [3, 4]]: a letter of the result must be one of an operand");
    refuses!(product("ij,jk->ii", &[&a, &b]), Error::Subscripts { .. }, @"einsum: \"ij,jk->ii\" of [[2, 3], [3, 4]]: a letter of the result must stand there once");
    refuses!(product("ij,jk->i1", &[&a, &b]), Error::Subscripts { .. }, @"einsum: \"ij,jk->i1\" of [[2, 3], [3, 4]]: must be letters, commas between operands, and at most one arrow ->");
    refuses!(product("ij,ik->jk", &[&a, &b]), Error::SubscriptLength { letter: 'i', .. }, @"einsum: \"ij,ik->jk\" of [[2, 3], [3, 4]]: i stands for axes of lengths 2 and 3; must be the same");
    let mut c = ones(&[2, 3]);
    refuses!(einsum_into(1.0, "ij,jk->ik", &[a.view(), b.view()], 0.0, &mut c), Error::Destination { .. }, @"einsum_into: the result has shape [2, 4], the destination [2, 3]; must be the same");
}

#[test]
fn an_engine_with_a_fault() {
    let forgets_alpha = check_gemm::<f64>(|_, a, b, beta, mut c| <f64 as Real>::gemm(1.0, a, b, beta, c.view_mut()));
    refuses!(forgets_alpha, Error::Engine { .. }, @"gemm: [1, 1] · [1, 1], α = 0, β = 0, strides [[0, 0], [0, 0], [0, 0]] of A, B, C: at (0, 0) it is 3.652741557743866e-2, the exact result 0e0; rounding explains 0.0e0");
}
