//! Walking a model's parameters and buffers by name.

use crate::{Buffer, LoadReport, Parameter, Result, StateDict, state_dict};
use gradus_autograd::Real;
use std::fmt::Display;
use std::marker::PhantomData;

/// Anything that owns parameters: a layer, a model, a part of one.
///
/// Derive it: `#[derive(Module)]` walks the fields in order, each under its own name, so that a parameter's full name
/// is its path, `hidden.weight`. These are PyTorch's names, and a state dict's.
///
/// # Examples
/// ```
/// use gradus_nn_layers::{Module, Parameter, ndarray::array};
///
/// #[derive(Module)]
/// struct Line {
///     slope: Parameter,
///     intercept: Option<Parameter>,
/// }
///
/// let line = Line { slope: array![2.0].into(), intercept: Some(array![1.0].into()) };
/// let names: Vec<_> = line.parameters().into_iter().map(|(name, _)| name).collect();
/// assert_eq!(names, ["slope", "intercept"]);
/// assert_eq!(line.count_parameters(), 2);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Module<{F}>`",
    label = "no parameter and no layer of this number type",
    note = "a field without parameters: add `#[module(skip)]` to it",
    note = "a struct of layers and parameters: add `#[derive(Module)]` to it"
)]
pub trait Module<F: Real = f32> {
    /// Shows every parameter and buffer to the walk, in a fixed order.
    fn walk<'module>(&'module self, walk: &mut Walk<'module, '_, F>);

    /// Shows every parameter and buffer to the walk, to be changed; in the order of [`Module::walk`].
    fn walk_mut<'module>(&'module mut self, walk: &mut WalkMut<'module, '_, F>);

    /// Calls `visit` with the name of each parameter and buffer.
    fn visit<'module>(&'module self, visit: &mut dyn FnMut(&str, Item<'module, F>)) {
        self.walk(&mut Walk { path: String::with_capacity(32), visit });
    }

    /// Calls `visit` with the name of each parameter and buffer, to be changed.
    fn visit_mut<'module>(&'module mut self, visit: &mut dyn FnMut(&str, ItemMut<'module, F>)) {
        self.walk_mut(&mut WalkMut { path: String::with_capacity(32), visit });
    }

    /// Every parameter with its name.
    fn parameters(&self) -> Vec<(String, &Parameter<F>)> {
        let mut found = Vec::new();
        self.visit(&mut |name, item| {
            if let Item::Parameter(parameter) = item {
                found.push((name.to_owned(), parameter));
            }
        });
        found
    }

    /// Every buffer with its name.
    fn buffers(&self) -> Vec<(String, &Buffer<F>)> {
        let mut found = Vec::new();
        self.visit(&mut |name, item| {
            if let Item::Buffer(buffer) = item {
                found.push((name.to_owned(), buffer));
            }
        });
        found
    }

    /// The number of numbers in all parameters, frozen ones included.
    fn count_parameters(&self) -> usize {
        self.parameters().iter().map(|(_, parameter)| parameter.value().len()).sum()
    }

    /// Freezes (`false`) or thaws (`true`) every parameter whose name `which` picks.
    fn set_trainable(&mut self, trainable: bool, which: &dyn Fn(&str) -> bool) {
        self.visit_mut(&mut |name, item| {
            if let ItemMut::Parameter(parameter) = item
                && which(name)
            {
                parameter.set_trainable(trainable);
            }
        });
    }

    /// Every parameter and buffer by name. Nothing is copied: the arrays are shared until either side changes.
    fn state_dict(&self) -> StateDict<F> {
        let mut dict = StateDict::new();
        self.visit(&mut |name, item| {
            let value = match item {
                Item::Parameter(parameter) => parameter.value(),
                Item::Buffer(buffer) => buffer.value(),
            };
            dict.insert(name, value.clone());
        });
        dict
    }

    /// Takes over the values of a state dict, which must be exactly this model's.
    ///
    /// # Errors
    /// [`Error::StateDict`](crate::Error::StateDict) lists what is missing, what is unexpected and what has another
    /// shape, with the names that come nearest; the model is then as it was.
    fn load_state_dict(&mut self, dict: &StateDict<F>) -> Result<()> {
        state_dict::load_strict(self, dict)
    }

    /// Takes over those values of a state dict that fit by name and shape, and reports on the others.
    fn load_matching(&mut self, dict: &StateDict<F>) -> LoadReport {
        state_dict::load_matching(self, dict)
    }
}

/// What a walk meets.
#[derive(Debug, Clone, Copy)]
pub enum Item<'module, F: Real = f32> {
    /// A parameter, trainable or frozen.
    Parameter(&'module Parameter<F>),
    /// A buffer.
    Buffer(&'module Buffer<F>),
}

/// What a walk meets, to be changed.
#[derive(Debug)]
pub enum ItemMut<'module, F: Real = f32> {
    /// A parameter, trainable or frozen.
    Parameter(&'module mut Parameter<F>),
    /// A buffer.
    Buffer(&'module mut Buffer<F>),
}

macro_rules! walk {
    ($walk:ident, $item:ident, $method:ident, [$($mutable:tt)?], $doc:literal) => {
        #[doc = $doc]
        pub struct $walk<'module, 'walk, F: Real = f32> {
            /// The names on the way from the root to here, joined by dots.
            path: String,
            visit: &'walk mut dyn FnMut(&str, $item<'module, F>),
        }

        impl<'module, F: Real> $walk<'module, '_, F> {
            /// Walks a part of the module under its name.
            pub fn child<M: Module<F> + ?Sized>(&mut self, name: impl Display, child: &'module $($mutable)? M) {
                use std::fmt::Write;
                let length = self.path.len();
                let dot = if length == 0 { "" } else { "." };
                write!(self.path, "{dot}{name}").expect("writing to a string cannot fail");
                child.$method(self);
                self.path.truncate(length);
            }

            /// As [`child`](Self::child), for a name that is text already: every optimizer's step walks the model, and
            /// formatting would cost a small one more than the update.
            pub fn field<M: Module<F> + ?Sized>(&mut self, name: &str, child: &'module $($mutable)? M) {
                let length = self.path.len();
                if length > 0 {
                    self.path.push('.');
                }
                self.path.push_str(name);
                child.$method(self);
                self.path.truncate(length);
            }

            /// Shows a parameter or a buffer under the name of the child it stands in.
            pub fn item(&mut self, item: $item<'module, F>) {
                (self.visit)(&self.path, item);
            }
        }

        impl<F: Real> std::fmt::Debug for $walk<'_, '_, F> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($walk)).field("path", &self.path).finish_non_exhaustive()
            }
        }
    };
}

walk!(Walk, Item, walk, [], "A walk through a module, which knows the name of where it is.");
walk!(WalkMut, ItemMut, walk_mut, [mut], "A walk through a module that may change what it meets.");

/// The two walks of a type, written once: `child` and `item` calls differ only in `mut`.
macro_rules! leaf_module {
    ($type:ident) => {
        impl<F: Real> Module<F> for $type<F> {
            fn walk<'module>(&'module self, walk: &mut Walk<'module, '_, F>) {
                walk.item(Item::$type(self));
            }
            fn walk_mut<'module>(&'module mut self, walk: &mut WalkMut<'module, '_, F>) {
                walk.item(ItemMut::$type(self));
            }
        }
    };
}

leaf_module!(Parameter);
leaf_module!(Buffer);

impl<F: Real, M: Module<F> + ?Sized> Module<F> for Box<M> {
    fn walk<'module>(&'module self, walk: &mut Walk<'module, '_, F>) {
        (**self).walk(walk);
    }
    fn walk_mut<'module>(&'module mut self, walk: &mut WalkMut<'module, '_, F>) {
        (**self).walk_mut(walk);
    }
}

impl<F: Real, M: Module<F>> Module<F> for Option<M> {
    fn walk<'module>(&'module self, walk: &mut Walk<'module, '_, F>) {
        if let Some(module) = self {
            module.walk(walk);
        }
    }
    fn walk_mut<'module>(&'module mut self, walk: &mut WalkMut<'module, '_, F>) {
        if let Some(module) = self {
            module.walk_mut(walk);
        }
    }
}

impl<F: Real, M: Module<F>> Module<F> for [M] {
    fn walk<'module>(&'module self, walk: &mut Walk<'module, '_, F>) {
        self.iter().enumerate().for_each(|(i, module)| walk.child(i, module));
    }
    fn walk_mut<'module>(&'module mut self, walk: &mut WalkMut<'module, '_, F>) {
        self.iter_mut().enumerate().for_each(|(i, module)| walk.child(i, module));
    }
}

impl<F: Real, M: Module<F>> Module<F> for Vec<M> {
    fn walk<'module>(&'module self, walk: &mut Walk<'module, '_, F>) {
        self.as_slice().walk(walk);
    }
    fn walk_mut<'module>(&'module mut self, walk: &mut WalkMut<'module, '_, F>) {
        self.as_mut_slice().walk_mut(walk);
    }
}

impl<F: Real, M: Module<F>, const N: usize> Module<F> for [M; N] {
    fn walk<'module>(&'module self, walk: &mut Walk<'module, '_, F>) {
        self.as_slice().walk(walk);
    }
    fn walk_mut<'module>(&'module mut self, walk: &mut WalkMut<'module, '_, F>) {
        self.as_mut_slice().walk_mut(walk);
    }
}

macro_rules! tuple_module {
    ($($name:ident $place:tt),+) => {
        #[diagnostic::do_not_recommend] // or every error would list them all
        impl<F: Real, $($name: Module<F>),+> Module<F> for ($($name,)+) {
            fn walk<'module>(&'module self, walk: &mut Walk<'module, '_, F>) {
                $(walk.child($place, &self.$place);)+
            }
            fn walk_mut<'module>(&'module mut self, walk: &mut WalkMut<'module, '_, F>) {
                $(walk.child($place, &mut self.$place);)+
            }
        }
    };
}

tuple_module!(A 0);
tuple_module!(A 0, B 1);
tuple_module!(A 0, B 1, C 2);
tuple_module!(A 0, B 1, C 2, D 3);
tuple_module!(A 0, B 1, C 2, D 3, E 4);
tuple_module!(A 0, B 1, C 2, D 3, E 4, G 5);

/// Settings that stand beside the parameters: there is nothing in them to walk.
macro_rules! empty_module {
    ($($type:ty),+) => {
        $(#[diagnostic::do_not_recommend]
        impl<F: Real> Module<F> for $type {
            fn walk<'module>(&'module self, _: &mut Walk<'module, '_, F>) {}
            fn walk_mut<'module>(&'module mut self, _: &mut WalkMut<'module, '_, F>) {}
        })+
    };
}

empty_module!((), bool, char, u8, u16, u32, u64, usize, i8, i16, i32, i64, isize, f32, f64, String);

impl<F: Real, T: ?Sized> Module<F> for PhantomData<T> {
    fn walk<'module>(&'module self, _: &mut Walk<'module, '_, F>) {}
    fn walk_mut<'module>(&'module mut self, _: &mut WalkMut<'module, '_, F>) {}
}
