//! No call panics, however wrong its arguments: sizes, widths, factors and settings are drawn without regard to each other.

use gradus_conv::ndarray::{ArrayD, IxDyn};
use gradus_conv::{
    Conv, ConvTranspose, Error, Fold, Geometry, Interpolation, Layer, Pad, PaddingMode, PixelShuffle, PixelUnshuffle,
    Real, Tape, Target, Unfold, Upsample, Var, convolve, fold, pad, pixel_shuffle, pixel_unshuffle, unfold, upsample,
};
use gradus_testing::calls;
use proptest::prelude::*;
use proptest::sample::select;

const NUMBERS: [f64; 8] = [2.0, 0.5, 1.0, f64::NAN, -1.0, 1e300, 0.0, f64::INFINITY];

#[derive(Debug, Clone)]
struct Arguments {
    shapes: [Vec<usize>; 2],
    geometry: Geometry<2>,
    sizes: [usize; 2],
    factors: [f64; 2],
    mode: PaddingMode,
    interpolation: Interpolation,
    groups: usize,
}

/// Mostly small, sometimes too large for any memory.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![12 => 0..5_usize, 1 => select(vec![usize::MAX, usize::MAX / 2, 1 << 62])]
}

fn arguments() -> impl Strategy<Value = Arguments> {
    let shape = || prop_oneof![1 => prop::collection::vec(0..5_usize, 0..5), 3 => prop::collection::vec(0..5_usize, 4)];
    let pair = || [size(), size()];
    let geometry = (pair(), pair(), pair(), [(size(), size()), (size(), size())], any::<bool>());
    let geometry = geometry.prop_map(|(kernel, stride, dilation, padding, ceil_mode)| {
        let geometry = Geometry::new(kernel).stride(stride).dilation(dilation).padding_each(padding);
        Geometry { ceil_mode, ..geometry }
    });
    let modes = [PaddingMode::Zeros, PaddingMode::Reflect, PaddingMode::Replicate, PaddingMode::Circular];
    let interpolations = [Interpolation::Nearest, Interpolation::NearestExact]
        .into_iter()
        .chain([true, false].map(|align_corners| Interpolation::Linear { align_corners }))
        .chain([true, false].map(|align_corners| Interpolation::Cubic { align_corners }));
    let kinds = (select(modes.to_vec()), select(interpolations.collect::<Vec<_>>()), size());
    let factors = || select(NUMBERS.to_vec());
    (shape(), shape(), geometry, pair(), [factors(), factors()], kinds).prop_map(
        |(x, weight, geometry, sizes, factors, (mode, interpolation, groups))| Arguments {
            shapes: [x, weight],
            geometry,
            sizes,
            factors,
            mode,
            interpolation,
            groups,
        },
    )
}

/// A matrix of patches that fits comes by chance too seldom: often it is taken for one of single numbers.
fn folding(a: &Arguments) -> Fold<2> {
    match a.shapes[0].last() {
        Some(&places) if a.groups.is_multiple_of(2) => Fold { output_size: [1, places], geometry: Geometry::new(1) },
        _ => Fold { output_size: a.sizes, geometry: a.geometry },
    }
}

fn zeros<F: Real>(shape: &[usize]) -> ArrayD<F> {
    ArrayD::zeros(IxDyn(shape))
}

/// The call, and the way back.
fn refused_or_right(name: &str, call: impl Fn(&Arguments, &Var<f64>) -> gradus_conv::Result<Var<f64>>) {
    calls::never_panic(name, arguments(), |arguments| {
        let tape = Tape::recording();
        let x = tape.variable(zeros(&arguments.shapes[0]));
        let y = call(arguments, &x)?;
        let gradients = y.sum().backward()?;
        assert_eq!(gradients.get(&x).map(|dx| dx.shape().to_vec()), Some(x.shape().to_vec()));
        Ok::<(), Error>(())
    });
}

#[test]
fn operations() {
    refused_or_right("pad", |a, x| pad(x, a.geometry.padding, a.mode));
    refused_or_right("upsample to", |a, x| upsample(x, Target::Size(a.sizes), a.interpolation));
    refused_or_right("upsample by", |a, x| upsample(x, Target::Factor(a.factors), a.interpolation));
    refused_or_right("pixel_shuffle", |a, x| pixel_shuffle(x, a.groups));
    refused_or_right("pixel_unshuffle", |a, x| pixel_unshuffle(x, a.groups));
    refused_or_right("unfold", |a, x| unfold(x, &a.geometry));
    refused_or_right("fold", |a, x| {
        let Fold { output_size, geometry } = folding(a);
        fold(x, output_size, &geometry)
    });
    refused_or_right("convolve", |a, x| {
        let fits = a.groups.is_multiple_of(2) && a.shapes[1].len() == 4;
        let kernel = if fits { [a.shapes[1][2], a.shapes[1][3]] } else { a.geometry.kernel_size };
        let geometry = Geometry { kernel_size: kernel, ..Geometry::new(1).padding_each(a.geometry.padding) };
        convolve(x, &x.tape().variable(zeros(&a.shapes[1])), None, &geometry, a.groups)
    });
}

#[test]
fn layers() {
    let both = |name: &str, call: &dyn Fn(&Arguments) -> gradus_conv::Result<Box<dyn Layer>>| {
        calls::never_panic(name, arguments(), |a| -> Result<(), Box<dyn std::error::Error>> {
            let layer = call(a)?;
            // What is described is of any size, and takes no memory.
            let huge: Vec<usize> = a.shapes[0].iter().map(|&size| if size == 4 { a.sizes[0] } else { size }).collect();
            let _ = layer.describe(&huge);
            let described = layer.describe(&a.shapes[0]);
            let y = layer.forward(&Tape::inference().input(zeros(&a.shapes[0])));
            assert_eq!(described.is_ok(), y.is_ok(), "{described:?}");
            assert_eq!(described?.output, y?.shape());
            Ok(())
        });
    };
    both("Conv", &|a| {
        let layer = Conv::<2>::from_parts(zeros::<f32>(&a.shapes[1]), None, a.groups)?;
        Ok(Box::new(layer.padding(a.geometry.padding).padding_mode(a.mode)))
    });
    both("ConvTranspose", &|a| {
        let layer = ConvTranspose::<2>::from_parts(zeros::<f32>(&a.shapes[1]), None, a.groups)?;
        let Geometry { stride, dilation, padding, .. } = a.geometry;
        let layer = layer.stride(stride).dilation(dilation).padding(padding.map(|(before, _)| before));
        // Drawn without regard to stride and dilation it is seldom below them: mostly 0, then.
        Ok(Box::new(layer.output_padding(a.sizes.map(|size| size.saturating_sub(3)))))
    });
    both("Pad", &|a| Ok(Box::new(Pad::new(a.geometry.padding, a.mode))));
    both("Upsample", &|a| Ok(Box::new(Upsample { target: Target::Factor(a.factors), mode: a.interpolation })));
    both("PixelShuffle", &|a| Ok(Box::new(PixelShuffle::new(a.groups))));
    both("PixelUnshuffle", &|a| Ok(Box::new(PixelUnshuffle::new(a.groups))));
    both("Unfold", &|a| Ok(Box::new(Unfold { geometry: a.geometry })));
    both("Fold", &|a| Ok(Box::new(folding(a))));
}
