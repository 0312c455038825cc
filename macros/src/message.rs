//! `#[derive(Message)]`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Data, DeriveInput, Field, GenericParam, Generics, Index, Member, Type, parse_quote};

use crate::errors::Errors;
use crate::options;
use crate::types::{self, Answer, Flaw};

/// What the derive needs to know of a message.
struct Model {
    answer: Answer,
    /// The function of `size = ..`.
    size: Option<TokenStream>,
    key: Option<(Member, Type)>,
}

pub(crate) fn derive(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let mut errors = Errors::default();
    let model = check(&input, &mut errors);
    // With a lifetime it cannot be a message, and each impl would say so again.
    let can_be = input.generics.lifetimes().next().is_none();
    let made = can_be.then(|| expand(&input, &model));
    let errors = errors.into_tokens();
    quote! { #made #errors }
}

fn check(input: &DeriveInput, errors: &mut Errors) -> Model {
    for param in input.generics.lifetimes() {
        errors.on(param, "a message outlives its sender, so it owns what it carries: take no lifetime");
    }
    if let Data::Union(data) = &input.data {
        errors.on(data.union_token, "a message is a `struct` or an `enum`");
    }
    let (answer, size) = options(&input.attrs, errors);
    Model { answer, size, key: key(input, errors) }
}

/// `#[message(reply = T, size = function)]`; without a reply it is `()`.
fn options(attrs: &[Attribute], errors: &mut Errors) -> (Answer, Option<TokenStream>) {
    let (mut answer, mut size) = (None, None);
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("message")) {
        for opt in options::of_attribute(attr, errors) {
            if opt.name == "size" {
                if size.is_some() {
                    errors.on(&opt.name, "`size` stands here twice: write it once");
                }
                size = opt.expression("|message| message.text.len()", errors);
            } else if opt.name != "reply" {
                options::unknown(&opt, "#[message(..)]", &["reply", "size"], errors);
            } else if answer.is_some() {
                errors.on(&opt.name, "`reply` stands here twice: write it once");
            } else if let Some(ty) = opt.ty("Result<i64, Insufficient>", errors) {
                answer = Some(Answer::of(&reply(ty, errors), false));
            }
        }
    }
    (answer.unwrap_or_else(Answer::unit), size)
}

fn reply(ty: Type, errors: &mut Errors) -> Type {
    match types::flaw(&ty) {
        None => ty,
        Some(Flaw::Borrowed { tokens, .. }) => {
            errors.on(
                tokens,
                "an answer outlives the handler, so it is owned: take no reference and no lifetime",
            );
            types::made_static(&ty)
        }
        Some(Flaw::Unnamed { tokens }) => {
            errors.on(tokens, "an answer has a named type: write it out");
            parse_quote!(())
        }
    }
}

/// The one field with `#[key]`.
fn key(input: &DeriveInput, errors: &mut Errors) -> Option<(Member, Type)> {
    let mut key = None;
    match &input.data {
        Data::Struct(data) => {
            for (index, field) in data.fields.iter().enumerate() {
                let Some(attr) = key_attr(field, errors) else { continue };
                if key.is_some() {
                    errors.on(attr, TWO_KEYS);
                    continue;
                }
                let member =
                    field.ident.clone().map_or_else(|| Member::Unnamed(Index::from(index)), Member::Named);
                key = Some((member, field.ty.clone()));
            }
        }
        Data::Enum(data) => {
            for field in data.variants.iter().flat_map(|variant| &variant.fields) {
                if let Some(attr) = key_attr(field, errors) {
                    errors
                        .on(attr, "an enum has no `#[key]`: implement `Keyed` by hand, or make it a struct");
                }
            }
        }
        Data::Union(_) => {}
    }
    key
}

pub(crate) const TWO_KEYS: &str =
    "a message has one `#[key]`: to route by several values make them one tuple, such as `(u32, String)`";

fn key_attr<'a>(field: &'a Field, errors: &mut Errors) -> Option<&'a Attribute> {
    let mut attrs = field.attrs.iter().filter(|attr| attr.path().is_ident("key"));
    let attr = attrs.next()?;
    for again in attrs {
        errors.on(again, "`#[key]` stands here twice: write it once");
    }
    if attr.meta.require_path_only().is_err() {
        errors.on(attr, "`#[key]` takes no options: write `#[key]`");
    }
    Some(attr)
}

fn expand(input: &DeriveInput, model: &Model) -> TokenStream {
    let name = &input.ident;
    let generics = sendable(&input.generics);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (_, type_generics, _) = input.generics.split_for_impl();
    let target = quote! { #name #type_generics };
    let key = model.key.as_ref().map(|(member, ty)| {
        keyed(&quote! { impl #impl_generics }, &target, where_clause.to_token_stream(), &quote!(#member), ty)
    });
    let message = message(
        &quote! { impl #impl_generics },
        &target,
        where_clause.to_token_stream(),
        &model.answer,
        model.size.as_ref(),
    );
    quote! { #message #key }
}

/// `impl Message for target`.
pub(crate) fn message(
    header: &TokenStream,
    target: &TokenStream,
    where_clause: TokenStream,
    answer: &Answer,
    size: Option<&TokenStream>,
) -> TokenStream {
    let size = size.map(|size| {
        quote! {
            fn size(&self) -> usize {
                let size: fn(&Self) -> usize = #size;
                size(self)
            }
        }
    });
    let reply = &answer.reply;
    let refusal = answer.refusal_or_never();
    quote! {
        #[automatically_derived]
        #header ::ostraca::__private::Message for #target #where_clause {
            type Reply = #reply;
            type Refusal = #refusal;

            #size
        }
    }
}

/// `impl Keyed for target`.
pub(crate) fn keyed(
    header: &TokenStream,
    target: &TokenStream,
    where_clause: TokenStream,
    member: &TokenStream,
    ty: &Type,
) -> TokenStream {
    quote! {
        #[automatically_derived]
        #header ::ostraca::__private::Keyed for #target #where_clause {
            type Key = #ty;

            fn key(&self) -> &#ty {
                &self.#member
            }
        }
    }
}

/// The same parameters, each `Send + 'static`, as a message is.
fn sendable(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    for param in &mut generics.params {
        if let GenericParam::Type(param) = param {
            param.bounds.push(parse_quote!(::core::marker::Send));
            param.bounds.push(parse_quote!('static));
        }
    }
    generics
}
