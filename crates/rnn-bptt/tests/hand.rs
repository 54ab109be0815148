//! The formulas of recurrent cells in plain loops over single numbers: forward, and backward through time.
//!
//! They are written from the papers' equations and share no line with the crate: no tape, no arrays of a whole batch, no
//! products of matrices.

use gradus_rnn_bptt::ndarray::{Array3, ArrayD};
use gradus_rnn_bptt::{Cell, GruCell, LstmCell, Nonlinearity, Reset, RnnCell};

/// The parameters of a cell as rows of numbers.
pub(crate) struct Weights {
    ih: Vec<Vec<f64>>,
    hh: Vec<Vec<f64>>,
    b_ih: Vec<f64>,
    b_hh: Vec<f64>,
}

/// What parameters receive, in the same form.
pub(crate) type Slopes = Weights;

impl Weights {
    fn of<C: Cell<Float = f64>>(cell: &C) -> Self {
        let named = cell.parameters();
        let array = |name: &str| named.iter().find(|(found, _)| *found == name).map(|(_, parameter)| parameter.value());
        let rows = |name: &str| {
            let weight = array(name).unwrap();
            weight.outer_iter().map(|row| row.iter().copied().collect()).collect::<Vec<Vec<f64>>>()
        };
        let (ih, hh) = (rows("weight_ih"), rows("weight_hh"));
        let bias = |name| array(name).map_or_else(|| vec![0.0; ih.len()], |bias| bias.iter().copied().collect());
        let (b_ih, b_hh) = (bias("bias_ih"), bias("bias_hh"));
        Self { ih, hh, b_ih, b_hh }
    }

    fn zeros(&self) -> Self {
        let none = |rows: &[Vec<f64>]| rows.iter().map(|row| vec![0.0; row.len()]).collect();
        let gates = self.ih.len();
        Self { ih: none(&self.ih), hh: none(&self.hh), b_ih: vec![0.0; gates], b_hh: vec![0.0; gates] }
    }

    pub(crate) fn named(self) -> Vec<(&'static str, ArrayD<f64>)> {
        let matrix = |rows: Vec<Vec<f64>>| {
            let shape = vec![rows.len(), rows[0].len()];
            ArrayD::from_shape_vec(shape, rows.concat()).unwrap()
        };
        let vector = |bias: Vec<f64>| ArrayD::from_shape_vec(vec![bias.len()], bias).unwrap();
        vec![
            ("weight_ih", matrix(self.ih)),
            ("weight_hh", matrix(self.hh)),
            ("bias_ih", vector(self.b_ih)),
            ("bias_hh", vector(self.b_hh)),
        ]
    }

    fn input_sum(&self, row: usize, x: &[f64]) -> f64 {
        self.b_ih[row] + dot(&self.ih[row], x)
    }

    fn state_sum(&self, row: usize, h: &[f64]) -> f64 {
        self.b_hh[row] + dot(&self.hh[row], h)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(sum: &mut [f64], factor: f64, row: &[f64]) {
    sum.iter_mut().zip(row).for_each(|(sum, row)| *sum += factor * row);
}

fn sigmoid(a: f64) -> f64 {
    1.0 / (1.0 + (-a).exp())
}

/// A cell in plain loops, for one sequence. A state is its arrays one after the other.
pub(crate) trait Hand {
    fn weights(&self) -> Weights;

    /// The next state, and what the way back needs.
    fn step(&self, w: &Weights, x: &[f64], s: &[f64]) -> (Vec<f64>, Vec<f64>);

    /// From `ds′` to `dx` and `ds`; adds to the parameters' slopes.
    fn back(
        &self,
        w: &Weights,
        of: (&[f64], &[f64], &[f64], &[f64]),
        ds: &[f64],
        slopes: &mut Slopes,
    ) -> (Vec<f64>, Vec<f64>);
}

/// `δ` of a row's sum, of which one part is from the input and one from the state `seen`.
fn row_back(
    w: &Weights,
    row: usize,
    deltas: (f64, f64),
    (x, seen): (&[f64], &[f64]),
    (dx, dseen): (&mut [f64], &mut [f64]),
    slopes: &mut Slopes,
) {
    let (input, state) = deltas;
    add(&mut slopes.ih[row], input, x);
    slopes.b_ih[row] += input;
    add(dx, input, &w.ih[row]);
    add(&mut slopes.hh[row], state, seen);
    slopes.b_hh[row] += state;
    add(dseen, state, &w.hh[row]);
}

impl Hand for RnnCell<f64> {
    fn weights(&self) -> Weights {
        Weights::of(self)
    }

    fn step(&self, w: &Weights, x: &[f64], s: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let f = |a: f64| if self.nonlinearity == Nonlinearity::Relu { a.max(0.0) } else { a.tanh() };
        ((0..s.len()).map(|i| f(w.input_sum(i, x) + w.state_sum(i, s))).collect(), vec![])
    }

    fn back(
        &self,
        w: &Weights,
        (x, s, after, _): (&[f64], &[f64], &[f64], &[f64]),
        ds: &[f64],
        slopes: &mut Slopes,
    ) -> (Vec<f64>, Vec<f64>) {
        let (mut dx, mut before) = (vec![0.0; x.len()], vec![0.0; s.len()]);
        for i in 0..s.len() {
            let h = after[i];
            let slope = match self.nonlinearity {
                Nonlinearity::Relu => f64::from(u8::from(h > 0.0)),
                _ => 1.0 - h * h,
            };
            let delta = ds[i] * slope;
            row_back(w, i, (delta, delta), (x, s), (&mut dx, &mut before), slopes);
        }
        (dx, before)
    }
}

impl Hand for LstmCell<f64> {
    fn weights(&self) -> Weights {
        Weights::of(self)
    }

    /// Saves i, f, g and o.
    fn step(&self, w: &Weights, x: &[f64], s: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let size = s.len() / 2;
        let (h, c) = s.split_at(size);
        let sum = |gate: usize, i: usize| {
            let row = gate * size + i;
            w.input_sum(row, x) + w.state_sum(row, h)
        };
        let mut saved = vec![0.0; 4 * size];
        let mut after = vec![0.0; 2 * size];
        for i in 0..size {
            let (input, forget) = (sigmoid(sum(0, i)), sigmoid(sum(1, i)));
            let (g, output) = (sum(2, i).tanh(), sigmoid(sum(3, i)));
            let memory = forget * c[i] + input * g;
            (after[i], after[size + i]) = (output * memory.tanh(), memory);
            for (gate, value) in [input, forget, g, output].into_iter().enumerate() {
                saved[gate * size + i] = value;
            }
        }
        (after, saved)
    }

    fn back(
        &self,
        w: &Weights,
        (x, s, after, saved): (&[f64], &[f64], &[f64], &[f64]),
        ds: &[f64],
        slopes: &mut Slopes,
    ) -> (Vec<f64>, Vec<f64>) {
        let size = s.len() / 2;
        let (h, c) = s.split_at(size);
        let (mut dx, mut dh, mut dc) = (vec![0.0; x.len()], vec![0.0; size], vec![0.0; size]);
        for i in 0..size {
            let [input, forget, g, output] = [0, 1, 2, 3].map(|gate| saved[gate * size + i]);
            let shown = after[size + i].tanh();
            // The memory acts on what is shown now, and on the memory to come.
            let memory = ds[size + i] + ds[i] * output * (1.0 - shown * shown);
            dc[i] = memory * forget;
            let deltas = [
                memory * g * input * (1.0 - input),
                memory * c[i] * forget * (1.0 - forget),
                memory * input * (1.0 - g * g),
                ds[i] * shown * output * (1.0 - output),
            ];
            for (gate, delta) in deltas.into_iter().enumerate() {
                row_back(w, gate * size + i, (delta, delta), (x, h), (&mut dx, &mut dh), slopes);
            }
        }
        (dx, [dh, dc].concat())
    }
}

impl Hand for GruCell<f64> {
    fn weights(&self) -> Weights {
        Weights::of(self)
    }

    /// Saves r, z, n and, of the candidate's sum, what the state gives before the reset.
    fn step(&self, w: &Weights, x: &[f64], h: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let size = h.len();
        let gate = |row: usize| sigmoid(w.input_sum(row, x) + w.state_sum(row, h));
        let r: Vec<_> = (0..size).map(gate).collect();
        let z: Vec<_> = (size..2 * size).map(gate).collect();
        let reset: Vec<_> = r.iter().zip(h).map(|(r, h)| r * h).collect();
        let (mut n, mut given) = (vec![0.0; size], vec![0.0; size]);
        for i in 0..size {
            let row = 2 * size + i;
            let state = match self.reset {
                Reset::Before => w.state_sum(row, &reset),
                _ => {
                    given[i] = w.state_sum(row, h);
                    r[i] * given[i]
                }
            };
            n[i] = (w.input_sum(row, x) + state).tanh();
        }
        let after = (0..size).map(|i| (1.0 - z[i]) * n[i] + z[i] * h[i]).collect();
        (after, [r, z, n, given].concat())
    }

    fn back(
        &self,
        w: &Weights,
        (x, h, _, saved): (&[f64], &[f64], &[f64], &[f64]),
        ds: &[f64],
        slopes: &mut Slopes,
    ) -> (Vec<f64>, Vec<f64>) {
        let size = h.len();
        let [r, z, n, given] = [0, 1, 2, 3].map(|part| &saved[part * size..(part + 1) * size]);
        let reset: Vec<_> = r.iter().zip(h).map(|(r, h)| r * h).collect();
        let (mut dx, mut dh, mut dr) = (vec![0.0; x.len()], vec![0.0; size], vec![0.0; size]);
        let mut dreset = vec![0.0; size];
        for i in 0..size {
            let row = 2 * size + i;
            dh[i] += ds[i] * z[i];
            let candidate = ds[i] * (1.0 - z[i]) * (1.0 - n[i] * n[i]);
            if self.reset == Reset::Before {
                row_back(w, row, (candidate, candidate), (x, &reset), (&mut dx, &mut dreset), slopes);
            } else {
                dr[i] = candidate * given[i];
                row_back(w, row, (candidate, candidate * r[i]), (x, h), (&mut dx, &mut dh), slopes);
            }
        }
        for i in 0..size {
            dr[i] += dreset[i] * h[i];
            dh[i] += dreset[i] * r[i];
        }
        for i in 0..size {
            let of_r = dr[i] * r[i] * (1.0 - r[i]);
            row_back(w, i, (of_r, of_r), (x, h), (&mut dx, &mut dh), slopes);
            let of_z = ds[i] * (h[i] - n[i]) * z[i] * (1.0 - z[i]);
            row_back(w, size + i, (of_z, of_z), (x, h), (&mut dx, &mut dh), slopes);
        }
        (dx, dh)
    }
}

/// All states `(T, N, S)`, `dx (T, N, I)`, `ds₀ (1, N, S)` and the parameters' slopes, for cotangents of every state.
pub(crate) fn through_time(
    cell: &impl Hand,
    x: &Array3<f64>,
    first: &Array3<f64>,
    ds: &Array3<f64>,
) -> (Array3<f64>, Array3<f64>, Array3<f64>, Slopes) {
    let w = cell.weights();
    let (steps, batch, _) = x.dim();
    let row = |array: &Array3<f64>, t: usize, n: usize| -> Vec<f64> {
        (0..array.dim().2).map(|i| array[[t, n, i]]).collect()
    };
    let (mut states, mut dx, mut dfirst) =
        (Array3::zeros(ds.dim()), Array3::zeros(x.dim()), Array3::zeros(first.dim()));
    let mut slopes = w.zeros();
    for n in 0..batch {
        let mut before = vec![row(first, 0, n)];
        let mut saved = Vec::new();
        for t in 0..steps {
            let (after, kept) = cell.step(&w, &row(x, t, n), &before[t]);
            after.iter().enumerate().for_each(|(i, &after)| states[[t, n, i]] = after);
            before.push(after);
            saved.push(kept);
        }
        let mut carried = vec![0.0; ds.dim().2];
        for t in (0..steps).rev() {
            add(&mut carried, 1.0, &row(ds, t, n));
            let of = (&row(x, t, n)[..], &before[t][..], &before[t + 1][..], &saved[t][..]);
            let (of_x, of_state) = cell.back(&w, of, &carried, &mut slopes);
            of_x.iter().enumerate().for_each(|(i, &of_x)| dx[[t, n, i]] = of_x);
            carried = of_state;
        }
        carried.iter().enumerate().for_each(|(i, &carried)| dfirst[[0, n, i]] = carried);
    }
    (states, dx, dfirst, slopes)
}
