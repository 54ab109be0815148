//! Memory over long runs, by all bytes of the program that live: a program of its own, since it counts what every thread allocates.

#![allow(clippy::unwrap_used)] // a test fails by panicking

use gradus_nn_layers::{ItemMut, Linear, Losses};
use gradus_rnn_bptt::ndarray::Array3;
use gradus_rnn_bptt::{ClipLog, Layer, Lstm, LstmState, Module, Tape, Tbptt, Value};
use rand::SeedableRng;
use rand::rngs::StdRng;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn live() -> usize {
    let stats = COUNTED.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// Resident memory of the process in bytes, where the system tells it.
fn resident() -> Option<isize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<isize>().ok()? * 1024)
}

/// Downhill a little, in place, as an optimizer does it.
fn descend(model: &mut impl Module<f32>, gradients: &gradus_autograd::Gradients<f32>) {
    model.visit_mut(&mut |_, item| {
        if let ItemMut::Parameter(parameter) = item
            && let Some(gradient) = gradients.get(parameter)
        {
            parameter.value_mut().scaled_add(-0.01, gradient);
        }
    });
}

/// The most bytes alive while one pass after the other trains an LSTM on a sequence of so many steps, beyond those that
/// were alive before. Looked at where most is alive: with the whole window recorded, and with its gradients at hand.
fn truncated(tbptt: Tbptt, steps: usize) -> usize {
    let mut rng = StdRng::seed_from_u64(1);
    let (mut lstm, mut head) = (Lstm::new(3, 16, &mut rng), Linear::new(16, 2, &mut rng));
    gradus_linalg::memory::clear::<f32>(); // what another run has left to be used again
    let before = live();
    let mut most = 0;
    let mut passes = tbptt.from_zero::<LstmState>(steps);
    loop {
        let pass = passes.advance(
            || Tape::training(&mut rng),
            |tape, steps, state| Ok(lstm.forward_with(&tape.input(Value::full((steps.len(), 4, 3), 1.0)), state)?),
            |y, steps| {
                let loss = head.forward(y)?.mse(&y.tape().input(Value::zeros((steps.len(), 4, 2))));
                most = most.max(live() - before);
                loss
            },
        );
        let Some(pass) = pass.unwrap() else { return most };
        most = most.max(live() - before);
        descend(&mut lstm, &pass.gradients);
        descend(&mut head, &pass.gradients);
    }
}

/// The bytes that came to be alive, or ceased to be, between the end of the warm-up and the end of the training; and the same of resident
/// memory, where the system tells it.
fn trained(warm_up: usize, steps: usize) -> (isize, Option<isize>) {
    let mut rng = StdRng::seed_from_u64(1);
    let mut lstm: Lstm = Lstm::new(3, 8, &mut rng);
    let mut log = ClipLog::new(0.5).unwrap();
    let mut after_warm_up = (0, None);
    for step in 0..steps {
        if step == warm_up {
            after_warm_up = (live(), resident());
        }
        let tape = Tape::training(&mut rng);
        let x =
            tape.input(Array3::from_shape_fn((4, 2, 3), |(t, n, i)| ((step + t * 7 + n * 3 + i) % 11) as f32 / 11.0));
        let mut gradients = lstm.last(&x).unwrap().square().mean().backward().unwrap();
        log.clip(&mut gradients).unwrap();
        descend(&mut lstm, &gradients);
    }
    assert_eq!(log.steps(), steps as u64);
    let more_resident = resident().zip(after_warm_up.1).map(|(now, before)| now - before);
    (live() as isize - after_warm_up.0 as isize, more_resident)
}

/// One test at a time: what others allocate would be counted, too.
#[test]
fn memory_does_not_grow() {
    for (k1, k2) in [(64, 64), (16, 32)] {
        let tbptt = Tbptt::new(k1, k2).unwrap();
        let (short, long) = (truncated(tbptt, 640), truncated(tbptt, 6400));
        assert!(long as f64 <= 1.01 * short as f64, "k1 {k1}, k2 {k2}: {long} bytes after {short}");
    }
    let (grown, _) = trained(500, 3000);
    assert!(grown < 4096, "{grown} bytes in 2500 steps");
}

/// `cargo test -p gradus-rnn-bptt --test memory -- --ignored --nocapture`: the same at full length, in minutes.
#[test]
#[ignore = "takes minutes"]
fn memory_does_not_grow_at_length() {
    let tbptt = Tbptt::new(64, 64).unwrap();
    let (short, long) = (truncated(tbptt, 1000), truncated(tbptt, 100_000));
    println!("k1 = k2 = 64: {short} bytes at most for 1,000 steps, {long} for 100,000");
    assert!(long as f64 <= 1.01 * short as f64);
    let (grown, resident) = trained(1000, 101_000);
    println!(
        "100,000 training steps of an LSTM: {grown} bytes more alive than after the warm-up, {resident:?} more resident"
    );
    assert!(grown < 1 << 20 && resident.is_none_or(|resident| resident < 1 << 20));
}
