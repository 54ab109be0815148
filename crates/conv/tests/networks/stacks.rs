//! Sizes and receptive fields of layers one after the other.

use gradus_conv::ndarray::{ArrayD, IxDyn};
use gradus_conv::{Error, Geometry, Tape, Var, conv, max_pool, output_sizes, receptive_fields};
use proptest::prelude::*;

fn stacks() -> impl Strategy<Value = (Vec<(String, Geometry<1>)>, usize)> {
    let layer = (1..=4_usize, 1..=3_usize, 1..=2_usize, 0..=2_usize, 0..=2_usize, any::<bool>());
    let layer = layer.prop_map(|(kernel, stride, dilation, before, after, ceil)| {
        let geometry = Geometry::<1>::new(kernel).stride(stride).dilation(dilation);
        Geometry { padding: [(before, after)], ceil_mode: ceil, ..geometry }
    });
    let names =
        |layers: Vec<Geometry<1>>| layers.into_iter().enumerate().map(|(i, g)| (format!("layer{i}"), g)).collect();
    (prop::collection::vec(layer, 1..=4).prop_map(names), 1..=40_usize)
}

/// The output of the stack with all weights 1, and its input.
fn through(stack: &[(String, Geometry<1>)], size: usize, tape: &Tape<f64>) -> (Var<f64>, Var<f64>) {
    let x = tape.variable(ArrayD::ones(IxDyn(&[1, 1, size])));
    let y = stack.iter().fold(x.clone(), |y, (_, geometry)| {
        let weight = tape.input(ArrayD::ones(IxDyn(&[1, 1, geometry.kernel_size[0]])));
        conv(&y, &weight, None, geometry, 1).expect("the sizes fit")
    });
    (x, y)
}

proptest! {
    /// The gradient of one output is not 0 where, and only where, the calculator says that the output sees the input: up to the holes
    /// that dilation and strides leave inside, and up to what padding between the layers cuts off.
    #[test]
    fn fields_are_what_the_gradient_says((stack, size) in stacks()) {
        // `conv` has no ceil mode.
        let stack: Vec<_> = stack.into_iter().map(|(n, g)| (n, Geometry { ceil_mode: false, ..g })).collect();
        let Ok(sizes) = output_sizes(&stack, [size]) else { return Ok(()) };
        let field = receptive_fields(&stack).unwrap().rows.pop().unwrap();
        let is_padded = stack.iter().any(|(_, g)| g.padding[0] != (0, 0));
        let is_dense = stack.iter().all(|(_, g)| g.dilation[0] == 1 && g.stride[0] <= g.kernel_size[0]);
        let places = sizes.last().unwrap()[0];
        for place in 0..places {
            let tape = Tape::recording();
            let (x, y) = through(&stack, size, &tape);
            let dx = y.select(2, place).unwrap().sum().backward().unwrap();
            let dx = dx.get(&x).unwrap();
            let seen: Vec<usize> = (0..size).filter(|&i| dx[[0, 0, i]] != 0.0).collect();
            let [inside] = field.inside([place], [size]);
            prop_assert!(seen.iter().all(|i| inside.contains(i)), "{seen:?} {inside:?}");
            if !is_padded {
                prop_assert_eq!((seen.first(), seen.last()), (Some(&inside.start), Some(&(inside.end - 1))));
                prop_assert_eq!(inside.len(), field.size[0]);
                if is_dense {
                    prop_assert_eq!(seen.len(), inside.len());
                }
            }
        }
    }

    #[test]
    fn sizes_are_those_of_the_layers((stack, size) in stacks()) {
        let expected = stack.iter().try_fold((size, Vec::new()), |(size, mut sizes), (_, geometry)| {
            let [out] = geometry.output_size([size]).ok()?;
            sizes.push([out]);
            Some((out, sizes))
        });
        prop_assert_eq!(output_sizes(&stack, [size]).ok(), expected.map(|(_, sizes)| sizes));
    }
}

#[test]
fn a_field_with_padding_and_a_pooling_by_hand() {
    let stack = [("conv", Geometry::<2>::new((3, 5)).padding((1, 0))), ("pool", Geometry::new(2).stride(2))];
    let fields = receptive_fields(&stack).unwrap();
    let pool = &fields.rows[1];
    assert_eq!((pool.size, pool.jump, pool.offset), ([4, 6], [2, 2], [-1, 0]));
    assert_eq!(pool.centre(), [0.5, 2.5]);
    let tape = Tape::<f64>::recording();
    let mut i = 0.0;
    let x = tape.variable(ArrayD::from_shape_simple_fn(IxDyn(&[1, 1, 8, 9]), || {
        i += 1.0;
        i
    }));
    let w = tape.input(ArrayD::ones(IxDyn(&[1, 1, 3, 5])));
    let y = conv(&x, &w, None, &stack[0].1, 1).unwrap();
    let y = max_pool(&y, &stack[1].1).unwrap();
    assert_eq!(output_sizes(&stack, [8, 9]).unwrap()[1], [y.shape()[2], y.shape()[3]]);
    let dx = y.select(3, 1).unwrap().select(2, 3).unwrap().sum().backward().unwrap();
    let [rows, columns] = pool.inside([3, 1], [8, 9]);
    assert_eq!((rows.clone(), columns.clone()), (5..8, 2..8));
    for (at, &slope) in dx.get(&x).unwrap().indexed_iter() {
        assert!(slope == 0.0 || rows.contains(&at[2]) && columns.contains(&at[3]), "{at:?}");
    }
    assert_eq!(
        fields.to_string(),
        "layer  kernel  stride  dilation  field  jump  offset    centre\n\
         conv    3 × 5       1         1  3 × 5     1   -1, 0      0, 2\n\
         pool        2       2         1  4 × 6     2   -1, 0  0.5, 2.5\n"
    );
}

#[test]
fn a_field_may_be_all_padding() {
    let fields = receptive_fields(&[("conv", Geometry::<1>::new(2).padding(4))]).unwrap();
    for (place, size, expected) in [(0, 3, 0..0), (3, 3, 0..1), (usize::MAX, 3, 3..3), (4, 0, 0..0)] {
        let [found] = fields.rows[0].inside([place], [size]);
        assert_eq!(found, expected, "{place} of {size}");
    }
}

#[test]
fn stacks_that_do_not_fit_are_refused() {
    const NONE: &[(&str, Geometry<2>)] = &[];
    let message = "a stack of no layers: it has no output; at least one layer would fit";
    assert_eq!(receptive_fields(NONE).unwrap_err().to_string(), format!("receptive fields: {message}"));
    assert_eq!(output_sizes(NONE, [3, 3]).unwrap_err().to_string(), format!("output sizes: {message}"));

    let stack = [("a", Geometry::<1>::new(3)), ("b", Geometry::new(3).stride(0))];
    for (message, operation) in [
        (receptive_fields(&stack).unwrap_err().to_string(), "receptive fields: layer 1, b, is given [3]"),
        (output_sizes(&stack, [5]).unwrap_err().to_string(), "output sizes: layer 1, b, is given [3]"),
    ] {
        assert_eq!(message, format!("{operation}: stride = [0]: 0 is no stride; at least 1 would fit"));
    }
    for geometry in [
        Geometry::<1>::new(usize::MAX).dilation(2),
        Geometry::new(2).stride(usize::MAX),
        Geometry::new(1).padding(usize::MAX),
        Geometry::new(usize::MAX),
    ] {
        let error = receptive_fields(&[("a", Geometry::new(2).stride(2)), ("b", geometry)]).unwrap_err();
        let Error::InStack { index: 1, source, .. } = error else { panic!("{error}") };
        assert!(matches!(*source, Error::TooLarge { .. }), "{source}");
    }
}
