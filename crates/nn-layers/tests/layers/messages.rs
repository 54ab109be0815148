//! What every message says: what was asked, what was found, what would fit.

use super::rng;
use gradus_nn_layers::ndarray::{ArrayD, array};
use gradus_nn_layers::{
    Attention, Bilinear, BinaryFocal, Celu, CosineEmbedding, Dice, Focal, GaussianNll, Glu, GroupNorm, Hardtanh,
    InstanceNorm, Layer, LayerNorm, Linear, MarginRanking, MultiheadAttention, Parallel, PoissonNll, Prelu, Residual,
    Softplus, Tape, TripletMargin, Var, scaled_dot_product_attention,
};

fn message<T: std::fmt::Debug>(result: gradus_nn_layers::Result<T>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn of_layers() {
    let tape = Tape::<f64>::recording();
    let x = |shape: &[usize]| tape.input(ArrayD::zeros(shape));
    let linear = |from, to| Linear::<f64>::new(from, to, &mut rng(1));
    let attention = MultiheadAttention::<f64>::new(4, 2, &mut rng(1)).unwrap();
    let attend = |q: &[usize], k: &[usize], v: &[usize], options: &Attention<f64>| {
        message(scaled_dot_product_attention(&x(q), &x(k), &x(v), options))
    };
    let mut wrong = LayerNorm::<f64>::new(3);
    wrong.weight = Some(array![1.0].into());
    let table = [
        (
            message(LayerNorm::new((4, 3)).forward(&x(&[2, 3]))),
            "layer_norm: input [2, 3]: this layer normalizes over [4, 3]; the last axes should be these; LayerNorm::new((2, 3)) would take it",
        ),
        (
            message(LayerNorm::new(3).eps(-1.0).forward(&x(&[2, 3]))),
            "layer_norm: eps = -1: a finite number of at least 0 would fit",
        ),
        (message(wrong.forward(&x(&[2, 3]))), "layer_norm: weight of shape [1]: the other parameters ask for [3]"),
        (
            message(GroupNorm::<f64>::new(4, 6)),
            "group_norm: 6 channels in 4 groups: they cannot be divided evenly; a multiple of 4 channels would fit",
        ),
        (message(GroupNorm::<f64>::new(0, 6)), "group_norm: 6 channels in 0 groups: at least one is needed"),
        (
            message(GroupNorm::new(2, 6).unwrap().forward(&x(&[6]))),
            "group_norm: input [6]: this layer takes 6 channels on the second axis, and at least 2 axes; one sample without a batch axis? unsqueeze(0) makes [1, 6] of it",
        ),
        (
            message(InstanceNorm::new(6).forward(&x(&[2, 6]))),
            "instance_norm: input [2, 6]: this layer takes 6 channels on the second axis, and at least 3 axes",
        ),
        (
            message(MultiheadAttention::<f64>::new(6, 4, &mut rng(1))),
            "multihead_attention: 6 features in 4 heads: they cannot be divided evenly; a multiple of 4 features would fit",
        ),
        (
            message(attention.forward(&x(&[2, 3, 5]))),
            "multihead_attention: input [2, 3, 5]: its last axis is 5 long; this layer takes 4 features on the last axis, (…, 4); MultiheadAttention::new(5, …) would take it",
        ),
        (
            message(attention.cross_attention(&x(&[2, 3, 4]), &x(&[1, 5, 4]), &x(&[1, 5, 4]), &Attention::new())),
            "multihead_attention: query [2, 3, 4], key [1, 5, 4], value [1, 5, 4]: (N, L, embed_dim), (N, S, kdim) and (N, S, vdim) would fit",
        ),
        (
            message(attention.self_attention(&x(&[2, 3, 4]), &Attention::new().mask(array![[true, false]]))),
            "multihead_attention: mask of shape [1, 2]: it does not broadcast to the scores, [2, 2, 3, 3]",
        ),
        (
            attend(&[3], &[3, 4], &[3, 4], &Attention::new()),
            "scaled_dot_product_attention: query [3], key [3, 4], value [3, 4]: each needs at least two axes, positions and features",
        ),
        (
            attend(&[3, 4], &[3, 5], &[3, 4], &Attention::new()),
            "scaled_dot_product_attention: query [3, 4], key [3, 5], value [3, 4]: queries and keys need as many features",
        ),
        (
            attend(&[3, 4], &[3, 4], &[2, 4], &Attention::new()),
            "scaled_dot_product_attention: query [3, 4], key [3, 4], value [2, 4]: there has to be a value for each key",
        ),
        (
            attend(&[2, 3, 4], &[3, 3, 4], &[3, 4], &Attention::new()),
            "scaled_dot_product_attention: query [2, 3, 4], key [3, 3, 4], value [3, 4]: the axes before the last two, counted from the last, must be equal or 1",
        ),
        (
            attend(&[3, 4], &[3, 4], &[3, 4], &Attention::new().scale(f64::NAN)),
            "scaled_dot_product_attention: scale = NaN: a finite number would fit",
        ),
        (
            attend(&[1 << 40, 0], &[0, 0], &[0, 1 << 40], &Attention::new()),
            "scaled_dot_product_attention: a result of shape [1099511627776, 1099511627776] has more elements than memory can address",
        ),
        (
            message(Bilinear::new(2, 3, 1, &mut rng(1)).forward(&x(&[5, 2]), &x(&[4, 3]))),
            "bilinear: shapes [5, 2] and [4, 3]: the axes before the last must be the same",
        ),
        (
            message(Bilinear::new(2, 3, 1, &mut rng(1)).forward(&x(&[5, 2]), &x(&[5, 2]))),
            "bilinear: input [5, 2]: its last axis is 2 long; this layer takes 3 features on the last axis, (…, 3); a Bilinear with 2 features there would take it",
        ),
        (
            message(Bilinear::<f64>::from_parts(array![[1.0]], None)),
            "bilinear: weight of shape [1, 1]: it has 2 axes; three, (out_features, in1_features, in2_features), would fit",
        ),
        (
            message(Residual::new(linear(2, 1)).forward(&x(&[5, 2]))),
            "residual: shapes [5, 2] and [5, 1]: the shortcut and the body must end in the same shape; give a shortcut that projects",
        ),
        (
            message(Parallel::sum().push(linear(2, 1)).push(linear(2, 3)).forward(&x(&[5, 2]))),
            "parallel: shapes [5, 1] and [5, 3]: branches that are added must end in the same shape; Parallel::concatenate needs only the other axes alike",
        ),
        (message(Parallel::sum().forward(&x(&[5, 2]))), "parallel: no arrays were given; it needs at least one"),
        (
            message(Prelu::new(3).forward(&x(&[5, 2]))),
            "prelu: input [5, 2]: this layer takes 3 channels on the second axis, and at least 2 axes; Prelu::new(2) would take it",
        ),
        (
            message(Glu::default().forward(&x(&[5, 3]))),
            "glu: 3 numbers in 2 halves: they cannot be divided evenly; a multiple of 2 numbers would fit",
        ),
        (message(Glu { axis: 2 }.forward(&x(&[5, 2]))), "glu: axis 2 of [5, 2]: axes go from -2 to 1"),
        (message(Celu { alpha: 0.0 }.forward(&x(&[1]))), "celu: alpha = 0: a finite number above 0 would fit"),
        (
            message(Softplus { beta: -1.0, threshold: 20.0 }.forward(&x(&[1]))),
            "softplus: beta = -1: a finite number above 0 would fit",
        ),
        (
            message(Hardtanh { min_val: 1.0, max_val: 1.0 }.forward(&x(&[1]))),
            "hardtanh: max_val = 1: a number above min_val would fit",
        ),
    ];
    for (found, expected) in table {
        assert_eq!(found, expected);
    }
}

#[test]
fn of_losses() {
    let tape = Tape::<f64>::recording();
    let x = |shape: &[usize]| tape.input(ArrayD::zeros(shape));
    let (pair, other): (Var<f64>, Var<f64>) = (x(&[2, 3]), x(&[2, 1]));
    let same = "they must be the same; nothing is broadcast in a loss";
    let table = [
        (
            message(TripletMargin::new().loss(&pair, &pair, &other)),
            format!("triplet_margin: shapes [2, 3] and [2, 1]: {same}"),
        ),
        (
            message(TripletMargin::new().margin(0.0).loss(&pair, &pair, &pair)),
            "triplet_margin: margin = 0: a finite number above 0 would fit".to_owned(),
        ),
        (
            message(TripletMargin::new().power(0.0).loss(&pair, &pair, &pair)),
            "triplet_margin: power = 0: a finite number above 0 would fit".to_owned(),
        ),
        (
            message(MarginRanking::new().loss(&pair, &other, &pair)),
            format!("margin_ranking: shapes [2, 3] and [2, 1]: {same}"),
        ),
        (
            message(CosineEmbedding::new().loss(&pair, &pair, &tape.input(array![1.0, 0.0]))),
            "cosine_embedding: target 0 at [1]: targets are 1, for a pair that belongs together, or -1".to_owned(),
        ),
        (
            message(CosineEmbedding::new().margin(2.0).loss(&pair, &pair, &tape.input(array![1.0, 1.0]))),
            "cosine_embedding: margin = 2: a cosine, from -1 to 1, would fit".to_owned(),
        ),
        (
            message(CosineEmbedding::new().loss(&pair, &pair, &tape.input(array![1.0]))),
            "cosine_embedding: prediction [2], target [1]: the shapes differ; nothing is broadcast in a loss".to_owned(),
        ),
        (
            message(GaussianNll::new().loss(&pair, &pair, &x(&[3]))),
            "gaussian_nll: shapes [2, 3] and [3]: the second, the variance's, should be the first, the prediction's, or that without the last axis".to_owned(),
        ),
        (
            message(GaussianNll::new().loss(&pair, &pair, &tape.input(array![1.0, -2.0]))),
            "gaussian_nll: variance -2 at [1, 0]: it should be at least 0".to_owned(),
        ),
        (
            message(PoissonNll::new().eps(-1.0).loss(&pair, &pair)),
            "poisson_nll: eps = -1: a finite number of at least 0 would fit".to_owned(),
        ),
        (
            message(Focal::new().gamma(-1.0).loss(&pair, &array![0, 1])),
            "focal: gamma = -1: a finite number of at least 0 would fit".to_owned(),
        ),
        (
            message(BinaryFocal::new().alpha(1.5).loss(&pair, &pair)),
            "binary_focal: alpha = 1.5: a share from 0 to 1 would fit".to_owned(),
        ),
        (
            message(Dice::new().loss(&x(&[]), &x(&[]))),
            "dice: input of shape []: it holds nothing to compute a loss of; give at least one sample".to_owned(),
        ),
    ];
    for (found, expected) in table {
        assert_eq!(found, expected);
    }
}
