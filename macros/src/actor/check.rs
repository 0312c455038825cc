//! Makes the model, and the errors about the impl as a whole. Those about one method are made in
//! `check_handler` and `check_lifecycle`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{GenericParam, Generics, ItemImpl, Type};

use super::check_handler::{self, Checked};
use super::check_lifecycle;
use super::check_overload;
use super::model::{Handler, Kind, Message, Model};
use super::parse::{Method, Parsed};
use super::settings::Settings;
use crate::errors::Errors;
use crate::types;

/// The actor's type, as the checks of its methods need it.
pub(crate) struct Actor<'a> {
    pub(crate) ty: &'a Type,
    pub(crate) generics: &'a Generics,
    /// All tokens of the methods' signatures: names that a message must not take.
    pub(crate) signatures: TokenStream,
}

/// Nothing where the impl is of no use even for recovery.
pub(crate) fn check(parsed: &Parsed, settings: Settings, errors: &mut Errors) -> Option<Model> {
    let name = check_impl(&parsed.item, errors)?;
    for attr in &parsed.astray {
        let path = attr.path().to_token_stream();
        errors.on(attr, format!("`#[{path}]` goes on a method: write it before a `fn`"));
    }
    let ty = (*parsed.item.self_ty).clone();
    let actor = Actor { ty: &ty, generics: &parsed.item.generics, signatures: signatures(&parsed.methods) };
    let mut start = None;
    let mut stop = None;
    let mut handlers = Vec::new();
    let mut views = Vec::new();
    // A handler too wrong to make anything of may be one that others name.
    let mut is_whole = true;
    for method in &parsed.methods {
        check_attributes(method, errors);
        let Some(attr) = method.attrs.first() else { continue };
        let method_name = &method.sig.ident;
        if attr.path().is_ident("start") {
            let checked = check_lifecycle::start(method, attr, &actor, errors);
            once(&mut start, checked, "start", method_name, errors);
        } else if attr.path().is_ident("stop") {
            let checked = check_lifecycle::stop(method, attr, errors);
            once(&mut stop, checked, "stop", method_name, errors);
        } else {
            match check_handler::check(method, attr, &actor, errors) {
                Some(Checked::Handler(handler)) => handlers.push(*handler),
                Some(Checked::View(view)) => views.push(*view),
                None => is_whole = false,
            }
        }
    }
    if start.is_none() {
        errors.at(
            Span::call_site(),
            format!(
                "an actor says how it starts: write `#[start] async fn start(ctx: &mut Context<Self>) -> Self` \
                 in `impl {name}`"
            ),
        );
    }
    if is_whole {
        check_invalidated(&handlers, errors);
    }
    check_overload::check_guarded(&mut handlers, &settings, errors);
    drop_clashing(&mut handlers, &name, errors);
    let generics = parsed.item.generics.clone();
    let is_broken = !errors.is_empty();
    let start = start.unwrap_or_default();
    let signatures = &actor.signatures;
    let taken = quote! { #ty #generics #signatures };
    Some(Model { taken, ty, name, generics, settings, start, stop, handlers, views, is_broken })
}

/// The actor's name.
fn check_impl(item: &ItemImpl, errors: &mut Errors) -> Option<Ident> {
    if let Some((_, path, _)) = &item.trait_ {
        let ty = types::text(&item.self_ty);
        errors.on(
            path,
            format!("`#[actor]` goes on the actor's own impl, not on a trait's: write `impl {ty} {{ .. }}`"),
        );
        return None;
    }
    let lifetimes: Vec<_> =
        item.generics.params.iter().filter(|param| matches!(param, GenericParam::Lifetime(_))).collect();
    for param in &lifetimes {
        errors.on(param, "an actor outlives its maker, so it owns its state: take no lifetime");
    }
    let segment = types::last_segment(&item.self_ty);
    if segment.is_none() {
        errors.on(&item.self_ty, "an actor is a struct or an enum of your own: write `impl Ledger { .. }`");
    }
    if lifetimes.is_empty() { segment.map(|segment| segment.ident.clone()) } else { None }
}

fn signatures(methods: &[Method]) -> TokenStream {
    let inputs = methods.iter().map(|method| &method.sig.inputs);
    let outputs = methods.iter().map(|method| &method.sig.output);
    quote! { #(#inputs)* #(#outputs)* }
}

fn check_attributes(method: &Method, errors: &mut Errors) {
    for attr in method.attrs.iter().skip(1) {
        errors.on(
            attr,
            "a method is one of `#[start]`, `#[stop]`, `#[handler]` and `#[cached]`: write one of them",
        );
    }
    for attr in &method.cfgs {
        errors.on(
            attr,
            "a handler is always there, because its message is a variant of one enum: \
             put the `#[cfg]` on the whole impl, or inside the method",
        );
    }
}

fn once<T>(place: &mut Option<T>, checked: T, which: &str, method: &Ident, errors: &mut Errors) {
    if place.is_some() {
        errors.on(method, format!("an actor has one `#[{which}]`: write it on one method"));
    } else {
        *place = Some(checked);
    }
}

/// Every name in `invalidates(..)` is a keyed cache.
fn check_invalidated(handlers: &[Handler], errors: &mut Errors) {
    let caches: Vec<&Ident> = handlers
        .iter()
        .filter(|handler| matches!(handler.kind, Kind::Cached { .. }))
        .map(|handler| &handler.method)
        .collect();
    for name in handlers.iter().flat_map(|handler| handler.invalidates.iter().chain(&handler.updates)) {
        if caches.contains(&name) {
            continue;
        }
        let known = caches.iter().map(|cache| format!("`{cache}`")).collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "this impl has none".to_owned() } else { format!("here: {known}") };
        errors.on(name, format!("`{name}` is no `#[cached]` method with a `#[key]` ({known})"));
    }
}

/// One handler a message, and one name a generated type. Of two that clash the second goes.
fn drop_clashing(handlers: &mut Vec<Handler>, actor: &Ident, errors: &mut Errors) {
    let mut taken: Vec<(String, String)> = ["", "Message", "Methods", "Views"]
        .iter()
        .map(|suffix| (format!("{actor}{suffix}"), format!("`#[actor] impl {actor}`")))
        .collect();
    let mut variants: Vec<Ident> = Vec::new();
    handlers.retain(|handler| {
        let message = match &handler.message {
            Message::Made { name, .. } => name.to_string(),
            Message::Own(ty) => types::text(ty),
        };
        let clash = taken.iter().find(|(name, _)| *name == message).map(|(_, by)| by.clone());
        match (&handler.message, clash) {
            (Message::Made { name, .. }, Some(by)) => errors.on(
                name,
                format!(
                    "the message of this handler would be named `{message}`, as that of {by}: \
                     give it another with `message = Name` in the attribute"
                ),
            ),
            (Message::Own(ty), Some(by)) => {
                errors.on(ty, format!("`{message}` is handled by {by} already: a message has one handler"));
            }
            (_, None) if variants.contains(&handler.variant) => errors.on(
                &handler.method,
                format!("two methods would be named `{}` in the actor's enum: rename one", handler.variant),
            ),
            (_, None) => {
                variants.push(handler.variant.clone());
                taken.push((message, format!("`{}`", handler.method)));
                return true;
            }
        }
        false
    });
}
