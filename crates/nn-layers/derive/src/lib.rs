#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    Data, DeriveInput, Error, Field, Fields, GenericParam, LitStr, Result, Type, parse_macro_input, parse_quote,
};

/// Implements `Module` for a struct or an enum: its fields are walked in order, each under its own name.
///
/// Of an enum, the fields of the variant at hand are walked as if the variant were a struct: under their own names, or by
/// number, `0`, `1` …, where they have none. The variant's name is no part of a parameter's. PyTorch has no enums: this
/// way, a state dict of either side fits whichever variant has its names. A variant without fields has no parameters.
///
/// The number type is the type parameter called `F` if there is one, else `f32`; `#[module(float = f64)]` on the type
/// says otherwise. Every other type parameter that a walked field is made of has to be a module. On a field,
/// `#[module(skip)]` leaves it out and `#[module(rename = "name")]` gives it another name in the state dict.
///
/// What cannot be a module is refused in place, with what would fit: unions, fields that are references or `Result`s,
/// two fields of one name, names that have a dot in them, options that there are not.
#[proc_macro_derive(Module, attributes(module))]
pub fn derive_module(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(Error::into_compile_error).into()
}

fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let float = float_of(input)?;
    let krate = krate();
    let name = &input.ident;
    let mut walked: Vec<Ident> = Vec::new();
    let arms = arms_of(&input.data, &mut walked)?;
    let walk = arms.iter().map(|arm| arm.walk(&quote!(walk), &krate, &float));
    let walk_mut = arms.iter().map(|arm| arm.walk(&quote!(walk_mut), &krate, &float));
    // A reference counts as inhabited: of an enum without variants, what it refers to has to be matched.
    let matched = if arms.is_empty() { quote!(*self) } else { quote!(self) };
    let mut generics = input.generics.clone();
    for parameter in &mut generics.params {
        if let GenericParam::Type(parameter) = parameter {
            if parameter.ident == quote!(#float).to_string() {
                parameter.bounds.push(parse_quote!(#krate::Real));
            } else if walked.contains(&parameter.ident) {
                parameter.bounds.push(parse_quote!(#krate::Module<#float>));
            }
        }
    }
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (_, type_generics, _) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        #[diagnostic::do_not_recommend] // or an error about one type would list many others
        impl #impl_generics #krate::Module<#float> for #name #type_generics #where_clause {
            fn walk<'module>(&'module self, walk: &mut #krate::Walk<'module, '_, #float>) {
                let _ = &walk;
                match #matched { #(#walk)* }
            }
            fn walk_mut<'module>(&'module mut self, walk: &mut #krate::WalkMut<'module, '_, #float>) {
                let _ = &walk;
                match #matched { #(#walk_mut)* }
            }
        }
    })
}

/// The fields of a struct or of one variant that are walked.
struct Arm<'input> {
    /// `Self`, or `Self::Variant`.
    path: TokenStream,
    /// For each field: the place in the pattern, the name in a state dict, and the type.
    fields: Vec<(TokenStream, String, &'input Type)>,
}

impl Arm<'_> {
    /// The arm of a `match`. The calls name the fields' types, and both walks name them in the same words: a field
    /// that is no module is then one complaint, at its type, and not two about the arguments of a method.
    fn walk(&self, method: &TokenStream, krate: &TokenStream, float: &Type) -> TokenStream {
        let (mut bindings, mut calls) = (TokenStream::new(), TokenStream::new());
        for (i, (place, name, ty)) in self.fields.iter().enumerate() {
            let binding = format_ident!("field_{i}");
            bindings.extend(quote!(#place: #binding,));
            let call = quote_spanned!(ty.span()=> <#ty as #krate::Module<#float>>::#method(#binding, walk));
            calls.extend(quote! {
                let before = walk.enter(#name);
                #call;
                walk.leave(before);
            });
        }
        let path = &self.path;
        quote!(#path { #bindings .. } => { #calls })
    }
}

/// One arm for a struct, one for each variant of an enum. Notes of what the walked fields' types are made.
fn arms_of<'input>(data: &'input Data, walked: &mut Vec<Ident>) -> Result<Vec<Arm<'input>>> {
    match data {
        Data::Struct(data) => Ok(vec![arm(quote!(Self), &data.fields, walked)?]),
        Data::Enum(data) => {
            let arms = data.variants.iter().map(|variant| {
                let name = &variant.ident;
                if let Some(attribute) = variant.attrs.iter().find(|attribute| attribute.path().is_ident("module")) {
                    let message = "a variant takes no options: its name is no part of a parameter's; `skip` and `rename` go on its fields";
                    return Err(Error::new_spanned(attribute, message));
                }
                arm(quote!(Self::#name), &variant.fields, walked)
            });
            arms.collect()
        }
        Data::Union(data) => {
            let message = "a union does not know which of its fields it holds, so it is no module; an enum can be one";
            Err(Error::new_spanned(data.union_token, message))
        }
    }
}

fn arm<'input>(path: TokenStream, all: &'input Fields, walked: &mut Vec<Ident>) -> Result<Arm<'input>> {
    let mut fields: Vec<(TokenStream, String, &Type)> = Vec::new();
    for (place, field) in places(all) {
        let options = FieldOptions::of(field)?;
        if options.skip {
            continue;
        }
        refuse(field)?;
        let name = options.name.unwrap_or_else(|| place.to_string().trim_start_matches("r#").to_owned());
        if fields.iter().any(|(_, other, _)| *other == name) {
            let message = format!("two fields are called `{name}`: each needs a name of its own in a state dict");
            return Err(Error::new_spanned(field, message));
        }
        if !is_phantom(&field.ty) {
            identifiers(field.ty.to_token_stream(), walked);
        }
        fields.push((place, name, &field.ty));
    }
    Ok(Arm { path, fields })
}

/// Refuses types of fields that are a slip of the pen rather than a module, which the compiler would explain at length.
fn refuse(field: &Field) -> Result<()> {
    let message = match &field.ty {
        Type::Reference(_) => "a module owns its parameters: leave the `&` out, or add `#[module(skip)]`",
        Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Result") => {
            "a `Result` is no module: hold what is in it, and put a `?` after the call that makes it"
        }
        _ => return Ok(()),
    };
    Err(Error::new_spanned(&field.ty, message))
}

/// Every identifier in these tokens: which type parameters a field's type is made of.
fn identifiers(tokens: TokenStream, found: &mut Vec<Ident>) {
    for token in tokens {
        match token {
            TokenTree::Ident(name) => found.push(name),
            TokenTree::Group(group) => identifiers(group.stream(), found),
            _ => {}
        }
    }
}

/// `PhantomData<T>` is a module whatever `T` is.
fn is_phantom(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "PhantomData"))
}

/// Named fields by name, numbered ones by number.
fn places(fields: &Fields) -> impl Iterator<Item = (TokenStream, &Field)> {
    fields.members().map(|member| member.to_token_stream()).zip(fields)
}

/// The path of the crate that has the trait: the facade if that is what the user depends on.
fn krate() -> TokenStream {
    let manifest = std::env::var("CARGO_MANIFEST_DIR")
        .ok()
        .and_then(|folder| std::fs::read_to_string(format!("{folder}/Cargo.toml")).ok())
        .unwrap_or_default();
    match root(&manifest) {
        Root::Facade => quote!(::gradus::nn_layers),
        Root::Layers => quote!(::gradus_nn_layers),
    }
}

#[derive(Debug, PartialEq)]
enum Root {
    Facade,
    Layers,
}

/// A direct dependency on the layers is used if there is one, else the facade.
fn root(manifest: &str) -> Root {
    let mentions = |name: &str| {
        manifest.lines().map(str::trim_start).any(|line| {
            let table = line.strip_prefix('[').and_then(|line| line.split_once(']')).map(|(table, _)| table);
            let key = table.map_or(line, |table| table.rsplit('.').next().unwrap_or(table));
            let key = key.trim_start_matches('"');
            key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '=', '.', '"', '\t']))
                || line.replace(' ', "") == format!("name=\"{name}\"")
        })
    };
    if !mentions("gradus-nn-layers") && mentions("gradus") { Root::Facade } else { Root::Layers }
}

fn float_of(input: &DeriveInput) -> Result<Type> {
    let mut float = None;
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("module")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("float") {
                float = Some(meta.value()?.parse()?);
                Ok(())
            } else {
                Err(meta.error("no such option of a type; there is `float = TYPE`"))
            }
        })?;
    }
    let has_f = input.generics.type_params().any(|parameter| parameter.ident == "F");
    Ok(float.unwrap_or_else(|| if has_f { parse_quote!(F) } else { parse_quote!(f32) }))
}

#[derive(Default)]
struct FieldOptions {
    skip: bool,
    name: Option<String>,
}

impl FieldOptions {
    fn of(field: &Field) -> Result<Self> {
        let mut options = Self::default();
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("module")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("skip") {
                    options.skip = true;
                } else if meta.path.is_ident("rename") {
                    let name = meta.value()?.parse::<LitStr>()?;
                    if name.value().is_empty() || name.value().contains('.') {
                        return Err(Error::new_spanned(name, "a name has at least one letter, and no dot"));
                    }
                    options.name = Some(name.value());
                } else {
                    return Err(meta.error("no such option of a field; there are `skip` and `rename = \"name\"`"));
                }
                Ok(())
            })?;
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trait_is_found_where_the_user_has_it() {
        assert_eq!(root("[dependencies]\ngradus = \"0.1\""), Root::Facade);
        assert_eq!(root("[dependencies.gradus]\nversion = \"0.1\""), Root::Facade);
        assert_eq!(root("[dependencies]\ngradus = \"0.1\"\ngradus-nn-layers = { path = \"x\" }"), Root::Layers);
        assert_eq!(root("[dependencies]\ngradus-nn-layers.workspace = true"), Root::Layers);
        assert_eq!(root("[package]\nname = \"gradus\"\n[dependencies]\nrand = \"0.10\""), Root::Facade);
    }

    #[test]
    fn what_cannot_be_a_module_is_refused() {
        let refused = |source: &str| expand(&syn::parse_str(source).unwrap()).unwrap_err().to_string();
        assert!(refused("union U { a: u8 }").contains("an enum can"));
        assert!(refused("enum E { #[module(skip)] A(u8) }").contains("a variant takes no options"));
        assert!(
            refused("enum E { A { a: u8, #[module(rename = \"a\")] b: u8 } }").contains("two fields are called `a`")
        );
        assert!(refused("struct S { #[module(hide)] a: u8 }").contains("skip"));
        assert!(refused("#[module(real = f64)] struct S;").contains("float"));
        assert!(refused("struct S { #[module(rename = \"a.b\")] a: u8 }").contains("no dot"));
        assert!(refused("struct S { a: u8, #[module(rename = \"a\")] b: u8 }").contains("two fields are called `a`"));
        assert!(refused("struct S<'a> { a: &'a u8 }").contains("leave the `&` out"));
        assert!(refused("struct S { a: crate::Result<u8> }").contains("put a `?`"));
        assert!(expand(&syn::parse_str("struct S<'a> { #[module(skip)] a: &'a u8 }").unwrap()).is_ok());
    }

    #[test]
    fn variants_may_share_names() {
        let source = "enum E { A { a: u8 }, B { a: u8 }, C(u8, u8), D }";
        assert!(expand(&syn::parse_str(source).unwrap()).is_ok());
    }
}
