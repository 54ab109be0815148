//! A walk through a module: where it is, and what it meets.

use crate::{Buffer, Module, Parameter};
use gradus_autograd::Real;
use std::fmt::Display;

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
            pub(super) path: String,
            pub(super) visit: &'walk mut dyn FnMut(&str, $item<'module, F>),
        }

        impl<'module, F: Real> $walk<'module, '_, F> {
            /// Walks a part of the module under its name.
            pub fn child<M: Module<F> + ?Sized>(&mut self, name: impl Display, child: &'module $($mutable)? M) {
                let before = self.enter_formatted(name);
                child.$method(self);
                self.leave(before);
            }

            /// Shows under this name what another walk has met: for a module that calls the parts of its parts otherwise.
            pub fn named(&mut self, name: impl Display, item: $item<'module, F>) {
                let before = self.enter_formatted(name);
                self.item(item);
                self.leave(before);
            }

            /// As [`child`](Self::child), for a name that is text already: every optimizer's step walks the model, and
            /// formatting would cost a small one more than the update.
            pub fn field<M: Module<F> + ?Sized>(&mut self, name: &str, child: &'module $($mutable)? M) {
                let before = self.enter(name);
                child.$method(self);
                self.leave(before);
            }

            /// Goes to a part of this name.
            fn enter_formatted(&mut self, name: impl Display) -> usize {
                use std::fmt::Write;
                let before = self.path.len();
                let dot = if before == 0 { "" } else { "." };
                write!(self.path, "{dot}{name}").expect("writing to a string cannot fail");
                before
            }

            /// Goes to a part of this name; what it returns leads [`back`](Self::leave). For the derive macro.
            #[doc(hidden)]
            pub fn enter(&mut self, name: &str) -> usize {
                let before = self.path.len();
                if before > 0 {
                    self.path.push('.');
                }
                self.path.push_str(name);
                before
            }

            /// Goes back to where [`enter`](Self::enter) was called.
            #[doc(hidden)]
            pub fn leave(&mut self, before: usize) {
                self.path.truncate(before);
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
