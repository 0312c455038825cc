//! `#[start]` and `#[stop]`.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, FnArg, Type};

use super::check::Actor;
use super::model::{Start, Stop, StopParam};
use super::parse::Method;
use crate::errors::Errors;
use crate::options;
use crate::types::{self, Flaw};

pub(crate) fn start(method: &Method, attr: &Attribute, actor: &Actor<'_>, errors: &mut Errors) -> Start {
    no_options(attr, "#[start]", errors);
    no_generics(method, "`#[start]`", errors);
    let mut params = Vec::new();
    for input in &method.sig.inputs {
        match input {
            FnArg::Receiver(receiver) => errors.on(
                receiver,
                format!(
                    "there is no actor before it starts: write `fn {}(ctx: &mut Context<Self>, ..) -> Self`",
                    method.sig.ident
                ),
            ),
            FnArg::Typed(param) => params.push(start_param(&param.ty, actor, errors)),
        }
    }
    Start {
        method: Some(method.sig.ident.clone()),
        is_async: method.sig.asyncness.is_some(),
        is_result: returns_result(method, actor, errors),
        params,
    }
}

/// Nothing for the context.
fn start_param(ty: &Type, actor: &Actor<'_>, errors: &mut Errors) -> Option<Type> {
    if let Some(reference) = types::reference_to(ty, "Context") {
        if reference.mutability.is_none() {
            errors.on(ty, "the context is lent mutably: write `ctx: &mut Context<Self>`");
        }
        return None;
    }
    let written = types::without_self(ty, actor.ty);
    match types::flaw(ty) {
        None => Some(written),
        Some(Flaw::Borrowed { tokens, instead }) => {
            let take = take(instead);
            errors.on(
                tokens,
                format!("`#[start]` runs again at every restart, so it owns its arguments: {take}"),
            );
            Some(types::made_static(&written))
        }
        Some(Flaw::Unnamed { tokens }) => {
            errors.on(tokens, "`#[start]` takes named types: write the type, not `impl Trait`");
            Some(syn::parse_quote!(()))
        }
    }
}

/// "take `String`"
pub(super) fn take(instead: Option<String>) -> String {
    instead.map_or_else(|| "take a type without a lifetime".to_owned(), |owned| format!("take `{owned}`"))
}

/// `Self` is plain, any `Result` may fail.
fn returns_result(method: &Method, actor: &Actor<'_>, errors: &mut Errors) -> bool {
    let output = types::returned(&method.sig.output);
    let is_result = output.and_then(types::last_segment).is_some_and(|segment| segment.ident == "Result");
    let is_self = output.is_some_and(|ty| {
        let written = types::without_self(ty, actor.ty);
        written == *actor.ty
    });
    if !is_result && !is_self {
        let message = "`#[start]` returns the actor: write `-> Self`, or `-> Result<Self, StartError>`";
        match output {
            Some(ty) => errors.on(ty, message),
            None => errors.on(&method.sig.ident, message),
        }
    }
    is_result
}

pub(crate) fn stop(method: &Method, attr: &Attribute, errors: &mut Errors) -> Stop {
    no_options(attr, "#[stop]", errors);
    no_generics(method, "`#[stop]`", errors);
    let name = &method.sig.ident;
    let whole = format!("`fn {name}(&mut self, ctx: &mut Context<Self>, reason: &StopReason)`");
    let mut params = Vec::new();
    let takes_self = method.sig.receiver().is_some_and(|receiver| receiver.reference.is_some());
    if !takes_self {
        let tokens = method
            .sig
            .receiver()
            .map_or_else(|| name.to_token_stream(), |receiver| receiver.to_token_stream());
        errors.on(tokens, format!("`#[stop]` takes `&mut self`: write `fn {name}(&mut self)`, or {whole}"));
    }
    for input in &method.sig.inputs {
        let FnArg::Typed(param) = input else { continue };
        let found = if types::reference_to(&param.ty, "Context").is_some() {
            Some(StopParam::Context)
        } else {
            types::reference_to(&param.ty, "StopReason").map(|_| StopParam::Reason)
        };
        match found {
            Some(found) if !params.contains(&found) => params.push(found),
            _ => {
                errors.on(param, format!("`#[stop]` takes at most the context and the reason: write {whole}"))
            }
        }
    }
    if let Some(ty) = types::returned(&method.sig.output) {
        errors.on(ty, "nobody waits for what `#[stop]` returns: log it, and return nothing");
    }
    Stop { method: name.clone(), is_async: method.sig.asyncness.is_some(), params }
}

fn no_options(attr: &Attribute, owner: &str, errors: &mut Errors) {
    for opt in options::of_attribute(attr, errors) {
        options::unknown(&opt, owner, &[], errors);
    }
}

fn no_generics(method: &Method, owner: &str, errors: &mut Errors) {
    let generics: TokenStream = method.sig.generics.params.to_token_stream();
    if !generics.is_empty() {
        errors
            .on(generics, format!("{owner} cannot be generic: make the actor generic, `impl<T> Ledger<T>`"));
    }
}
