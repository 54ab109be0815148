//! What of a crate's modules can be reached from outside, a line each.

use std::collections::HashMap;
use std::path::Path;

use proc_macro2::TokenTree;
use quote::ToTokens;
use syn::{
    Attribute, Fields, FnArg, ImplItem, Item, Pat, ReceiverKind, Safety, Signature, TraitItem, Type, Visibility,
};

use crate::source::{self, Crate, attributes, conditions, has, is_hidden, is_public};
use crate::text::{text, verbatim};

/// The listing of the crate whose root is this file.
pub(crate) fn public_api(name: &str, root: &Path) -> Result<Vec<String>, String> {
    Ok(Api::of(name, &Crate::read(root)?).lines())
}

/// The listing of a crate that is one file.
pub(crate) fn of_source(name: &str, source: &str) -> Result<Vec<String>, String> {
    Ok(Api::of(name, &Crate::of(source::parse(source)?, Path::new(""))?).lines())
}

/// An item: its module, and its place among the items of that.
pub(crate) type Id = (usize, usize);

/// What a path leads to.
#[derive(Clone)]
pub(crate) enum Target {
    Item(Id),
    Module(usize),
    External(Vec<String>),
}

pub(crate) struct Api<'a> {
    pub(crate) of: &'a Crate,
    /// Public items and modules, and the shortest path to each.
    pub(crate) items: HashMap<Id, String>,
    pub(crate) modules: HashMap<usize, String>,
    /// Path, rank below it, line.
    found: Vec<(String, u8, String)>,
}

impl<'a> Api<'a> {
    fn of(name: &str, of: &'a Crate) -> Self {
        let mut api = Api { of, items: HashMap::new(), modules: HashMap::new(), found: Vec::new() };
        api.walk(name);
        for module in 0..of.0.len() {
            for item in &of.0[module].items {
                match item {
                    Item::Impl(block) if !is_hidden(&block.attrs) => api.block(module, block),
                    Item::Macro(item) => api.exported_macro(name, item),
                    Item::Fn(item) => api.derive_macro(item),
                    _ => {}
                }
            }
        }
        api
    }

    fn lines(mut self) -> Vec<String> {
        self.found.sort();
        self.found.dedup();
        self.found.into_iter().map(|(_, _, line)| line).collect()
    }

    pub(crate) fn line(&mut self, path: &str, rank: u8, conditions: &[String], line: &str) {
        let mut conditions: Vec<_> = conditions.iter().map(|condition| format!("#[cfg({condition})] ")).collect();
        conditions.sort();
        conditions.dedup();
        self.found.push((path.to_owned(), rank, conditions.concat() + line));
    }

    pub(crate) fn item(&mut self, id: Id, path: &str, conditions: &[String]) {
        if let Some(first) = self.items.get(&id) {
            let line = format!("pub use {path} = {first}");
            if first != path {
                self.line(path, 0, conditions, &line);
            }
            return;
        }
        let of = self.of;
        let item = &of.0[id.0].items[id.1];
        if matches!(item, Item::Impl(_) | Item::Macro(_)) || matches!(item, Item::Fn(item) if derives(item).is_some()) {
            return;
        }
        self.items.insert(id, path.to_owned());
        let conditions = [conditions, &source::conditions(attributes(item))].concat();
        let open = if has(attributes(item), "non_exhaustive") { "#[non_exhaustive] " } else { "" };
        let bounds = |generics: &syn::Generics| {
            generics.where_clause.as_ref().map(|clause| format!(" {}", text(clause))).unwrap_or_default()
        };
        match item {
            Item::Struct(item) => {
                let generics = text(&item.generics) + &bounds(&item.generics);
                let body = match &item.fields {
                    Fields::Named(_) if item.fields.iter().all(|field| is_public(Some(&field.vis))) => {
                        " { public fields only }".to_owned()
                    }
                    Fields::Named(_) => " { .. }".to_owned(),
                    Fields::Unnamed(fields) => {
                        let field = |field: &syn::Field| match &field.vis {
                            Visibility::Public(_) => format!("pub {}", text(&field.ty)),
                            _ => "_".to_owned(),
                        };
                        format!("({});", fields.unnamed.iter().map(field).collect::<Vec<_>>().join(", "))
                    }
                    Fields::Unit => ";".to_owned(),
                };
                self.line(path, 1, &conditions, &format!("{open}pub struct {path}{generics}{body}"));
                for field in item.fields.iter().filter(|field| is_public(Some(&field.vis)) && !is_hidden(&field.attrs))
                {
                    if let Some(name) = &field.ident {
                        self.line(
                            path,
                            2,
                            &source::conditions(&field.attrs),
                            &format!("pub field {path}::{name}: {}", text(&field.ty)),
                        );
                    }
                }
                self.derived(path, &item.attrs, &conditions);
            }
            Item::Enum(item) => {
                let generics = text(&item.generics) + &bounds(&item.generics);
                self.line(path, 1, &conditions, &format!("{open}pub enum {path}{generics}"));
                for variant in item.variants.iter().filter(|variant| !is_hidden(&variant.attrs)) {
                    let fields: Vec<_> = variant
                        .fields
                        .iter()
                        .map(|field| match &field.ident {
                            Some(name) => format!("{name}: {}", text(&field.ty)),
                            None => text(&field.ty),
                        })
                        .collect();
                    let body = match &variant.fields {
                        Fields::Named(_) => format!(" {{ {} }}", fields.join(", ")),
                        Fields::Unnamed(_) => format!("({})", fields.join(", ")),
                        Fields::Unit => String::new(),
                    };
                    self.line(
                        path,
                        2,
                        &source::conditions(&variant.attrs),
                        &format!("pub variant {path}::{}{body}", variant.ident),
                    );
                }
                self.derived(path, &item.attrs, &conditions);
            }
            Item::Fn(item) => self.line(path, 1, &conditions, &format!("pub {}", signature(&item.sig, path))),
            Item::Const(item) => self.line(path, 1, &conditions, &format!("pub const {path}: {}", text(&item.ty))),
            Item::Static(item) => self.line(path, 1, &conditions, &format!("pub static {path}: {}", text(&item.ty))),
            Item::Type(item) => {
                let generics = text(&item.generics) + &bounds(&item.generics);
                self.line(path, 1, &conditions, &format!("pub type {path}{generics} = {}", text(&item.ty)));
            }
            Item::Trait(item) => {
                let supertraits =
                    if item.supertraits.is_empty() { String::new() } else { format!(": {}", text(&item.supertraits)) };
                let generics = text(&item.generics) + &supertraits + &bounds(&item.generics);
                let unsafety = if item.unsafety.is_some() { "unsafe " } else { "" };
                self.line(path, 1, &conditions, &format!("pub {unsafety}trait {path}{generics}"));
                for item in &item.items {
                    self.trait_item(path, item);
                }
            }
            other => self.line(path, 1, &conditions, &format!("pub {path}: {}", text(other))),
        }
    }

    fn trait_item(&mut self, path: &str, item: &TraitItem) {
        let provided = |there: bool| if there { " (provided)" } else { "" };
        let (attributes, line) = match item {
            TraitItem::Fn(item) => {
                let name = format!("{path}::{}", item.sig.ident);
                (&item.attrs, signature(&item.sig, &name) + provided(item.default.is_some()))
            }
            TraitItem::Const(item) => (
                &item.attrs,
                format!("const {path}::{}: {}{}", item.ident, text(&item.ty), provided(item.default.is_some())),
            ),
            TraitItem::Type(item) => {
                let bounds = if item.bounds.is_empty() { String::new() } else { format!(": {}", text(&item.bounds)) };
                (&item.attrs, format!("type {path}::{}{}{bounds}", item.ident, text(&item.generics)))
            }
            _ => return,
        };
        if !is_hidden(attributes) {
            self.line(path, 2, &conditions(attributes), &line);
        }
    }

    fn derived(&mut self, path: &str, attributes: &[Attribute], conditions: &[String]) {
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
            let list = syn::punctuated::Punctuated::<syn::Path, syn::Token![,]>::parse_terminated;
            for name in attribute.parse_args_with(list).into_iter().flatten() {
                self.line(path, 4, conditions, &format!("impl {} for {path} (derived)", text(name)));
            }
        }
    }

    /// An `impl`: its public functions and constants, or the trait.
    fn block(&mut self, module: usize, block: &syn::ItemImpl) {
        let conditions = conditions(&block.attrs);
        let (own, written) = self.type_of(module, &block.self_ty);
        let Some((name, _)) = &block.trait_ else {
            let Some(path) = own.public() else { return };
            let (path, written) = (path.to_owned(), written.as_str());
            let bare = block.generics.params.is_empty();
            let header = if bare { String::new() } else { format!(" where impl{}", text(&block.generics)) };
            let bounds =
                block.generics.where_clause.as_ref().map(|clause| format!(" {}", text(clause))).unwrap_or_default();
            for item in &block.items {
                let (visible, attributes, line) = match item {
                    ImplItem::Fn(item) => {
                        let name = format!("{written}::{}", item.sig.ident);
                        (&item.vis, &item.attrs, format!("pub {}", signature(&item.sig, &name)))
                    }
                    ImplItem::Const(item) => {
                        (&item.vis, &item.attrs, format!("pub const {written}::{}: {}", item.ident, text(&item.ty)))
                    }
                    _ => continue,
                };
                if is_public(Some(visible)) && !is_hidden(attributes) {
                    let conditions = [conditions.clone(), source::conditions(attributes)].concat();
                    self.line(&path, 3, &conditions, &format!("{line}{header}{bounds}"));
                }
            }
            return;
        };
        let of_trait = self.named(module, name);
        let home = match (&own, &of_trait) {
            (Owner::Private, _) | (_, Owner::Private) => return,
            (Owner::Public(path), _) | (Owner::Foreign, Owner::Public(path)) => path.clone(),
            // A type and a trait from elsewhere: only arguments of the trait can be ours.
            (Owner::Foreign, Owner::Foreign) => "~".to_owned(),
        };
        let name = match of_trait.public() {
            Some(path) => path.to_owned() + &text(name.segments.last().map(|segment| &segment.arguments)),
            None => text(name),
        };
        let bounds =
            block.generics.where_clause.as_ref().map(|clause| format!(" {}", text(clause))).unwrap_or_default();
        self.line(&home, 4, &conditions, &format!("impl{} {name} for {written}{bounds}", text(&block.generics)));
    }

    /// Whose a type is, and how it is written, with the public path where it has one.
    fn type_of(&self, module: usize, of: &Type) -> (Owner, String) {
        match of {
            Type::Path(path) if path.qself.is_none() => {
                let owner = self.named(module, &path.path);
                let written = match owner.public() {
                    Some(public) => {
                        public.to_owned() + &text(path.path.segments.last().map(|segment| &segment.arguments))
                    }
                    None => text(&path.path),
                };
                (owner, written)
            }
            Type::Reference(reference) => {
                let (owner, written) = self.type_of(module, &reference.elem);
                let lifetime = reference.lifetime.as_ref().map(|lifetime| format!("{lifetime} ")).unwrap_or_default();
                let mutable = if reference.mutability.is_some() { "mut " } else { "" };
                (owner, format!("&{lifetime}{mutable}{written}"))
            }
            Type::Group(group) => self.type_of(module, &group.elem),
            Type::Paren(paren) => self.type_of(module, &paren.elem),
            other => (Owner::Foreign, text(other)),
        }
    }

    fn named(&self, module: usize, path: &syn::Path) -> Owner {
        let path: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let found = self.resolve(module, &path, 0, false);
        let items = found.iter().filter_map(|target| match target {
            Target::Item(id) => Some(self.items.get(id).map_or(Owner::Private, |path| Owner::Public(path.clone()))),
            _ => None,
        });
        items.min_by_key(|owner| owner.public().is_none()).unwrap_or(Owner::Foreign)
    }

    fn exported_macro(&mut self, name: &str, item: &syn::ItemMacro) {
        if let Some(ident) = item.ident.as_ref().filter(|_| has(&item.attrs, "macro_export") && !is_hidden(&item.attrs))
        {
            let path = format!("{name}::{ident}");
            let arms: Vec<_> = item.mac.tokens.clone().into_iter().collect();
            let pattern = |arm: &[TokenTree]| arm.first().map(|pattern| verbatim(pattern.to_token_stream()));
            let ends = |token: &TokenTree| token.to_string() == ";";
            // Arms that begin with @ are the macro's own.
            for pattern in arms.split(ends).filter_map(pattern).filter(|pattern| !pattern.starts_with("(@")) {
                self.line(&path, 1, &conditions(&item.attrs), &format!("macro {path}! {pattern}"));
            }
        }
    }

    fn derive_macro(&mut self, item: &syn::ItemFn) {
        if let Some(derives) = derives(item) {
            self.line("derive", 1, &conditions(&item.attrs), &format!("derive {derives}"));
        }
    }
}

/// Whose a type or a trait is.
enum Owner {
    Public(String),
    Private,
    Foreign,
}

impl Owner {
    fn public(&self) -> Option<&str> {
        match self {
            Owner::Public(path) => Some(path),
            _ => None,
        }
    }
}

/// A function's signature under this name, bindings that a caller does not see left out.
fn signature(of: &Signature, name: &str) -> String {
    let argument = |argument: &FnArg| match argument {
        FnArg::Receiver(receiver) => {
            let mut receiver = receiver.clone();
            receiver.attrs.clear();
            if matches!(receiver.kind, ReceiverKind::Value) {
                receiver.mutability = None;
            }
            text(receiver)
        }
        FnArg::Typed(typed) => match &*typed.pat {
            Pat::Ident(name) => format!("{}: {}", name.ident, text(&typed.ty)),
            _ => format!("_: {}", text(&typed.ty)),
        },
    };
    let arguments: Vec<_> = of.inputs.iter().map(argument).collect();
    let constness = of.constness.map(|_| "const ").unwrap_or_default();
    let unsafety = if matches!(of.safety, Safety::Unsafe(_)) { "unsafe " } else { "" };
    let output = match &of.output {
        syn::ReturnType::Default => String::new(),
        syn::ReturnType::Type(_, of) => format!(" -> {}", text(of)),
    };
    let bounds = of.generics.where_clause.as_ref().map(|clause| format!(" {}", text(clause))).unwrap_or_default();
    format!("{constness}{unsafety}fn {name}{}({}){output}{bounds}", text(&of.generics), arguments.join(", "))
}

/// What a function derives, if it is a derive macro.
fn derives(item: &syn::ItemFn) -> Option<String> {
    let attribute = item.attrs.iter().find(|attribute| attribute.path().is_ident("proc_macro_derive"))?;
    Some(text(&attribute.meta.require_list().ok()?.tokens))
}
