//! Attention: gradients on random shapes, against the formula in simple operations, masks.

use super::{check, normal, rng};
use gradus_autograd::gradcheck;
use gradus_nn_layers::ndarray::{Array, Array2, ArrayD, Axis, array};
use gradus_nn_layers::{
    Attention, Layer, Module, MultiheadAttention, Parameter, Result, StateDict, Tape, TransformerBlock, Var,
    scaled_dot_product_attention,
};
use gradus_testing::{Tolerance, assert_close};
use proptest::prelude::*;

/// A layer's attention to something else: queries and keys are the first and the last positions of the input.
#[derive(Module)]
#[module(float = f64)]
struct Cross {
    attention: MultiheadAttention<f64>,
    queries: usize,
    #[module(skip)]
    options: Attention<f64>,
}

impl Layer<f64> for Cross {
    fn forward(&self, x: &Var<f64>) -> Result<Var<f64>> {
        let length = x.shape()[1];
        let query = x.slice_axis(1, 0..self.queries, 1)?;
        let key = x.slice_axis(1, self.queries..length, 1)?;
        let (y, weights) = self.attention.cross_attention(&query, &key, &key, &self.options)?;
        // A gradient flows through the weights as well.
        Ok(match weights {
            Some(weights) => y.try_add(&weights.square().sum())?,
            None => y,
        })
    }
}

fn mask(shape: (usize, usize), bits: u64) -> Array2<bool> {
    Array2::from_shape_fn(shape, |(i, j)| bits >> ((5 * i + j) % 64) & 1 == 1)
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(100))]

    #[test]
    fn gradients_of_multihead_attention_are_right(
        heads in 1..4_usize, depth in 1..3_usize, n in 1..3_usize, length in 1..5_usize, seed in any::<u64>(),
        causal in any::<bool>(), bias in any::<bool>(),
    ) {
        let width = heads * depth;
        let mut layer = MultiheadAttention::new(width, heads, &mut rng(seed)).unwrap();
        layer = if causal { layer.causal() } else { layer };
        layer = if bias { layer } else { layer.without_bias() };
        check(&mut layer, &normal(&[n, length, width], seed))?;
        check(&mut layer, &normal(&[length, width], seed ^ 1))?;
    }

    #[test]
    fn gradients_of_masked_cross_attention_are_right(
        heads in 1..3_usize, n in 1..3_usize, queries in 1..4_usize, keys in 1..4_usize, seed in any::<u64>(),
        bits in any::<u64>(), own in any::<bool>(), need_weights in any::<bool>(),
    ) {
        let width = 2 * heads;
        let attention = if own {
            MultiheadAttention::with_widths(width, heads, width, width, &mut rng(seed)).unwrap()
        } else {
            MultiheadAttention::new(width, heads, &mut rng(seed)).unwrap()
        };
        let padding = mask((n, keys), bits.rotate_right(7));
        let mut options = Attention::new().mask(mask((queries, keys), bits)).key_padding_mask(padding).scale(0.7);
        options = options.additive_mask(normal(&[heads, queries, keys], seed ^ 1));
        options = if need_weights { options.need_weights() } else { options };
        let mut layer = Cross { attention, queries, options };
        check(&mut layer, &normal(&[n, queries + keys, width], seed ^ 2))?;
    }

    #[test]
    fn gradients_of_a_transformer_block_are_right(
        heads in 1..3_usize, hidden in 1..4_usize, length in 1..4_usize, seed in any::<u64>(), causal in any::<bool>(),
    ) {
        let width = 2 * heads;
        let mut block = TransformerBlock::new(width, heads, hidden, &mut rng(seed)).unwrap();
        (block.norm1, block.norm2) = (block.norm1.eps(0.1), block.norm2.eps(0.1));
        block = if causal { block.causal() } else { block };
        check(&mut block, &normal(&[2, length, width], seed))?;
    }

    #[test]
    fn attention_is_its_formula(
        batch in prop_oneof![Just(vec![]), Just(vec![2]), Just(vec![2, 3]), Just(vec![1, 2, 1])],
        l in 0..5_usize, s in 1..5_usize, e in 1..4_usize, v in 1..4_usize, seed in any::<u64>(), causal in any::<bool>(),
    ) {
        let shape = |rows, columns| batch.iter().copied().chain([rows, columns]).collect::<Vec<usize>>();
        let inputs = [normal(&shape(l, e), seed), normal(&shape(s, e), seed ^ 1), normal(&shape(s, v), seed ^ 2)];
        compare(inputs, causal, seed);
    }
}

/// Compares with the formula in simple operations, forward and backward.
fn compare([q, k, v]: [ArrayD<f64>; 3], causal: bool, seed: u64) {
    let (l, s, e) = (q.shape()[q.ndim() - 2], k.shape()[k.ndim() - 2], q.shape()[q.ndim() - 1]);
    let tape = Tape::recording();
    let inputs = [tape.variable(q.clone()), tape.variable(k.clone()), tape.variable(v.clone())];
    let bias = normal(&[l, s], seed ^ 3);
    let options = Attention::new().additive_mask(bias.clone());
    let options = if causal { options.causal() } else { options };
    let y = scaled_dot_product_attention(&inputs[0], &inputs[1], &inputs[2], &options).unwrap();

    let tape = Tape::recording();
    let plain = [tape.variable(q), tape.variable(k), tape.variable(v)];
    let scores = plain[0].matmul(&plain[1].transpose(-1, -2).unwrap()).unwrap().mul_scalar(1.0 / (e as f64).sqrt());
    let mut scores = scores.try_add(&tape.input(bias)).unwrap();
    if causal {
        let hidden = Array::from_shape_fn((l, s), |(i, j)| j > i);
        scores = scores.masked_fill(&hidden, f64::NEG_INFINITY).unwrap();
    }
    let expected = scores.softmax(-1).unwrap().matmul(&plain[2]).unwrap();
    assert_close(&**y.value(), &**expected.value(), Tolerance::F64, "y");
    let cotangent = normal(y.shape(), seed ^ 4);
    let gradients = y.backward_with(cotangent.clone()).unwrap();
    let expected = expected.backward_with(cotangent).unwrap();
    for (name, (x, plain)) in ["dq", "dk", "dv"].into_iter().zip(inputs.iter().zip(&plain)) {
        assert_close(&**gradients.get(x).unwrap(), &**expected.get(plain).unwrap(), Tolerance::F64, name);
    }
}

/// Long sequences are computed in blocks of queries, several heads perhaps by several threads.
#[test]
fn many_blocks_agree_with_one() {
    for causal in [false, true] {
        compare([normal(&[2, 75, 3], 1), normal(&[2, 2500, 3], 2), normal(&[2, 2500, 2], 3)], causal, 4);
    }
    compare([normal(&[2, 700, 2], 1), normal(&[2, 300, 2], 2), normal(&[2, 300, 3], 3)], true, 4);
}

#[test]
fn axes_before_the_last_two_broadcast() {
    let inputs = [normal(&[4, 3, 2], 1), normal(&[2, 1, 5, 2], 2), normal(&[5, 3], 3)];
    let result = gradcheck(|x| scaled_dot_product_attention(&x[0], &x[1], &x[2], &Attention::new()), &inputs);
    assert_eq!(result.unwrap().checked, inputs.iter().map(ArrayD::len).sum::<usize>());
}

/// `F.scaled_dot_product_attention(q, q, q, torch.tensor([[True, False], [False, False]]))` has a second row of zeros, and so
/// have the gradients; with a mask of −∞ it is the same.
#[test]
fn a_query_without_keys_gathers_nothing() {
    let may_attend = array![[true, false], [false, false]];
    let added = may_attend.mapv(|may| if may { 0.0 } else { f64::NEG_INFINITY });
    for options in [Attention::new().mask(may_attend), Attention::new().additive_mask(added)] {
        let tape = Tape::recording();
        let q = tape.variable(array![[1.0, 2.0], [3.0, 4.0]]);
        let y = scaled_dot_product_attention(&q, &q, &q, &options).unwrap();
        assert_eq!(y.value(), &array![[1.0, 2.0], [0.0, 0.0]]);
        let gradients = y.sum().backward().unwrap();
        assert_eq!(gradients.get(&q).unwrap(), &array![[1.0, 1.0], [0.0, 0.0]]);
    }
    // The same through a layer, whose output is then its bias alone.
    let layer = MultiheadAttention::<f32>::new(2, 1, &mut rng(1)).unwrap();
    let x = Tape::inference().input(array![[[1.0, 2.0]]]);
    let options = Attention::new().key_padding_mask(array![[true]]).need_weights();
    let (y, weights) = layer.self_attention(&x, &options).unwrap();
    assert_eq!(y.value(), &array![[[0.0, 0.0]]]);
    assert_eq!(weights.unwrap().value(), &array![[[0.0]]]);
}

#[test]
fn scores_too_large_for_an_exponential_are_no_problem() {
    let tape = Tape::<f32>::recording();
    let q = tape.variable(array![[1e4_f32], [-1e4]]);
    let y = scaled_dot_product_attention(&q, &q, &q, &Attention::new()).unwrap();
    assert_eq!(y.value(), &array![[1e4], [-1e4]]);
    let gradients = y.sum().backward().unwrap();
    assert!(gradients.get(&q).unwrap().iter().all(|dq| dq.is_finite()));
}

#[test]
fn no_keys_give_zeros_and_no_queries_nothing() {
    let tape = Tape::<f64>::recording();
    let (q, none) = (tape.variable(ArrayD::ones(vec![2, 3, 4])), tape.variable(ArrayD::zeros(vec![2, 0, 4])));
    let y = scaled_dot_product_attention(&q, &none, &none, &Attention::new()).unwrap();
    assert_eq!(y.value(), &ArrayD::zeros(vec![2, 3, 4]));
    let nothing = scaled_dot_product_attention(&none, &q, &q, &Attention::new().causal()).unwrap();
    assert_eq!(nothing.shape(), [2, 0, 4]);
    let gradients = (y.sum() + nothing.sum()).backward().unwrap();
    assert_eq!(gradients.get(&q).unwrap(), &ArrayD::zeros(vec![2, 3, 4]));
}

#[test]
fn an_attention_keeps_no_probabilities() {
    let tape = Tape::<f64>::recording();
    let x = tape.variable(normal(&[1, 4, 2], 1));
    let before = tape.len();
    let y = scaled_dot_product_attention(&x, &x, &x, &Attention::new()).unwrap();
    assert_eq!((tape.len(), y.shape()), (before + 1, &[1, 4, 2][..]));
}

/// `nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, activation="gelu", norm_first=True, batch_first=True)` in double
/// precision. In alphabetic order, the parameter of place p holds `0.5 sin(0.7 i + p)` at place i. Its output for
/// `x = cos(0.9 i)` of shape (1, 3, 4) with `src_mask=torch.triu(torch.ones(3, 3), 1).bool()`, and the gradient of `y.sum()`.
#[test]
fn a_transformer_block_is_pytorchs() {
    let mut block = TransformerBlock::<f64>::new(4, 2, 6, &mut rng(1)).unwrap().causal();
    let mut names: Vec<(String, Vec<usize>)> =
        block.parameters().into_iter().map(|(name, parameter)| (name, parameter.shape().to_vec())).collect();
    names.sort();
    let mut dict = StateDict::new();
    for (p, (name, shape)) in names.into_iter().enumerate() {
        let count = shape.iter().product::<usize>();
        let numbers = (0..count).map(|i| 0.5 * (0.7 * i as f64 + p as f64).sin()).collect();
        dict.insert(name, ArrayD::from_shape_vec(shape, numbers).unwrap());
    }
    block.load_state_dict(&dict).unwrap();
    let tape = Tape::recording();
    let x = tape.variable(
        ArrayD::from_shape_vec(vec![1, 3, 4], (0..12).map(|i| (0.9 * f64::from(i)).cos()).collect()).unwrap(),
    );
    let y = block.forward(&x).unwrap();
    let expected = array![[
        [0.47713073364312547, 1.0702026887711062, -1.1522622238111966, -1.5358502877010887],
        [-1.5765247374603382, 0.15710344358967876, -0.10270016155078981, 0.30603699936090956],
        [0.045054947750967966, 0.21174258179865557, -1.8480345203266242, -1.4838192802156787]
    ]];
    assert_close(&**y.value(), &expected, Tolerance::F64, "y");
    let gradients = y.sum().backward().unwrap();
    let expected = array![[
        [0.9773544648155262, 1.0108618059981642, 1.0272281577758395, 0.9845555714104701],
        [1.0134007886255598, 1.007850552773587, 0.9756479537496576, 1.0031007048511953],
        [1.0124729028423052, 0.988287963054575, 1.0087743349235916, 0.9904647991795282]
    ]];
    assert_close(&**gradients.get(&x).unwrap(), &expected, Tolerance::F64, "dx");
}

#[test]
fn a_causal_layer_does_not_look_ahead() {
    let layer = MultiheadAttention::<f64>::new(4, 2, &mut rng(1)).unwrap().causal();
    let x = normal(&[1, 5, 4], 2);
    let mut changed = x.clone();
    changed.slice_axis_mut(Axis(1), gradus_nn_layers::ndarray::Slice::from(3..)).fill(9.0);
    let [y, other] = [x, changed].map(|x| layer.forward(&Tape::inference().input(x)).unwrap());
    let first = |y: &Var<f64>| y.slice_axis(1, 0..3, 1).unwrap().value().to_owned();
    assert_eq!(first(&y), first(&other));
}

#[test]
fn self_attention_by_one_product_is_cross_attention_to_itself() {
    let layer = MultiheadAttention::<f64>::new(6, 3, &mut rng(1)).unwrap();
    let tape = Tape::recording();
    let x = tape.variable(normal(&[2, 3, 6], 2));
    let packed = layer.forward(&x).unwrap();
    let (apart, _) = layer.cross_attention(&x, &x, &x, &Attention::new()).unwrap();
    assert_close(&**packed.value(), &**apart.value(), Tolerance::F64, "y");
    let _: &Parameter<f64> = layer.in_proj_weight.as_ref().unwrap();
}
