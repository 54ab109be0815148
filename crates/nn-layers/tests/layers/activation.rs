//! Activations: PyTorch's numbers, gradients on random shapes.

use super::check;
use gradus_nn_layers::ndarray::{ArrayD, array};
use gradus_nn_layers::{
    Activations, Celu, Elu, Gelu, GeluTanh, Glu, Hardshrink, Hardsigmoid, Hardswish, Hardtanh, Layer, LeakyRelu,
    LogSigmoid, LogSoftmax, Mish, Prelu, Relu, Relu6, Selu, Sigmoid, Silu, Softmax, Softplus, Softshrink, Softsign,
    Tanh, Tanhshrink, Tape, Var,
};
use gradus_testing::{Tolerance, assert_close, strategies};
use proptest::prelude::*;

/// Both sides of every kink, the kinks themselves, and far out.
const X: [f64; 11] = [-3.5, -3.0, -1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 3.0, 6.0, 30.0];

/// Name, function, values and slopes at [`X`], as PyTorch has them: `torch.nn.functional.NAME(x)` in double precision.
/// The slope of `hardsigmoid`, which PyTorch rounds to single precision, is that of `relu6(x + 3) / 6`.
type Row = (&'static str, fn(&Var<f64>) -> Var<f64>, [f64; 11], [f64; 11]);

#[allow(clippy::approx_constant)] // ln 2 as it was printed
#[rustfmt::skip]
const TABLE: [Row; 12] = [
    ("selu", |x| x.selu(),
        [-1.705009340957283, -1.6705687287671118, -1.1113307378125625, -0.6917581878028713, 0.0, 0.2626752468388701, 0.5253504936777402, 1.0507009873554805, 3.1521029620664414, 6.304205924132883, 31.521029620664414],
        [0.05308999989009366, 0.08753061208026487, 0.646768603034814, 1.0663411530445053, 1.7580993408473766, 1.0507009873554805, 1.0507009873554805, 1.0507009873554805, 1.0507009873554805, 1.0507009873554805, 1.0507009873554805]),
    ("celu", |x| x.celu(0.5),
        [-0.49954405901722276, -0.4987606239116668, -0.43233235838169365, -0.31606027941427883, 0.0, 0.25, 0.5, 1.0, 3.0, 6.0, 30.0],
        [0.0009118819655545162, 0.0024787521766663585, 0.1353352832366127, 0.36787944117144233, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
    ("mish", |x| x.mish(),
        [-0.10409575448637122, -0.1456474612756246, -0.30340146137410895, -0.22074377465173, 0.0, 0.1695724096638176, 0.3752452113048951, 0.8650983882673103, 2.9865350049679575, 5.999926634065252, 30.0],
        [-0.07276041344326706, -0.09339311453232084, 0.059216755877395014, 0.28951067791351226, 0.6, 0.7541726677205928, 0.8864243753577272, 1.0490362200997922, 1.0211069109294435, 1.00013414050621, 1.0]),
    ("hardsigmoid", |x| x.hardsigmoid(),
        [0.0, 0.0, 0.3333333333333333, 0.4166666666666667, 0.5, 0.5416666666666666, 0.5833333333333334, 0.6666666666666666, 1.0, 1.0, 1.0],
        [0.0, 0.0, 0.16666666666666666, 0.16666666666666666, 0.16666666666666666, 0.16666666666666666, 0.16666666666666666, 0.16666666666666666, 0.0, 0.0, 0.0]),
    ("hardswish", |x| x.hardswish(),
        [0.0, 0.0, -0.3333333333333333, -0.20833333333333334, 0.0, 0.13541666666666666, 0.2916666666666667, 0.6666666666666666, 3.0, 6.0, 30.0],
        [0.0, 0.0, 0.16666666666666669, 0.33333333333333337, 0.5, 0.5833333333333334, 0.6666666666666666, 0.8333333333333333, 1.0, 1.0, 1.0]),
    ("relu6", |x| x.relu6(),
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.25, 0.5, 1.0, 3.0, 6.0, 6.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]),
    ("softsign", |x| x.softsign(),
        [-0.7777777777777778, -0.75, -0.5, -0.3333333333333333, 0.0, 0.2, 0.3333333333333333, 0.5, 0.75, 0.8571428571428571, 0.967741935483871],
        [0.04938271604938271, 0.0625, 0.25, 0.4444444444444444, 1.0, 0.64, 0.4444444444444444, 0.25, 0.0625, 0.020408163265306117, 0.00104058272632674]),
    ("tanhshrink", |x| x.tanhshrink(),
        [-2.501822102388801, -2.0049452463132695, -0.23840584404423515, -0.03788284273999021, 0.0, 0.005081337596290869, 0.03788284273999021, 0.23840584404423515, 2.0049452463132695, 5.000012288349204, 29.0],
        [0.9963591152795126, 0.9901339628345598, 0.5800256583859739, 0.2135522670340726, 0.0, 0.05998515119362202, 0.2135522670340726, 0.5800256583859739, 0.9901339628345598, 0.9999754234525947, 1.0]),
    ("hardshrink", |x| x.hardshrink(0.5),
        [-3.5, -3.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 3.0, 6.0, 30.0],
        [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]),
    ("softshrink", |x| x.softshrink(0.5),
        [-3.0, -2.5, -0.5, 0.0, 0.0, 0.0, 0.0, 0.5, 2.5, 5.5, 29.5],
        [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]),
    ("logsigmoid", |x| x.log_sigmoid(),
        [-3.5297504182726205, -3.048587351573742, -1.3132616875182228, -0.9740769841801067, -0.6931471805599453, -0.5759394198788436, -0.4740769841801067, -0.31326168751822286, -0.04858735157374206, -0.0024756851377304495, -9.357622968839737e-14],
        [0.9706877692486436, 0.9525741268224333, 0.7310585786300049, 0.6224593312018545, 0.5, 0.4378234991142019, 0.37754066879814546, 0.2689414213699951, 0.04742587317756679, 0.0024726231566347748, 9.3576229688393e-14]),
    ("hardtanh", |x| Hardtanh::default().forward(x).unwrap(),
        [-1.0, -1.0, -1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 1.0, 1.0, 1.0],
        [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]),
];
#[test]
fn activations_are_pytorchs() {
    for (name, function, values, slopes) in TABLE {
        let tape = Tape::<f64>::recording();
        let x = tape.variable(ArrayD::from_shape_vec(vec![11], X.to_vec()).unwrap());
        let y = function(&x);
        let at = |numbers: [f64; 11]| ArrayD::from_shape_vec(vec![11], numbers.to_vec()).unwrap();
        assert_close(&**y.value(), &at(values), Tolerance::F64, name);
        let gradients = y.sum().backward().unwrap();
        assert_close(&**gradients.get(&x).unwrap(), &at(slopes), Tolerance::F64, name);
        // In single precision, and where x is infinite or no number.
        let tape = Tape::<f32>::recording();
        let single = tape.variable(ArrayD::from_shape_vec(vec![11], X.map(|x| x as f32).to_vec()).unwrap());
        if name != "hardtanh" && name != "celu" {
            let of_f32: fn(&Var<f32>) -> Var<f32> = match name {
                "selu" => Activations::selu,
                "mish" => Activations::mish,
                "hardsigmoid" => Activations::hardsigmoid,
                "hardswish" => Activations::hardswish,
                "relu6" => Activations::relu6,
                "softsign" => Activations::softsign,
                "tanhshrink" => Activations::tanhshrink,
                "hardshrink" => |x| x.hardshrink(0.5),
                "softshrink" => |x| x.softshrink(0.5),
                _ => Activations::log_sigmoid,
            };
            assert_close(&**of_f32(&single).value(), &at(values), Tolerance::F32, name);
        }
        assert!(function(&Tape::inference().input(f64::NAN)).item().unwrap().is_nan(), "{name} hides a NaN");
    }
}

fn layers() -> Vec<(&'static str, Box<dyn Layer<f64>>)> {
    vec![
        ("relu", Box::new(Relu)),
        ("tanh", Box::new(Tanh)),
        ("sigmoid", Box::new(Sigmoid)),
        ("gelu", Box::new(Gelu)),
        ("gelu_tanh", Box::new(GeluTanh)),
        ("silu", Box::new(Silu)),
        ("selu", Box::new(Selu)),
        ("mish", Box::new(Mish)),
        ("hardsigmoid", Box::new(Hardsigmoid)),
        ("hardswish", Box::new(Hardswish)),
        ("relu6", Box::new(Relu6)),
        ("softsign", Box::new(Softsign)),
        ("tanhshrink", Box::new(Tanhshrink)),
        ("log_sigmoid", Box::new(LogSigmoid)),
        ("leaky_relu", Box::new(LeakyRelu::default())),
        ("elu", Box::new(Elu::default())),
        ("celu", Box::new(Celu { alpha: 0.7 })),
        ("softplus", Box::new(Softplus::default())),
        ("hardtanh", Box::new(Hardtanh::default())),
        ("hardshrink", Box::new(Hardshrink::default())),
        ("softshrink", Box::new(Softshrink::default())),
        ("prelu", Box::new(Prelu::new(1))),
    ]
}

proptest! {
    #![proptest_config(gradus_testing::proptest_cases(100))]

    #[test]
    fn gradients_of_activations_are_right(
        x in strategies::shape().prop_flat_map(|shape| {
            strategies::away_from(&shape, -4.0..7.0, &[-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 6.0])
        }).prop_flat_map(strategies::any_layout),
    ) {
        for (name, mut layer) in layers() {
            check(&mut *layer, &x).map_err(|error| TestCaseError::fail(format!("{name}: {error}")))?;
            let y = layer.forward(&Tape::inference().input(x.clone())).unwrap();
            prop_assert_eq!(y.shape(), x.shape());
        }
    }

    #[test]
    fn gradients_along_an_axis_are_right(
        (x, axis) in strategies::nonempty_shape().prop_filter("an axis", |shape| !shape.is_empty()).prop_flat_map(|shape| {
            (strategies::strided(&shape, -3.0..3.0), 0..shape.len())
        }),
    ) {
        check(&mut Softmax { axis: axis as isize }, &x)?;
        check(&mut LogSoftmax { axis: axis as isize - x.ndim() as isize }, &x)?;
        let twice = gradus_nn_layers::ndarray::concatenate![gradus_nn_layers::ndarray::Axis(axis), x, x.mapv(|x| x + 0.5)];
        check(&mut Glu { axis: axis as isize }, &twice)?;
    }

    #[test]
    fn a_slope_of_each_channel_has_its_gradient(
        x in (0..4_usize, 1..4_usize, 0..4_usize).prop_flat_map(|(n, c, l)| strategies::away_from_zero(&[n, c, l], -2.0..2.0)),
    ) {
        check(&mut Prelu::new(x.shape()[1]), &x)?;
    }
}

#[test]
fn prelu_and_glu_are_pytorchs() {
    // F.prelu(x, torch.tensor([0.25, -0.1, 0.5])); the gradients are those of y.sum()
    let tape = Tape::<f64>::recording();
    let mut layer = Prelu::new(3);
    layer.weight.value_mut().assign(&array![0.25, -0.1, 0.5]);
    let x = tape.variable(array![[-2.0, 0.5, 0.0], [1.0, -1.5, -3.0]]);
    let y = layer.forward(&x).unwrap();
    assert_close(&**y.value(), &array![[-0.5, 0.5, 0.0], [1.0, 0.15, -1.5]], Tolerance::F64, "y");
    let gradients = y.sum().backward().unwrap();
    let dx = array![[0.25, 1.0, 0.5], [1.0, -0.1, 0.5]];
    assert_close(&**gradients.get(&x).unwrap(), &dx, Tolerance::F64, "dx");
    assert_eq!(gradients.get(&layer.weight).unwrap(), &array![-2.0, -1.5, -3.0]);

    // F.glu(x, 0)
    let tape = Tape::<f64>::recording();
    let x = tape.variable(array![[1.0, -2.0], [0.5, 3.0], [0.2, -1.0], [4.0, 0.1]]);
    let y = Glu { axis: 0 }.forward(&x).unwrap();
    let expected = array![[0.549833997312478, -0.5378828427399902], [0.4910068950189542, 1.57493756243682]];
    assert_close(&**y.value(), &expected, Tolerance::F64, "y");
    let gradients = y.sum().backward().unwrap();
    let dx = array![
        [0.549833997312478, 0.2689414213699951],
        [0.9820137900379085, 0.52497918747894],
        [0.24751657271185995, -0.3932238664829637],
        [0.008831353106645554, 0.748128120578676],
    ];
    assert_close(&**gradients.get(&x).unwrap(), &dx, Tolerance::F64, "dx");
}
