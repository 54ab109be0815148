//! How operands of different shapes are walked together.

/// A walk over a row-major shape in runs as long as possible, with the places of `N` operands that broadcast to it.
pub(super) struct Plan<const N: usize> {
    /// Lengths and, for each operand, strides, from the outermost to the innermost axis.
    axes: Vec<(usize, [usize; N])>,
}

impl<const N: usize> Plan<N> {
    pub(super) fn new(shape: &[usize], operands: [&[usize]; N]) -> Self {
        let mut axes: Vec<(usize, [usize; N])> = Vec::with_capacity(shape.len());
        let mut steps = [1; N]; // elements of each operand in the axes seen so far
        for (from_last, &length) in shape.iter().rev().enumerate() {
            if length == 1 {
                continue;
            }
            let strides = std::array::from_fn(|k| {
                let own = operands[k].len().checked_sub(from_last + 1).map_or(1, |i| operands[k][i]);
                let stride = if own == 1 { 0 } else { steps[k] };
                steps[k] *= own;
                stride
            });
            match axes.last_mut() {
                // This axis goes on where the one inside it ends, for every operand: they are one longer axis.
                Some((inner, inner_strides)) if (0..N).all(|k| strides[k] == inner_strides[k] * *inner) => {
                    *inner *= length;
                }
                _ => axes.push((length, strides)),
            }
        }
        axes.reverse();
        Self { axes }
    }

    /// Calls `f(run length, position, positions of the operands, whether each operand moves along the run)`.
    ///
    /// Through a pointer, so that the walk is not compiled again with every loop: a run is vectorized, which costs a call anyway.
    pub(super) fn run(&self, f: &mut dyn FnMut(usize, usize, [usize; N], [bool; N])) {
        let Some((&(length, strides), outer)) = self.axes.split_last() else {
            return f(1, 0, [0; N], [false; N]);
        };
        let moves = strides.map(|stride| stride != 0);
        let runs: usize = outer.iter().map(|&(length, _)| length).product();
        if length == 0 {
            return;
        }
        let mut counters = vec![0; outer.len()];
        let mut places = [0; N];
        for run in 0..runs {
            f(length, run * length, places, moves);
            for (counter, &(length, strides)) in counters.iter_mut().zip(outer).rev() {
                *counter += 1;
                for (place, stride) in places.iter_mut().zip(strides) {
                    *place += stride;
                }
                if *counter < length {
                    break;
                }
                *counter = 0;
                for (place, stride) in places.iter_mut().zip(strides) {
                    *place -= stride * length;
                }
            }
        }
    }
}
