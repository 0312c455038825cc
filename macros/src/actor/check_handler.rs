//! `#[handler]`; and what it shares with `#[cached]`.

use proc_macro2::Ident;
use quote::{format_ident, quote};
use syn::{Attribute, Type};

use super::check::Actor;
use super::check_batch::{self, Asked};
use super::check_cached;
use super::check_overload;
use super::check_params::{self, Params};
use super::model::{Field, Handler, Kind, Message, Overload, View};
use super::parse::Method;
use crate::errors::Errors;
use crate::generics;
use crate::names;
use crate::options::{self, Opt};
use crate::types::{self, Answer, Flaw};

pub(crate) enum Checked {
    Handler(Box<Handler>),
    View(Box<View>),
}

/// Nothing for a method that no message can be made of.
pub(crate) fn check(
    method: &Method,
    attr: &Attribute,
    actor: &Actor<'_>,
    errors: &mut Errors,
) -> Option<Checked> {
    let name = &method.sig.ident;
    if let Some(by) = names::hidden_by(name) {
        errors.on(
            name,
            format!(
                "`{name}` could not be called: `{by}::{name}` of the reference comes first; name it otherwise"
            ),
        );
    }
    if let Some(token) = &method.sig.unsafety {
        errors.on(token, "a handler is called by the framework, which can promise nothing: remove `unsafe`");
    }
    let params = &method.sig.generics.params;
    if !params.is_empty() {
        let actor = types::text(actor.ty);
        errors.on(
            params,
            format!(
                "a handler cannot be generic, because its message is one type: name the type, \
                 or make the actor generic, such as `impl<T> {actor}<T>`"
            ),
        );
        return None;
    }
    if attr.path().is_ident("cached") {
        return check_cached::check(method, attr, actor, errors);
    }
    handler(method, attr, actor, errors).map(|handler| Checked::Handler(Box::new(handler)))
}

#[derive(Default)]
pub(super) struct Options {
    pub(super) batch: Option<Asked>,
    pub(super) message: Option<Ident>,
    pub(super) is_alias: bool,
    pub(super) invalidates: Vec<Ident>,
    pub(super) updates: Vec<Ident>,
    priority: Option<(Ident, &'static str)>,
    pub(super) breaker: Option<(Ident, check_overload::Breaker)>,
}

impl Options {
    pub(super) fn take_overload(&mut self) -> Box<Overload> {
        let breaker = self.breaker.take().map(|(_, breaker)| breaker);
        Box::new(Overload { is_guarded: false, priority: self.priority.take(), breaker })
    }
}

fn options(attr: &Attribute, errors: &mut Errors) -> Options {
    let mut options = Options::default();
    for opt in options::of_attribute(attr, errors) {
        match opt.name.to_string().as_str() {
            "batch" => options.batch = Some(check_batch::options(opt, errors)),
            "message" => options.message = opt.ident("PlaceOrder", errors),
            "reply" => options.is_alias = opt.word(&["result"], errors).is_some(),
            "invalidates" => options.invalidates.extend(caches(opt, "invalidates(balance)", errors)),
            "updates" => options.updates.extend(caches(opt, "updates(balance)", errors)),
            "priority" => options.priority = check_overload::priority(&opt, errors),
            "breaker" => options.breaker = Some(check_overload::breaker(opt, errors)),
            _ => {
                let known = ["batch", "message", "reply", "invalidates", "updates", "priority", "breaker"];
                options::unknown(&opt, "#[handler(..)]", &known, errors);
            }
        }
    }
    options
}

fn caches(opt: Opt, example: &str, errors: &mut Errors) -> Vec<Ident> {
    let named = opt.list(example, errors).into_iter().map(|cache| {
        cache.flag(errors);
        cache.name
    });
    named.collect()
}

fn handler(method: &Method, attr: &Attribute, actor: &Actor<'_>, errors: &mut Errors) -> Option<Handler> {
    let mut options = options(attr, errors);
    let reads = check_receiver(method, options.batch.is_some(), errors);
    let params = check_params::check(method, actor, errors);
    check_invalidates(&options, &params, method, errors);
    if options.batch.is_some() || params.batch.is_some() {
        return check_batch::check(method, options, params, actor, errors);
    }
    let answer = answer(method, options.is_alias, &params, actor, errors);
    if let Some((name, _)) = &options.breaker {
        check_overload::check_breaker(name, method, &params, Some(&answer), errors);
    }
    let overload = options.take_overload();
    let kind = if params.reply.is_some() { Kind::Deferred } else { Kind::Plain };
    let message = match params.own {
        Some(ty) => {
            refuse_name(options.message.as_ref(), &ty, errors);
            Message::Own(ty)
        }
        None if params.is_whole => made(method, options.message, params.fields, &answer, actor, errors),
        None => return None,
    };
    Some(Handler {
        method: method.sig.ident.clone(),
        variant: names::camel_case(&method.sig.ident),
        vis: method.vis.clone(),
        docs: method.docs.clone(),
        is_async: method.sig.asyncness.is_some(),
        reads,
        message,
        kind,
        params: params.list,
        answer,
        invalidates: options.invalidates,
        updates: options.updates,
        overload,
    })
}

/// Whether it takes `&self`.
fn check_receiver(method: &Method, is_batch: bool, errors: &mut Errors) -> bool {
    let name = &method.sig.ident;
    let is_async = if method.sig.asyncness.is_some() { "async " } else { "" };
    let takes_more = method.sig.inputs.iter().any(|input| matches!(input, syn::FnArg::Typed(_)));
    let rest = if takes_more { ", .." } else { "" };
    let what = if is_batch { "a batch handler" } else { "a handler" };
    let message = format!("{what} takes `&mut self`: write `{is_async}fn {name}(&mut self{rest})`");
    let Some(receiver) = method.sig.receiver() else {
        errors.on(name, message);
        return false;
    };
    match &*receiver.ty {
        Type::Reference(reference) if reference.mutability.is_some() => false,
        Type::Reference(_) if !is_batch => true,
        _ => {
            errors.on(receiver, message);
            false
        }
    }
}

/// What a plain or a deferred handler answers.
fn answer(
    method: &Method,
    is_alias: bool,
    params: &Params,
    actor: &Actor<'_>,
    errors: &mut Errors,
) -> Answer {
    let returned = types::returned(&method.sig.output);
    match (&params.reply, returned) {
        (Some(answer), None) => answer.clone(),
        (Some(answer), Some(ty)) => {
            errors.on(ty, "a handler with a `ReplyTo` answers through it, and returns nothing");
            answer.clone()
        }
        (None, Some(ty)) => Answer::of(&owned_answer(ty, actor, errors), is_alias),
        (None, None) => Answer::unit(),
    }
}

/// The type that a method answers, with `Self` written out.
pub(super) fn owned_answer(ty: &Type, actor: &Actor<'_>, errors: &mut Errors) -> Type {
    let written = types::without_self(ty, actor.ty);
    match types::flaw(ty) {
        None => written,
        Some(Flaw::Borrowed { tokens, instead }) => {
            let instead = instead.map_or_else(
                || "return a type without a lifetime".to_owned(),
                |owned| format!("return `{owned}`"),
            );
            errors.on(tokens, format!("an answer outlives the handler, so it is owned: {instead}"));
            types::made_static(&written)
        }
        Some(Flaw::Unnamed { tokens }) => {
            errors.on(
                tokens,
                "an answer has a named type: write it out instead of `impl Trait` \
                 (for a future, write `async fn` and its output)",
            );
            syn::parse_quote!(())
        }
    }
}

/// A message made from the arguments.
pub(super) fn made(
    method: &Method,
    name: Option<Ident>,
    fields: Vec<Field>,
    answer: &Answer,
    actor: &Actor<'_>,
    errors: &mut Errors,
) -> Message {
    let is_named = name.is_some();
    let mut name = name.unwrap_or_else(|| names::camel_case(&method.sig.ident));
    if let Some(clash) = name_clash(&name, actor) {
        // A method that cannot have its name needs no advice about its message's.
        if is_named || names::hidden_by(&method.sig.ident).is_none() {
            let instead = "give it another with `message = Name` in the attribute";
            errors
                .on(&name, format!("the message of this handler would be named `{name}`{clash}: {instead}"));
        }
        name = format_ident!("{name}Message");
    }
    let types = fields.iter().map(|field| &field.ty);
    let used_in = quote! { #(#types)* };
    let (reply, refusal) = (&answer.reply, &answer.refusal);
    let generics = generics::mentioned_in(&quote! { #used_in #reply #refusal }, actor.generics);
    let marker = generics::marker(&generics, &used_in);
    Message::Made { name, generics, fields, marker }
}

/// What the message's name collides with.
fn name_clash(name: &Ident, actor: &Actor<'_>) -> Option<String> {
    if names::is_prelude(name) {
        Some(format!(" and hide std's `{name}`"))
    } else if names::mentions_alone(&actor.signatures, name) {
        Some(", as a type in a signature here".to_owned())
    } else {
        None
    }
}

pub(super) fn refuse_name(name: Option<&Ident>, own: &Type, errors: &mut Errors) {
    if let Some(name) = name {
        let own = types::text(own);
        errors.on(name, format!("the message is `{own}` and keeps its name: remove `message = ..`"));
    }
}

fn check_invalidates(options: &Options, params: &Params, method: &Method, errors: &mut Errors) {
    for cache in options.updates.iter().filter(|cache| options.invalidates.contains(cache)) {
        errors.on(cache, format!("`{cache}` is invalidated here too: name it in one of the two"));
    }
    let named = [("invalidates", &options.invalidates), ("updates", &options.updates)];
    for (option, caches) in named {
        let Some(cache) = caches.first() else { continue };
        if params.reply.is_some() {
            let write = match option {
                "invalidates" => format!("ctx.views().{cache}.invalidate(&key)"),
                _ => format!("ctx.views().{cache}.insert(key, value, ctx.now())"),
            };
            errors.on(
                cache,
                format!("a handler with a `ReplyTo` chooses when it answers: write `{write}` before that"),
            );
            continue;
        }
        let has_key = params.fields.iter().any(|field| field.is_key);
        if !has_key && params.own.is_none() && params.batch.is_none() && options.batch.is_none() {
            let name = &method.sig.ident;
            errors.on(
                cache,
                format!(
                    "`{option}` needs a key: write `fn {name}(&mut self, #[key] key: Key, ..)` with its type"
                ),
            );
        }
    }
}
