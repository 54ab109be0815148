//! What modules are made of: parameters, buffers, lists, options, tuples of modules, and settings beside them.
//!
//! None of the implementations is recommended by the compiler: an error about one type would else list them all.

use crate::{Buffer, Item, ItemMut, Module, Parameter, Walk, WalkMut};
use gradus_autograd::Real;
use std::marker::PhantomData;

/// The two walks of a type, written once: `child` and `item` calls differ only in `mut`.
macro_rules! leaf_module {
    ($type:ident) => {
        #[diagnostic::do_not_recommend]
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

#[diagnostic::do_not_recommend]
impl<F: Real, M: Module<F> + ?Sized> Module<F> for Box<M> {
    fn walk<'module>(&'module self, walk: &mut Walk<'module, '_, F>) {
        (**self).walk(walk);
    }
    fn walk_mut<'module>(&'module mut self, walk: &mut WalkMut<'module, '_, F>) {
        (**self).walk_mut(walk);
    }
}

#[diagnostic::do_not_recommend]
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

#[diagnostic::do_not_recommend]
impl<F: Real, M: Module<F>> Module<F> for [M] {
    fn walk<'module>(&'module self, walk: &mut Walk<'module, '_, F>) {
        self.iter().enumerate().for_each(|(i, module)| walk.child(i, module));
    }
    fn walk_mut<'module>(&'module mut self, walk: &mut WalkMut<'module, '_, F>) {
        self.iter_mut().enumerate().for_each(|(i, module)| walk.child(i, module));
    }
}

#[diagnostic::do_not_recommend]
impl<F: Real, M: Module<F>> Module<F> for Vec<M> {
    fn walk<'module>(&'module self, walk: &mut Walk<'module, '_, F>) {
        self.as_slice().walk(walk);
    }
    fn walk_mut<'module>(&'module mut self, walk: &mut WalkMut<'module, '_, F>) {
        self.as_mut_slice().walk_mut(walk);
    }
}

#[diagnostic::do_not_recommend]
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
        #[diagnostic::do_not_recommend]
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

#[diagnostic::do_not_recommend]
impl<F: Real, T: ?Sized> Module<F> for PhantomData<T> {
    fn walk<'module>(&'module self, _: &mut Walk<'module, '_, F>) {}
    fn walk_mut<'module>(&'module mut self, _: &mut WalkMut<'module, '_, F>) {}
}
