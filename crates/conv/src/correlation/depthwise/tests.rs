//! Against the plain nested loops, and against [`Direct`](super::super::direct::Direct).

use super::super::Plan;
use super::super::after::{After, Cotangent, Kept};
use super::super::layout::positions;
use super::{Seen, Spread};
use crate::Geometry;
use gradus_autograd::Real;
use proptest::prelude::*;

/// A convolution over `R` axes.
#[derive(Debug, Clone, Copy)]
struct Case<const R: usize> {
    images: usize,
    groups: usize,
    /// Channels of a group, in the input and in the output.
    inputs: usize,
    outputs: usize,
    size: [usize; R],
    window: Geometry<R>,
    seed: usize,
}

fn cases<const R: usize>() -> impl Strategy<Value = Case<R>> {
    let rows = prop_oneof![0..=4_usize, 0..=20_usize, 13..=34_usize]; // more than the least size
    let axis = (1..=4_usize, 1..=4_usize, (0..=3_usize, 0..=3_usize), 1..=3_usize, rows);
    let axes = proptest::collection::vec(axis, R);
    (axes, [1..=3_usize, 1..=3_usize, 1..=2_usize, 1..=3_usize], 1..1000_usize).prop_map(|(axes, channels, seed)| {
        let mut window = Geometry::new(std::array::from_fn(|i| axes[i].0));
        window.stride = std::array::from_fn(|i| axes[i].1);
        window.padding = std::array::from_fn(|i| axes[i].2);
        window.dilation = std::array::from_fn(|i| axes[i].3);
        let size = std::array::from_fn(|i| {
            let (kernel_size, _, (before, after), dilation, more) = axes[i];
            ((kernel_size - 1) * dilation + 1 + more).saturating_sub(before + after).max(1)
        });
        let [images, groups, inputs, outputs] = channels;
        Case { images, groups, inputs, outputs, size, window, seed }
    })
}

/// Numbers between −1 and 1 that repeat late.
fn numbers<F: Real>(len: usize, seed: usize) -> Vec<F> {
    (0..len).map(|i| F::from_f64(((i + seed) * 7919 % 2003) as f64 / 1001.0 - 1.0)).collect()
}

struct Operands<F> {
    plan: Plan,
    seen: Seen,
    spread: Spread,
    x: Vec<F>,
    w: Vec<F>,
    bias: Vec<F>,
    dy: Vec<F>,
}

impl<const R: usize> Case<R> {
    fn operands<F: Real>(&self) -> Operands<F> {
        let x: Vec<usize> = [self.images, self.groups * self.inputs].into_iter().chain(self.size).collect();
        let w: Vec<usize> =
            [self.groups * self.outputs, self.inputs].into_iter().chain(self.window.kernel_size).collect();
        let (plan, y) = Plan::new::<F, R>(&x, &w, &self.window, self.groups).unwrap();
        let (last, outer) = plan.axes.split_last().unwrap();
        let len = |shape: &[usize]| shape.iter().product();
        Operands {
            seen: Seen::new(outer, last, &plan.axes, plan.inputs),
            spread: Spread::new(outer, last, &plan.axes, plan.outputs),
            plan,
            x: numbers(len(&x), self.seed),
            w: numbers(len(&w), self.seed + 1),
            bias: numbers(self.groups * self.outputs, self.seed + 2),
            dy: numbers(len(&y), self.seed + 3),
        }
    }

    /// The formula, loop by loop.
    fn loops<F: Real>(&self, Operands { plan, x, w, bias, .. }: &Operands<F>) -> Vec<F> {
        let out = self.window.output_size(self.size).unwrap();
        let mut y = Vec::new();
        for channel in 0..self.images * self.groups * self.outputs {
            let (unit, o) = (channel / self.outputs, channel % (self.groups * self.outputs));
            for place in positions(&out) {
                let mut sum = bias[o];
                for c in 0..self.inputs {
                    for (k, tap) in positions(&self.window.kernel_size).enumerate() {
                        let mut at = Some(unit * self.inputs + c);
                        for i in 0..R {
                            let ahead = place[i] * self.window.stride[i] + tap[i] * self.window.dilation[i];
                            let inside = ahead.checked_sub(self.window.padding[i].0).filter(|&p| p < self.size[i]);
                            at = at.zip(inside).map(|(at, p)| at * self.size[i] + p);
                        }
                        if let Some(at) = at {
                            sum += w[(o * self.inputs + c) * plan.taps + k] * x[at];
                        }
                    }
                }
                y.push(sum);
            }
        }
        y
    }

    /// All three passes, each number off by at most this share of the largest one, or of one: terms are of that size, and may cancel.
    fn agrees<F: Real>(&self, tolerance: f64) -> Result<(), TestCaseError> {
        let operands = self.operands::<F>();
        let Operands { plan, seen, spread, x, w, bias, dy } = &operands;
        let same = |a: Vec<F>, b: Vec<F>| -> Result<(), TestCaseError> {
            prop_assert_eq!(a.len(), b.len());
            let largest = b.iter().fold(1.0_f64, |largest, b| largest.max(b.to_f64().abs()));
            for (place, (a, b)) in a.iter().zip(&b).enumerate() {
                let close = (a.to_f64() - b.to_f64()).abs() <= tolerance * largest;
                prop_assert!(close, "at {}: {} for {}, the largest {}", place, a.to_f64(), b.to_f64(), largest);
            }
            Ok(())
        };

        let mut y = vec![F::from_f64(f64::NAN); dy.len()];
        seen.forward(plan, x, (w, Some(bias)), false, &mut y);
        same(y, self.loops(&operands))?;

        // The gradients, fresh and added to what is there, of all and of what ReLU let pass.
        let (mut y, mut z) = (dy.clone(), dy.clone());
        seen.forward(plan, x, (w, None), true, &mut y);
        plan.direct.forward(plan, x, (w, None), After::Relu, &mut z, &mut []);
        same(y.clone(), z)?;
        for (beta, kept) in [(F::zero(), Kept::Nothing), (F::one(), Kept::Nothing), (F::one(), Kept::Result(&y))] {
            let dy = Cotangent { dy, kept };
            let before = |len: usize| {
                if beta == F::zero() { vec![F::from_f64(f64::NAN); len] } else { numbers(len, 5) }
            };
            let (mut dx, mut expected) = (before(x.len()), before(x.len()));
            spread.input_gradient(plan, w, &dy, beta, &mut dx);
            plan.direct.input_gradient(plan, w, &dy, beta, &mut expected);
            same(dx, expected)?;
            let (mut dw, mut expected) = (before(w.len()), before(w.len()));
            seen.weight_gradient(plan, x, &dy, beta, &mut dw);
            plan.direct.weight_gradient(plan, x, &dy, beta, &mut expected);
            same(dw, expected)?;
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn along_a_line(case in cases::<1>()) {
        case.agrees::<f64>(1e-11)?;
    }

    #[test]
    fn over_a_plane(case in cases::<2>()) {
        case.agrees::<f64>(1e-11)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn through_space(case in cases::<3>().prop_filter("small", |case| case.size.iter().product::<usize>() < 5000)) {
        case.agrees::<f64>(1e-11)?;
    }

    #[test]
    fn in_single_precision(case in cases::<2>()) {
        case.agrees::<f32>(1e-5)?;
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let window = Geometry::<2>::new(3).padding(1);
    for (groups, images, outputs, stride) in [(1, 40, 2, 1), (5, 60, 2, 2), (64, 5, 1, 1)] {
        let case = Case { images, groups, inputs: 1, outputs, size: [30, 29], window: window.stride(stride), seed: 1 };
        let Operands { plan, seen, spread, x, w, bias, dy } = &case.operands::<f32>();
        assert!(plan.multiplications() > 1 << 19, "enough for threads");
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let (mut y, mut dx, mut dw) = (dy.clone(), x.clone(), w.clone());
                let dy = Cotangent { dy, kept: Kept::Nothing };
                seen.forward(plan, x, (w, Some(bias)), false, &mut y);
                spread.input_gradient(plan, w, &dy, 0.0, &mut dx);
                seen.weight_gradient(plan, x, &dy, 0.0, &mut dw);
                [y, dx, dw].map(|numbers| numbers.into_iter().map(f32::to_bits).collect::<Vec<_>>())
            })
        };
        assert_eq!(on(1), on(2));
    }
}
