//! What is made for `limit`, `shed`, `priority` and `breaker`: nothing, where none of them stands.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::check_overload::{Breaker, Limit, Shed};
use super::expand_turns::Locals;
use super::model::{Handler, Model};
use crate::{duration, names};

/// The field of the views that holds the guard.
fn guard_field(model: &Model) -> Ident {
    names::fresh("guard", &taken(model))
}

/// The field of the views that holds a handler's breaker.
fn breaker_field(model: &Model, handler: &Handler) -> Ident {
    names::fresh(&format!("breaker_of_{}", names::plain(&handler.method)), &taken(model))
}

fn taken(model: &Model) -> TokenStream {
    let views = model.views.iter().map(|view| &view.method);
    let caches = model.caches().map(|handler| &handler.method);
    quote! { #(#views)* #(#caches)* }
}

/// The fields of the views, as they are declared and as they are made.
pub(super) fn fields(model: &Model) -> (TokenStream, TokenStream) {
    let (mut types, mut values) = (TokenStream::new(), TokenStream::new());
    if model.settings.has_guard() {
        let field = guard_field(model);
        let limit = option(model.settings.limit.as_ref().map(limit));
        let shedder = option(model.settings.shed.as_ref().map(shedder));
        types.extend(quote! { #field: ::ostraca::__private::Guard, });
        values.extend(quote! { #field: ::ostraca::__private::Guard::new(#limit, #shedder), });
    }
    for handler in &model.handlers {
        let Some(options) = &handler.overload.breaker else { continue };
        let (field, value) = (breaker_field(model, handler), breaker(options));
        types.extend(quote! { #field: ::ostraca::__private::Breaker, });
        values.extend(quote! { #field: #value, });
    }
    (types, values)
}

fn option(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote! { ::core::option::Option::Some(#value) },
        None => quote! { ::core::option::Option::None },
    }
}

fn limit(limit: &Limit) -> TokenStream {
    let bounds = (limit.min.is_some() || limit.max.is_some()).then(|| {
        let min = limit.min.clone().unwrap_or_else(|| quote! { 1 });
        let max = limit.max.clone().unwrap_or_else(|| quote! { 1000 });
        quote! { .bounds(#min, #max) }
    });
    quote! { <::ostraca::__private::LimitSettings as ::core::default::Default>::default() #bounds }
}

fn shedder(shed: &Shed) -> TokenStream {
    let (target, interval) = (duration::expression(shed.target), duration::expression(shed.interval));
    quote! { ::ostraca::__private::Shedder::new(#target, #interval) }
}

fn breaker(breaker: &Breaker) -> TokenStream {
    let mut calls = TokenStream::new();
    if let Some(failures) = &breaker.failures {
        calls.extend(quote! { .failures_in_a_row(#failures) });
    }
    if let Some((first, most)) = breaker.open {
        let (first, most) = (duration::expression(first), duration::expression(most));
        calls.extend(quote! { .open_for(#first).open_max(#most) });
    }
    if let Some(trials) = &breaker.trials {
        calls.extend(quote! { .trials(#trials) });
    }
    let mut timed = |name: &str, value: Option<Duration>| {
        if let Some(value) = value {
            let (name, value) = (format_ident!("{name}"), duration::expression(value));
            calls.extend(quote! { .#name(#value) });
        }
    };
    timed("trial_max", breaker.trial_max);
    timed("slow_after", breaker.slow);
    quote! { ::ostraca::__private::Breaker::new() #calls }
}

/// `Handles::CHECKED` and `Handles::admits`.
pub(super) fn admits(model: &Model, handler: &Handler) -> Option<TokenStream> {
    if !handler.is_checked() {
        return None;
    }
    let (views, len) = (names::local("views"), names::local("len"));
    let guard = model.settings.has_guard().then(|| {
        let (field, priority) = (guard_field(model), priority(handler));
        quote! { && #views.#field.admits(#priority, #len) }
    });
    let breaker = handler.overload.breaker.is_some().then(|| {
        let field = breaker_field(model, handler);
        quote! { && #views.#field.is_passable() }
    });
    Some(quote! {
        const CHECKED: bool = true;

        fn admits(#views: &<Self as ::ostraca::__private::Actor>::Views, #len: usize) -> bool {
            let _ = (#views, #len);
            true #breaker #guard
        }
    })
}

fn priority(handler: &Handler) -> TokenStream {
    let variant = handler.overload.priority.as_ref().map_or("Normal", |(_, variant)| variant);
    let variant = format_ident!("{variant}");
    quote! { ::ostraca::__private::Priority::#variant }
}

/// What a variant of the actor's enum holds beside its envelope.
pub(super) fn stamp_type(model: &Model) -> Option<TokenStream> {
    model.settings.has_guard().then(|| quote! { , ::ostraca::__private::Stamp })
}

/// And how it is made, when a message is put there.
pub(super) fn stamp(model: &Model) -> Option<TokenStream> {
    model.settings.has_guard().then(|| quote! { , ::ostraca::__private::Stamp::now() })
}

/// The arm of `handle` for a handler that something stands before. `body` runs if the message passes.
pub(super) fn arm(
    model: &Model,
    handler: &Handler,
    index: usize,
    body: &TokenStream,
    locals: &Locals,
) -> TokenStream {
    let Locals { ctx, turn, envelope, stamp, guarded, .. } = locals;
    let enum_name = model.enum_name();
    let variant = names::made(&handler.variant);
    if !handler.is_checked() {
        return quote! { #enum_name::#variant(#envelope) => #body, };
    }
    let stamped = model.settings.has_guard().then(|| quote! { , #stamp });
    let guard = option(model.settings.has_guard().then(|| {
        let (field, priority) = (guard_field(model), priority(handler));
        quote! { (#ctx.views().#field.clone(), #priority, #stamp) }
    }));
    let breaker = option(handler.overload.breaker.is_some().then(|| {
        let field = breaker_field(model, handler);
        quote! { #ctx.views().#field.clone() }
    }));
    let (guard_local, breaker_local) = (names::local("guard"), names::local("breaker"));
    quote! {
        #enum_name::#variant(#envelope #stamped) => {
            let (#guard_local, #breaker_local) = (#guard, #breaker);
            match ::ostraca::__private::pass(#ctx, #envelope, #index, #guard_local, #breaker_local) {
                ::core::option::Option::Some((#envelope, #guarded)) => #body,
                ::core::option::Option::None => #turn.done(),
            }
        }
    }
}

/// Says how the call ended, to what stood before it. `answer`: the answer's local, if it is a `Result` that counts.
pub(super) fn ended(handler: &Handler, answer: Option<&Ident>, locals: &Locals) -> Option<TokenStream> {
    if !handler.is_checked() {
        return None;
    }
    let guarded = &locals.guarded;
    let is_answer = match answer {
        Some(answer) => quote! { ::core::result::Result::is_ok(&#answer) },
        None => quote! { true },
    };
    Some(quote! { #guarded.ended(#is_answer); })
}
