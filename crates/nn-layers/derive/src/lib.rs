#![doc = include_str!("../README.md")]

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    Data, DeriveInput, Error, Field, Fields, GenericParam, LitStr, Result, Type, parse_macro_input, parse_quote,
};

/// Implements `Module` for a struct: its fields are walked in order, each under its own name.
///
/// The number type is the type parameter called `F` if there is one, else `f32`; `#[module(float = f64)]` on the struct
/// says otherwise. Every other type parameter that a walked field is made of has to be a module. On a field, `#[module(skip)]` leaves it out and
/// `#[module(rename = "name")]` gives it another name in the state dict.
#[proc_macro_derive(Module, attributes(module))]
pub fn derive_module(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(Error::into_compile_error).into()
}

fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "Module can be derived for structs only"));
    };
    let float = float_of(input)?;
    let krate = krate();
    let name = &input.ident;
    let (mut walk, mut walk_mut) = (TokenStream::new(), TokenStream::new());
    let mut names: Vec<String> = Vec::new();
    let mut walked: Vec<Ident> = Vec::new();
    for (place, field) in fields(&data.fields) {
        let options = FieldOptions::of(field)?;
        if options.skip {
            continue;
        }
        let name = options.name.unwrap_or_else(|| place.to_string().trim_start_matches("r#").to_owned());
        if names.contains(&name) {
            return Err(Error::new_spanned(field, format!("two fields are called `{name}`")));
        }
        names.push(name.clone());
        if !is_phantom(&field.ty) {
            identifiers(field.ty.to_token_stream(), &mut walked);
        }
        // The span makes a field that is no module the place of the compiler's complaint.
        let span = field.ty.span();
        walk.extend(quote_spanned!(span=> walk.field(#name, &self.#place);));
        walk_mut.extend(quote_spanned!(span=> walk.field(#name, &mut self.#place);));
    }
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
        impl #impl_generics #krate::Module<#float> for #name #type_generics #where_clause {
            fn walk<'module>(&'module self, walk: &mut #krate::Walk<'module, '_, #float>) {
                let _ = &walk;
                #walk
            }
            fn walk_mut<'module>(&'module mut self, walk: &mut #krate::WalkMut<'module, '_, #float>) {
                let _ = &walk;
                #walk_mut
            }
        }
    })
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
fn fields(fields: &Fields) -> impl Iterator<Item = (TokenStream, &Field)> {
    fields.iter().enumerate().map(|(i, field)| {
        let place = match &field.ident {
            Some(name) => quote!(#name),
            None => {
                let index = syn::Index::from(i);
                quote!(#index)
            }
        };
        (place, field)
    })
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
                Err(meta.error("expected `float = TYPE`"))
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
                    return Err(meta.error("expected `skip` or `rename = \"name\"`"));
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
    fn enums_and_unknown_options_are_refused() {
        let refused = |source: &str| expand(&syn::parse_str(source).unwrap()).unwrap_err().to_string();
        assert!(refused("enum E { A }").contains("structs only"));
        assert!(refused("struct S { #[module(hide)] a: u8 }").contains("skip"));
        assert!(refused("#[module(real = f64)] struct S;").contains("float"));
        assert!(refused("struct S { #[module(rename = \"a.b\")] a: u8 }").contains("no dot"));
        assert!(refused("struct S { a: u8, #[module(rename = \"a\")] b: u8 }").contains("two fields are called `a`"));
    }
}
