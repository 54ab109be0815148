//! Running statistics for weights that were not trained but averaged.

use crate::Error;
use gradus_autograd::{Real, Tape, Value};
use gradus_nn_layers::{Item, ItemMut, Layer, Result};
use rand::Rng;

/// Takes the running statistics of all [`BatchNorm`](crate::BatchNorm) layers of a model anew: the means over these batches.
///
/// ```text
/// running_mean = Σ mᵦ / B,  running_var = Σ vᵦ nᵦ / (nᵦ − 1) / B,  num_batches_tracked = B
/// ```
///
/// `mᵦ` and `vᵦ` are mean and variance of the b-th of `B` batches; all count alike, whatever the layers' momentum. This is
/// `torch.optim.swa_utils.update_bn`. The passes run on tapes for training, whose random streams follow from `rng`. A
/// model without running statistics stays as it is.
///
/// # Errors
/// [`Error::Nothing`] if there are no batches, and what the model's `forward` returns; the model is then as it was.
///
/// # Examples
/// ```
/// use gradus_nn_layers::ndarray::array;
/// use gradus_regularize::{BatchNorm1d, update_batch_norm};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let mut model: BatchNorm1d<f64> = BatchNorm1d::new(1);
/// let batches = [array![[1.0], [3.0]], array![[5.0], [9.0]]];
/// update_batch_norm(&mut model, batches, &mut StdRng::seed_from_u64(7))?;
/// assert_eq!(model.running_mean.unwrap().value()[[0]], 4.5); // of 2 and 7
/// assert_eq!(model.running_var.unwrap().value()[[0]], 5.0); // of 2 and 8
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
pub fn update_batch_norm<F: Real, X: Into<Value<F>>>(
    model: &mut (impl Layer<F> + ?Sized),
    batches: impl IntoIterator<Item = X>,
    rng: &mut (impl Rng + ?Sized),
) -> Result<()> {
    let before = model.state_dict();
    let outcome = means(model, batches, rng);
    let restored = model.load_state_dict(&before);
    let (means, batches) = outcome?;
    restored?;
    let mut means = means.into_iter();
    model.visit_mut(&mut |name, item| match item {
        ItemMut::Buffer(buffer) if is_statistic(name) => {
            if let Some(mean) = means.next() {
                buffer.value_mut().assign(&**mean);
            }
        }
        ItemMut::Buffer(buffer) if last(name) == "num_batches_tracked" => {
            buffer.value_mut().fill(F::from_f64(batches as f64));
        }
        _ => {}
    });
    Ok(())
}

fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn is_statistic(name: &str) -> bool {
    matches!(last(name), "running_mean" | "running_var")
}

/// The mean of each statistic over the batches, and how many these were. The model's statistics are lost.
fn means<F: Real, X: Into<Value<F>>>(
    model: &mut (impl Layer<F> + ?Sized),
    batches: impl IntoIterator<Item = X>,
    rng: &mut (impl Rng + ?Sized),
) -> Result<(Vec<Value<F>>, usize)> {
    // Unknown statistics take over those of the batch as they are, whatever the momentum.
    model.visit_mut(&mut |name, item| match item {
        ItemMut::Buffer(buffer) if is_statistic(name) => buffer.value_mut().fill(F::from_f64(f64::NAN)),
        _ => {}
    });
    let (mut means, mut seen): (Vec<Value<F>>, usize) = (Vec::new(), 0);
    for batch in batches {
        let tape = Tape::training(rng);
        model.forward(&tape.input(batch))?;
        // What was noted on a tape travels with the gradients, of whatever.
        let noted = tape.variable(Value::scalar(F::zero())).backward()?;
        seen += 1;
        let share = F::from_f64(1.0 / seen as f64);
        let mut place = 0;
        model.visit(&mut |name, item| {
            let Item::Buffer(buffer) = item else { return };
            if !is_statistic(name) {
                return;
            }
            let new = noted.update_of(buffer.id()).unwrap_or(buffer.value());
            match means.get_mut(place) {
                Some(mean) => mean.zip_mut_with(new, |mean, &new| *mean += share * (new - *mean)),
                None => means.push(new.clone()),
            }
            place += 1;
        });
    }
    if seen == 0 {
        return Err(Error::Nothing { operation: "update_batch_norm", what: "batches" }.into());
    }
    Ok((means, seen))
}
