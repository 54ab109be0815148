//! One step of one sequence, forward and backward. The parts of a row of gates are `n`, `r`, `z`, and `q` with the reset after.

use crate::bptt::vanishing::{least, settled};
use gradus_autograd::Real;
use gradus_linalg::simd::vectorized;

/// The gates, and what the candidate is to see: with the reset after it is added to the candidate's sum at once; with the
/// reset before it is put into `seen`, for a product.
pub(super) fn open<F: Real>(a: &mut [F], h_before: &[F], seen: Option<&mut [F]>) {
    let hidden = h_before.len();
    vectorized(
        #[inline(always)]
        || {
            let (n, rest) = a.split_at_mut(hidden);
            let (r, rest) = rest.split_at_mut(hidden);
            let (z, q) = rest.split_at_mut(hidden);
            r.iter_mut().for_each(|r| *r = r.sigmoid());
            z.iter_mut().for_each(|z| *z = z.sigmoid());
            match seen {
                None => n.iter_mut().zip(r).zip(q).for_each(|((n, r), q)| *n += *r * *q),
                Some(seen) => seen.iter_mut().zip(r).zip(h_before).for_each(|((s, r), &h)| *s = *r * h),
            }
        },
    );
}

/// The candidate and the new state.
pub(super) fn mix<F: Real>(a: &mut [F], h_before: &[F], h: &mut [F]) {
    let hidden = h.len();
    vectorized(
        #[inline(always)]
        || {
            let (n, rest) = a.split_at_mut(hidden);
            let (z, h_before) = (&rest[hidden..2 * hidden], &h_before[..hidden]);
            for j in 0..hidden {
                n[j] = n[j].tanh();
                h[j] = n[j] + z[j] * (h_before[j] - n[j]);
            }
        },
    );
}

/// From `dhₜ` to the gates' `δ`, in their places, and to the part of `dhₜ₋₁` that comes through the update gate, in the place of `dhₜ`.
/// With the reset before, `r` stays as it is: its gradient waits for a product.
pub(super) fn mix_back<F: Real>(gates: &mut [F], h_before: &[F], dh: &mut [F]) {
    let (hidden, one, least) = (dh.len(), F::one(), least());
    vectorized(
        #[inline(always)]
        || {
            let (n, rest) = gates.split_at_mut(hidden);
            let (r, rest) = rest.split_at_mut(hidden);
            let (z, q) = rest.split_at_mut(hidden);
            let h_before = &h_before[..hidden];
            for j in 0..hidden {
                let (candidate, kept, dh_now) = (n[j], z[j], settled(dh[j], least));
                n[j] = dh_now * (one - kept) * (one - candidate * candidate);
                z[j] = dh_now * (h_before[j] - candidate) * (kept * (one - kept));
                dh[j] = dh_now * kept;
            }
            if !q.is_empty() {
                let q = &mut q[..hidden];
                for j in 0..hidden {
                    let reset = r[j];
                    r[j] = n[j] * q[j] * (reset * (one - reset));
                    q[j] = n[j] * reset;
                }
            }
        },
    );
}

/// With the reset before: from `ds` to the reset gate's `δ`, and to the part of `dhₜ₋₁` that comes through the candidate.
pub(super) fn open_back<F: Real>(gates: &mut [F], h_before: &[F], ds: &[F], dh: &mut [F]) {
    let (hidden, one) = (dh.len(), F::one());
    vectorized(
        #[inline(always)]
        || {
            let (r, ds, h_before) = (&mut gates[hidden..2 * hidden], &ds[..hidden], &h_before[..hidden]);
            for j in 0..hidden {
                let reset = r[j];
                r[j] = ds[j] * h_before[j] * (reset * (one - reset));
                dh[j] += ds[j] * reset;
            }
        },
    );
}
