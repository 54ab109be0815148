//! Operations on shapes and indices take the memory of their operand where strides can say what they do.

use gradus_autograd::ndarray::{ArrayD, IxDyn};
use gradus_autograd::{Result, Tape, Var};

/// Whether every element of the result lies in the memory of the operand.
fn shares(f: impl Fn(&Var<f64>) -> Result<Var<f64>>) -> bool {
    let x =
        Tape::recording().variable(ArrayD::from_shape_fn(IxDyn(&[2, 3, 4]), |i| (i[0] * 12 + i[1] * 4 + i[2]) as f64));
    let y = f(&x).unwrap();
    let memory = x.value().as_slice().unwrap().as_ptr_range();
    y.value().iter().all(|y| memory.contains(&std::ptr::from_ref(y)))
}

#[test]
fn views() {
    assert!(shares(|x| x.reshape(&[6, 4])));
    assert!(shares(|x| x.flatten_from(1)));
    assert!(shares(|x| x.permute(&[2, 0, 1])));
    assert!(shares(|x| x.transpose(0, 2)));
    assert!(shares(|x| x.unsqueeze(1)));
    assert!(shares(|x| x.slice_axis(0, 0..1, 1)?.squeeze(0)));
    assert!(shares(|x| x.flip(&[0, 2])));
    assert!(shares(|x| x.slice_axis(2, 1..4, 2)));
    assert!(shares(|x| x.select(1, 2)));
    assert!(shares(|x| Ok(x.split(1, &[1, 2])?.remove(1))));
    assert!(shares(|x| Ok(x.detach())));
}

#[test]
fn what_strides_cannot_say_is_copied() {
    assert!(!shares(|x| x.transpose(0, 2)?.reshape(&[24])));
    assert!(!shares(|x| x.index_select(0, &[0, 0])));
}

/// A view of a gradient goes back the same way: nothing is copied but where two gradients meet.
#[test]
fn gradients_of_views_keep_their_memory() {
    let x = Tape::recording().variable(ArrayD::<f64>::ones(IxDyn(&[2, 3])));
    let y = x.reshape(&[3, 2]).unwrap().unsqueeze(0).unwrap();
    let dy: gradus_autograd::Value<f64> = ArrayD::ones(IxDyn(&[1, 3, 2])).into();
    let memory = dy.as_ptr();
    let gradients = y.backward_with(dy).unwrap();
    assert_eq!(gradients.get(&x).unwrap().as_ptr(), memory);
}
