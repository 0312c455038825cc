//! Puts the generated items together.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, parse_quote};

use super::model::Model;
use super::{expand_actor, expand_messages, expand_methods, expand_views};

pub(super) fn expand(model: &Model) -> TokenStream {
    let messages = model.handlers.iter().map(|handler| expand_messages::message(model, handler));
    let message_enum = expand_messages::message_enum(model);
    let handles = model
        .handlers
        .iter()
        .enumerate()
        .map(|(index, handler)| expand_messages::handles(model, handler, index));
    let views = expand_views::expand(model);
    let methods = expand_methods::expand(model);
    let actor = expand_actor::expand(model);
    quote! { #(#messages)* #message_enum #(#handles)* #views #methods #actor }
}

/// The user's documentation for an item that is not where they wrote it, or `instead` if there is none.
pub(super) fn docs(model: &Model, docs: &[Attribute], instead: &str) -> TokenStream {
    if docs.is_empty() {
        return quote! { #[doc = #instead] };
    }
    let docs = docs.iter().map(|attr| retargeted(attr, &model.name.to_string()));
    quote! { #(#docs)* }
}

/// Links to `Self::..` become links to the actor's.
fn retargeted(attr: &Attribute, actor: &str) -> Attribute {
    if let Meta::NameValue(pair) = &attr.meta
        && let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value
        && text.value().contains("Self::")
    {
        let text = text.value().replace("Self::", &format!("{actor}::"));
        return parse_quote!(#[doc = #text]);
    }
    attr.clone()
}
