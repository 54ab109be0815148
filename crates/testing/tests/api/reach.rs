//! From the root of a crate to what is public, and from a path to what it stands for.

use std::collections::{HashSet, VecDeque};

use syn::Attribute;

use crate::list::{Api, Target};
use crate::source::{self, attributes, is_hidden, is_public, name_of, visibility};

/// Modules whose items are still to be listed, with their paths and conditions.
type Waiting = VecDeque<(usize, String, Vec<String>)>;

impl Api<'_> {
    /// Goes through public modules, the nearest to the root first, so that each thing is found under its shortest path.
    pub(crate) fn walk(&mut self, name: &str) {
        let mut waiting = VecDeque::from([(0, name.to_owned(), Vec::new())]);
        self.modules.insert(0, name.to_owned());
        while let Some((module, path, conditions)) = waiting.pop_front() {
            self.module(module, &path, &conditions, &mut waiting, &mut HashSet::new());
        }
    }

    /// What a module shows under `path`.
    fn module(
        &mut self,
        module: usize,
        path: &str,
        conditions: &[String],
        waiting: &mut Waiting,
        globs: &mut HashSet<usize>,
    ) {
        let of = self.of;
        let here = &of.0[module];
        let with = |attributes: &[Attribute]| [conditions, &source::conditions(attributes)].concat();
        for (place, item) in here.items.iter().enumerate() {
            if is_public(visibility(item)) && !is_hidden(attributes(item)) {
                let name = format!("{path}::{}", name_of(item));
                self.item((module, place), &name, conditions);
            }
        }
        for (name, child, declared) in &here.children {
            if is_public(Some(&declared.vis)) && !is_hidden(&declared.attrs) {
                self.target(&Target::Module(*child), &format!("{path}::{name}"), &with(&declared.attrs), waiting);
            }
        }
        for import in
            here.uses.iter().filter(|import| is_public(Some(&import.item.vis)) && !is_hidden(&import.item.attrs))
        {
            let conditions = with(&import.item.attrs);
            let mut targets = self.resolve(module, &import.path, 0, true);
            // A name can stand for a public function and a private module at once: only the one is brought.
            targets.retain(|target| import.name.is_none() || self.is_declared_public(target));
            for target in targets {
                match (&import.name, target) {
                    (Some(name), target) => self.target(&target, &format!("{path}::{name}"), &conditions, waiting),
                    (None, Target::Module(all)) if globs.insert(all) => {
                        self.module(all, path, &conditions, waiting, globs)
                    }
                    (None, Target::Module(_)) => {}
                    (None, Target::Item((module, place))) => {
                        let all = name_of(&of.0[module].items[place]);
                        self.line(
                            &format!("{path}::{all}::*"),
                            0,
                            &conditions,
                            &format!("pub use {path}::{{variants of {all}}}"),
                        );
                    }
                    (None, Target::External(all)) => {
                        let all = all.join("::");
                        self.line(&format!("{path}::*"), 0, &conditions, &format!("pub use {path}::* = {all}::*"));
                    }
                }
            }
        }
    }

    fn is_declared_public(&self, target: &Target) -> bool {
        match target {
            Target::Item((module, place)) => is_public(visibility(&self.of.0[*module].items[*place])),
            Target::Module(module) => self
                .of
                .0
                .iter()
                .flat_map(|parent| &parent.children)
                .any(|(_, place, declared)| place == module && is_public(Some(&declared.vis))),
            Target::External(_) => true,
        }
    }

    /// Something public under `path`, which may have a shorter one already.
    fn target(&mut self, target: &Target, path: &str, conditions: &[String], waiting: &mut Waiting) {
        let elsewhere = match target {
            Target::Item(id) => return self.item(*id, path, conditions),
            Target::External(elsewhere) => elsewhere.join("::"),
            Target::Module(module) => match self.modules.get(module) {
                Some(first) => first.clone(),
                None => {
                    self.modules.insert(*module, path.to_owned());
                    self.line(path, 0, conditions, &format!("pub mod {path}"));
                    return waiting.push_back((*module, path.to_owned(), conditions.to_vec()));
                }
            },
        };
        self.line(path, 0, conditions, &format!("pub use {path} = {elsewhere}"));
    }

    /// What a path leads to, seen from a module; in a `use`, the first name is no name that another `use` brings.
    pub(crate) fn resolve(&self, module: usize, path: &[String], depth: usize, in_use: bool) -> Vec<Target> {
        let external = || vec![Target::External(path.to_vec())];
        let Some((first, rest)) = path.split_first().filter(|_| depth < 16) else { return external() };
        let mut at = match first.as_str() {
            "crate" => vec![Target::Module(0)],
            "self" => vec![Target::Module(module)],
            "super" => vec![Target::Module(self.of.0[module].parent)],
            name => self.look_up(module, name, depth + 1, in_use),
        };
        for name in rest {
            at = at
                .into_iter()
                .flat_map(|target| match target {
                    Target::Module(module) if name == "super" => vec![Target::Module(self.of.0[module].parent)],
                    Target::Module(module) => self.look_up(module, name, depth + 1, false),
                    Target::External(path) => vec![Target::External([path, vec![name.clone()]].concat())],
                    // An associated item or a variant.
                    Target::Item(_) => Vec::new(),
                })
                .collect();
        }
        if at.is_empty() { external() } else { at }
    }

    /// What a name stands for in a module; nothing if it comes from outside.
    fn look_up(&self, module: usize, name: &str, depth: usize, in_use: bool) -> Vec<Target> {
        if depth > 16 {
            return Vec::new();
        }
        let here = &self.of.0[module];
        let child = here.children.iter().find(|(child, ..)| child == name).map(|(_, place, _)| Target::Module(*place));
        let items = here.items.iter().enumerate().filter(|(_, item)| name_of(item) == name);
        let mut found: Vec<_> =
            child.into_iter().chain(items.map(|(place, _)| Target::Item((module, place)))).collect();
        if found.is_empty() && !in_use {
            let named = here.uses.iter().filter(|import| import.name.as_deref() == Some(name));
            found.extend(named.flat_map(|import| self.resolve(module, &import.path, depth + 1, true)));
        }
        if found.is_empty() && !in_use {
            for import in here.uses.iter().filter(|import| import.name.is_none()) {
                for target in self.resolve(module, &import.path, depth + 4, true) {
                    if let Target::Module(all) = target {
                        found.extend(self.look_up(all, name, depth + 4, false));
                    }
                }
            }
        }
        found
    }
}
