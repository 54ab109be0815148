//! The state of a model: every parameter and buffer by name.

#[cfg(feature = "interop")]
mod budget;
mod disk;
mod element;
mod load;
#[cfg(feature = "interop")]
mod npz;
#[cfg(feature = "interop")]
mod pt;
mod safetensors;
#[cfg(feature = "interop")]
mod zip;

pub use load::{LoadReport, ShapeDiffers, Unmatched};
pub(crate) use load::{load_matching, load_strict};

use crate::{Error, Result};
use gradus_autograd::{Real, Value};
use std::collections::HashMap;
use std::fmt;

/// Arrays by name, in an order: what [`Module::state_dict`](crate::Module::state_dict) returns, and what a file holds.
///
/// The names and shapes are PyTorch's. The arrays share their memory with the model they were taken from, until either
/// is changed: taking a state dict copies nothing, and it stays as it was taken.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Linear, Module, StateDict};
/// use rand::{SeedableRng, rngs::StdRng};
///
/// let mut rng = StdRng::seed_from_u64(7);
/// let trained: Linear = Linear::new(4, 2, &mut rng);
/// let bytes = trained.state_dict().to_bytes()?; // or `save("model.safetensors")`
///
/// let mut other: Linear = Linear::new(4, 2, &mut rng);
/// other.load_state_dict(&StateDict::from_bytes(&bytes)?)?; // or `StateDict::load("model.safetensors")`
/// assert_eq!(other.weight.value(), trained.weight.value());
/// # Ok::<(), gradus_nn_layers::Error>(())
/// ```
#[derive(Clone)]
pub struct StateDict<F: Real = f32> {
    entries: Vec<(String, Value<F>)>,
    places: HashMap<String, usize>,
}

impl<F: Real> StateDict<F> {
    /// No arrays yet.
    #[must_use]
    pub fn new() -> Self {
        Self { entries: Vec::new(), places: HashMap::new() }
    }

    /// Puts an array in: at the end, or in the place of the one that has this name, which is returned.
    pub fn insert(&mut self, name: impl Into<String>, array: impl Into<Value<F>>) -> Option<Value<F>> {
        let (name, array) = (name.into(), array.into());
        if let Some(&place) = self.places.get(&name) {
            return Some(std::mem::replace(&mut self.entries[place].1, array));
        }
        self.places.insert(name.clone(), self.entries.len());
        self.entries.push((name, array));
        None
    }

    /// The array of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value<F>> {
        Some(&self.entries[*self.places.get(name)?].1)
    }

    /// The names with their arrays, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value<F>)> {
        self.entries.iter().map(|(name, array)| (name.as_str(), array))
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name.as_str())
    }

    /// The number of arrays.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no arrays.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The same arrays under other names; those for which `rename` returns `None` are left out. For weights from
    /// elsewhere, before [`Module::load_state_dict`](crate::Module::load_state_dict) or `load_matching`.
    ///
    /// # Examples
    /// ```
    /// use gradus_nn_layers::{StateDict, ndarray::array};
    /// let dict: StateDict = [("module.fc.weight", array![1.0]), ("optimizer", array![2.0])].into_iter().collect();
    /// let dict = dict.renamed(|name| Some(name.strip_prefix("module.")?.replace("fc.", "out.")))?;
    /// assert_eq!(dict.names().collect::<Vec<_>>(), ["out.weight"]);
    /// # Ok::<(), gradus_nn_layers::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::SameName`] if two arrays would have one name.
    pub fn renamed(self, rename: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut dict = Self::new();
        for (name, array) in self.entries {
            if let Some(name) = rename(&name) {
                dict.insert_new(name, array)?;
            }
        }
        Ok(dict)
    }

    /// The arrays whose names begin with `path` and a dot, under what follows: of a checkpoint
    /// `{"model": {"weight": …}, "optimizer": …}` the part `"model"` holds `weight`.
    ///
    /// # Examples
    /// ```
    /// use gradus_nn_layers::{StateDict, ndarray::array};
    /// let checkpoint: StateDict = [("model.weight", array![1.0]), ("models", array![2.0])].into_iter().collect();
    /// assert_eq!(checkpoint.part("model").names().collect::<Vec<_>>(), ["weight"]);
    /// ```
    #[must_use]
    pub fn part(&self, path: &str) -> Self {
        let below = |name: &str| name.strip_prefix(path)?.strip_prefix('.').map(str::to_owned);
        self.iter().filter_map(|(name, array)| Some((below(name)?, array.clone()))).collect()
    }

    /// Puts an array in at the end, under a name that must be new.
    fn insert_new(&mut self, name: String, array: Value<F>) -> Result<()> {
        if self.places.contains_key(&name) {
            return Err(Error::SameName { name });
        }
        self.insert(name, array);
        Ok(())
    }
}

impl<F: Real> Default for StateDict<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: Real, N: Into<String>, A: Into<Value<F>>> FromIterator<(N, A)> for StateDict<F> {
    fn from_iter<I: IntoIterator<Item = (N, A)>>(entries: I) -> Self {
        let mut dict = Self::new();
        for (name, array) in entries {
            dict.insert(name, array);
        }
        dict
    }
}

impl<F: Real> fmt::Debug for StateDict<F> {
    /// Names and shapes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, array)| (name, array.shape()))).finish()
    }
}
