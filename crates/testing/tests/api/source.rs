//! A crate's sources as a tree of modules, macros expanded, tests left out.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, ImplItem, Item, UseTree, Visibility};

use crate::expand::Rules;
use crate::text::text;

pub(crate) struct Module {
    pub(crate) parent: usize,
    pub(crate) items: Vec<Item>,
    /// Name, place, and the declaration's attributes and visibility.
    pub(crate) children: Vec<(String, usize, syn::ItemMod)>,
    pub(crate) uses: Vec<Use>,
    macros: HashMap<String, Rules>,
}

/// One name that a `use` brings, or with no name, all of a module's.
pub(crate) struct Use {
    pub(crate) path: Vec<String>,
    pub(crate) name: Option<String>,
    pub(crate) item: syn::ItemUse,
}

/// The modules of a crate; the first is its root.
pub(crate) struct Crate(pub(crate) Vec<Module>);

/// Macros of the standard library that make nothing public here.
const PRIVATE: [&str; 1] = ["thread_local"];

impl Crate {
    pub(crate) fn read(root: &Path) -> Result<Self, String> {
        let folder = root.parent().ok_or("a root lies in a folder")?;
        Self::of(file(root)?, folder)
    }

    /// A crate whose other files, if it has any, lie in `folder`.
    pub(crate) fn of(root: Vec<Item>, folder: &Path) -> Result<Self, String> {
        let mut found = Self(Vec::new());
        found.add(root, folder, 0)?;
        for module in 0..found.0.len() {
            found.expand(module)?;
        }
        Ok(found)
    }

    /// Adds a module with the modules below it; `folder` is where the files of those lie.
    fn add(&mut self, items: Vec<Item>, folder: &Path, parent: usize) -> Result<usize, String> {
        let place = self.0.len();
        let (children, uses, macros) = (Vec::new(), Vec::new(), HashMap::new());
        self.0.push(Module { parent, items: Vec::new(), children, uses, macros });
        for item in items {
            match item {
                Item::Mod(child) if is_test(&child.attrs) => {}
                Item::Mod(mut child) => {
                    let name = child.ident.to_string();
                    let below = folder.join(&name);
                    let content = match child.content.take() {
                        Some((_, items)) => items,
                        None => file(&file_of(folder, &name))?,
                    };
                    let at = self.add(content, &below, place)?;
                    self.0[place].children.push((name, at, child));
                }
                Item::Macro(definition) if definition.mac.path.is_ident("macro_rules") => {
                    let name = definition.ident.as_ref().map(ToString::to_string).unwrap_or_default();
                    self.0[place].macros.insert(name, Rules::parse(definition.mac.tokens.clone()));
                    self.0[place].items.push(Item::Macro(definition));
                }
                other => self.0[place].items.push(other),
            }
        }
        Ok(place)
    }

    /// Replaces calls of macros by what they write, again and again, and sorts `use`s out.
    fn expand(&mut self, module: usize) -> Result<(), String> {
        let mut waiting = std::mem::take(&mut self.0[module].items);
        waiting.reverse();
        while let Some(item) = waiting.pop() {
            match item {
                Item::Macro(call) if call.ident.is_none() => {
                    if let Some(written) = self.written(module, &call.mac)? {
                        let parsed = syn::parse2::<syn::File>(written).map_err(|error| problem(&call.mac, &error))?;
                        waiting.extend(parsed.items.into_iter().rev());
                    }
                }
                Item::Impl(mut block) if block.items.iter().any(|item| matches!(item, ImplItem::Macro(_))) => {
                    let mut items = Vec::new();
                    for item in block.items {
                        match item {
                            ImplItem::Macro(call) => {
                                let written = self.written(module, &call.mac)?.unwrap_or_default();
                                let parsed = syn::parse2::<syn::ItemImpl>(quote!(impl Block { #written }));
                                items.extend(parsed.map_err(|error| problem(&call.mac, &error))?.items);
                            }
                            other => items.push(other),
                        }
                    }
                    block.items = items;
                    waiting.push(Item::Impl(block));
                }
                Item::Use(item) => {
                    let mut flat = Vec::new();
                    flatten(&item.tree, &mut Vec::new(), &mut flat);
                    let uses = flat.into_iter().map(|(path, name)| Use { path, name, item: item.clone() });
                    self.0[module].uses.extend(uses);
                }
                Item::Macro(definition) => self.0[module].items.push(Item::Macro(definition)),
                other if is_test(attributes(&other)) => {}
                other => self.0[module].items.push(other),
            }
        }
        Ok(())
    }

    /// What a call of a macro stands for; nothing for those that make nothing public.
    fn written(&self, module: usize, call: &syn::Macro) -> Result<Option<TokenStream>, String> {
        let name = call.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        if PRIVATE.contains(&name.as_str()) {
            return Ok(None);
        }
        let mut scope = module;
        let rules = loop {
            match self.0[scope].macros.get(&name) {
                Some(rules) => break Some(rules),
                None if scope == 0 => break self.0.iter().find_map(|module| module.macros.get(&name)),
                None => scope = self.0[scope].parent,
            }
        };
        let rules = rules.ok_or_else(|| format!("{name}! is called, which no source of the crate defines"))?;
        let written = rules.expand(call.tokens.clone());
        written.map(Some).ok_or_else(|| format!("no arm of {name}! fits {}", text(&call.tokens)))
    }
}

fn problem(call: &syn::Macro, error: &syn::Error) -> String {
    format!("what {}! writes is no Rust: {error}", text(&call.path))
}

fn file(path: &Path) -> Result<Vec<Item>, String> {
    let source = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    parse(&source).map_err(|error| format!("{}: {error}", path.display()))
}

/// The items of a source, unless it is for tests only.
pub(crate) fn parse(source: &str) -> Result<Vec<Item>, String> {
    let file = syn::parse_file(source).map_err(|error| error.to_string())?;
    Ok(if is_test(&file.attrs) { Vec::new() } else { file.items })
}

fn file_of(folder: &Path, name: &str) -> PathBuf {
    let beside = folder.join(format!("{name}.rs"));
    if beside.exists() { beside } else { folder.join(name).join("mod.rs") }
}

/// `a::{b as c, d::*}` as (a::b, c) and (a::d, all).
fn flatten(tree: &UseTree, before: &mut Vec<String>, flat: &mut Vec<(Vec<String>, Option<String>)>) {
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, flat);
            before.pop();
        }
        UseTree::Name(name) if name.ident == "self" => flat.push((before.clone(), before.last().cloned())),
        UseTree::Name(name) => {
            let name = name.ident.to_string();
            flat.push(([before.as_slice(), std::slice::from_ref(&name)].concat(), Some(name)));
        }
        UseTree::Rename(name) => {
            let mut path = before.clone();
            path.extend((name.ident != "self").then(|| name.ident.to_string()));
            flat.push((path, Some(name.rename.to_string())));
        }
        UseTree::Glob(_) => flat.push((before.clone(), None)),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, before, flat)),
    }
}

pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The conditions in `#[cfg(…)]`.
pub(crate) fn conditions(attributes: &[Attribute]) -> Vec<String> {
    let condition = |attribute: &Attribute| match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => Some(text(&list.tokens)),
        _ => None,
    };
    attributes.iter().filter_map(condition).collect()
}

/// Whether something is there in tests only.
fn is_test(attributes: &[Attribute]) -> bool {
    conditions(attributes).iter().any(|condition| condition == "test" || condition.starts_with("all(test"))
}

pub(crate) fn name_of(item: &Item) -> String {
    match item {
        Item::Const(item) => item.ident.to_string(),
        Item::Enum(item) => item.ident.to_string(),
        Item::Fn(item) => item.sig.ident.to_string(),
        Item::Static(item) => item.ident.to_string(),
        Item::Struct(item) => item.ident.to_string(),
        Item::Trait(item) => item.ident.to_string(),
        Item::Type(item) => item.ident.to_string(),
        Item::Union(item) => item.ident.to_string(),
        _ => String::new(),
    }
}

pub(crate) fn visibility(item: &Item) -> Option<&Visibility> {
    match item {
        Item::Const(item) => Some(&item.vis),
        Item::Enum(item) => Some(&item.vis),
        Item::Fn(item) => Some(&item.vis),
        Item::Static(item) => Some(&item.vis),
        Item::Struct(item) => Some(&item.vis),
        Item::Trait(item) => Some(&item.vis),
        Item::Type(item) => Some(&item.vis),
        Item::Union(item) => Some(&item.vis),
        _ => None,
    }
}

pub(crate) fn is_public(visibility: Option<&Visibility>) -> bool {
    matches!(visibility, Some(Visibility::Public(_)))
}

pub(crate) fn has(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident(name))
}

pub(crate) fn is_hidden(attributes: &[Attribute]) -> bool {
    let hides =
        |attribute: &Attribute| matches!(&attribute.meta, syn::Meta::List(list) if text(&list.tokens) == "hidden");
    attributes.iter().any(|attribute| attribute.path().is_ident("doc") && hides(attribute))
}
