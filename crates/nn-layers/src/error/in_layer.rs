//! Where in a model an error comes from, and what it was before it went on its way out.

use super::Error;
use gradus_linalg::FamilyError;

impl Error {
    /// The same as an [`Error::InLayer`]: it comes from a part of this name, of this kind, given an input of this shape. What
    /// comes from deeper inside keeps its kind and input, and the name goes before its path.
    ///
    /// For layers, [`Layer::forward_at`](crate::Layer::forward_at) calls this; for parts with other methods, call it yourself.
    ///
    /// # Examples
    /// ```
    /// use gradus_nn_layers::Error;
    /// let error = Error::Features { layer: "linear", expected: 784, input: vec![32, 1, 28, 28] };
    /// let error = error.in_layer("fc1", "Linear", &[32, 1, 28, 28]).in_layer("head", "Head", &[32, 1, 28, 28]);
    /// assert_eq!(
    ///     error.to_string(),
    ///     "layer `head.fc1`: linear: input [32, 1, 28, 28]: its last axis is 28 long; this layer takes 784 features on the \
    ///      last axis, (…, 784); a Flatten before it makes [32, 784] of it"
    /// );
    /// assert!(matches!(error.innermost(), Error::Features { expected: 784, .. }));
    /// ```
    #[must_use]
    pub fn in_layer(self, name: &str, kind: &'static str, input: &[usize]) -> Self {
        match self {
            Self::InLayer { path, kind, input, source } => {
                Self::InLayer { path: format!("{name}.{path}"), kind, input, source }
            }
            other => Self::InLayer { path: name.to_owned(), kind, input: input.to_vec(), source: Box::new(other) },
        }
    }

    /// The error as the layer made it that objects, whatever model the layer is in.
    #[must_use]
    pub fn innermost(&self) -> &Self {
        let mut error = self;
        while let Self::InLayer { source, .. } = error {
            error = source;
        }
        error
    }

    /// The error of another crate that this carries, if it is of type `E`; also from inside a model.
    #[must_use]
    pub fn source_as<E: FamilyError>(&self) -> Option<&E> {
        match self.innermost() {
            Self::Source(source) => source.downcast_ref(),
            _ => None,
        }
    }
}

/// The kind and the input of a layer in a model, as far as the layer's own message does not begin with the one, and has the other
/// in it.
pub(super) fn what_and_given(kind: &str, input: &[usize], source: &Error) -> String {
    let (message, input) = (source.to_string(), format!("{input:?}"));
    let own = message.split(':').next().unwrap_or_default().replace('_', "");
    let what = if own.eq_ignore_ascii_case(kind) { String::new() } else { format!(" ({kind})") };
    if message.contains(&input) { what } else { format!("{what}, given {input}") }
}
