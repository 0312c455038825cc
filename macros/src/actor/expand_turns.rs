//! One arm of `Actor::handle` a handler: opens the message, calls the method, answers.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};

use super::expand_overload;
use super::model::{Batching, Field, Handler, Kind, Message, OnError, Param, Wait};
use crate::{duration, names};

/// The arm's body; `envelope`, `ctx` and `turn` are locals of `handle`.
pub(super) fn body(handler: &Handler, index: usize, locals: &Locals) -> TokenStream {
    let Locals { ctx, turn, envelope, .. } = locals;
    let statements = match &handler.kind {
        Kind::Plain if is_direct(handler) => {
            let message = handler.message_type();
            quote! { ::ostraca::__private::Direct::<Self, #message>::answer(self, #envelope, #ctx); }
        }
        Kind::Plain | Kind::Deferred => answered(handler, locals),
        Kind::Batch(batching) => batch(handler, index, batching, locals),
        Kind::Cached { .. } => cached(handler, locals),
    };
    // One with a breaker has said so before its answer.
    let ended = expand_overload::ended(handler, None, locals).filter(|_| handler.overload.breaker.is_none());
    let statements = quote! { #statements #ended };
    if handler.goes_on() {
        quote! { #turn.run(async move { #statements }) }
    } else {
        quote! { { #statements #turn.done() } }
    }
}

/// Whether the handler can be called without an envelope.
fn is_direct(handler: &Handler) -> bool {
    matches!(handler.kind, Kind::Plain) && !handler.is_async && !handler.is_checked()
}

/// `Handles::DIRECT`, for a handler that can be called without an envelope.
pub(super) fn direct(handler: &Handler, index: usize) -> Option<TokenStream> {
    if !is_direct(handler) {
        return None;
    }
    let locals = Locals::new();
    let Locals { ctx, actor, answer, .. } = &locals;
    let message = handler.message_type();
    let (pattern, call) = (pattern(handler, &locals), call_on(&quote! { #actor }, handler, &locals));
    let (before, after) = invalidate(&quote! { #actor }, handler, &locals);
    // On the user's answer, so that an own message with another reply is an error there.
    let span = answer_span(handler);
    let spanned = at(answer, span);
    let finish = match handler.answer.is_result() {
        true => quote_spanned! { span=> #spanned },
        false => quote_spanned! { span=> ::core::result::Result::Ok(#spanned) },
    };
    Some(quote! {
        const DIRECT: ::core::option::Option<::ostraca::__private::Direct<Self, #message>> =
            ::core::option::Option::Some(::ostraca::__private::Direct::new(
                #index,
                |#actor: &mut Self, #pattern: #message, #ctx: &mut ::ostraca::__private::Context<Self>|
                    -> ::core::result::Result<
                        <#message as ::ostraca::__private::Message>::Reply,
                        <#message as ::ostraca::__private::Message>::Refusal,
                    >
                {
                    #before
                    let #answer = #call;
                    #after
                    #finish
                },
            ));
    })
}

/// Names that no argument of the user's can meet.
pub(super) struct Locals {
    pub(super) ctx: Ident,
    pub(super) turn: Ident,
    pub(super) envelope: Ident,
    pub(super) stamp: Ident,
    pub(super) guarded: Ident,
    actor: Ident,
    message: Ident,
    reply: Ident,
    batch: Ident,
    replies: Ident,
    answer: Ident,
    key: Ident,
}

impl Locals {
    pub(super) fn new() -> Self {
        Locals {
            ctx: names::local("ctx"),
            turn: names::local("turn"),
            envelope: names::local("envelope"),
            stamp: names::local("stamp"),
            guarded: names::local("guarded"),
            actor: names::local("actor"),
            message: names::local("message"),
            reply: names::local("reply"),
            batch: names::local("batch"),
            replies: names::local("replies"),
            answer: names::local("answer"),
            key: names::local("key"),
        }
    }
}

/// The local that holds the field of this name, which may be a keyword (`r#type`).
fn argument(field: &Ident) -> Ident {
    names::local(&format!("arg_{}", names::plain(field)))
}

/// The call, awaited where it is to be.
fn call(handler: &Handler, locals: &Locals) -> TokenStream {
    call_on(&quote! { self }, handler, locals)
}

fn call_on(actor: &TokenStream, handler: &Handler, locals: &Locals) -> TokenStream {
    let method = &handler.method;
    let args = handler.params.iter().map(|param| match param {
        Param::Context => locals.ctx.to_token_stream(),
        Param::Field(name) => argument(name).to_token_stream(),
        Param::Message => locals.message.to_token_stream(),
        Param::Reply => locals.reply.to_token_stream(),
        Param::Batch => locals.batch.to_token_stream(),
    });
    let await_ = handler.is_async.then(|| quote! { .await });
    quote! { Self::#method(#actor #(, #args)*) #await_ }
}

/// Takes a made message apart, or keeps an own one.
fn pattern(handler: &Handler, locals: &Locals) -> TokenStream {
    let Message::Made { name, fields, marker, .. } = &handler.message else {
        return locals.message.to_token_stream();
    };
    let name = names::made(name);
    let fields = fields.iter().map(|Field { name, .. }| {
        let (field, local) = (names::made(name), argument(name));
        quote! { #field: #local }
    });
    let rest = marker.as_ref().map(|_| quote! { .. });
    quote! { #name { #(#fields,)* #rest } }
}

/// Opens, calls, answers. A deferred handler answers itself.
fn answered(handler: &Handler, locals: &Locals) -> TokenStream {
    let Locals { envelope, reply, answer, .. } = locals;
    let (pattern, call) = (pattern(handler, locals), call(handler, locals));
    if matches!(handler.kind, Kind::Deferred) {
        return quote! {
            let (#pattern, #reply) = #envelope.open();
            #call;
        };
    }
    let (before, after) = invalidate(&quote! { self }, handler, locals);
    // On the user's answer, so that an own message with another reply is an error there.
    let span = answer_span(handler);
    let spanned = at(answer, span);
    let finish = match handler.answer.is_result() {
        true => quote_spanned! { span=> #reply.send(#spanned); },
        false => quote_spanned! { span=> #reply.reply(#spanned); },
    };
    let judged =
        handler.overload.breaker.as_ref().and_then(|_| expand_overload::ended(handler, Some(answer), locals));
    quote! {
        let (#pattern, #reply) = #envelope.open();
        #before
        let #answer = #call;
        #after
        #judged
        #finish
    }
}

/// The same local, shown at `span`.
fn at(local: &Ident, span: Span) -> Ident {
    Ident::new(&local.to_string(), span)
}

fn answer_span(handler: &Handler) -> Span {
    let first = handler.answer.reply.clone().into_iter().next();
    let span = first.map_or_else(|| handler.method.span(), |token| token.span());
    Span::mixed_site().located_at(span)
}

/// Keeps the key before the call, and invalidates or updates it after.
fn invalidate(actor: &TokenStream, handler: &Handler, locals: &Locals) -> (TokenStream, TokenStream) {
    let Locals { key, message, .. } = locals;
    if handler.invalidates.is_empty() && handler.updates.is_empty() {
        return (TokenStream::new(), TokenStream::new());
    }
    let borrowed = match handler.key() {
        Some(field) => {
            let local = argument(&field.name);
            quote! { &#local }
        }
        None => quote! { ::ostraca::__private::Keyed::key(&#message) },
    };
    let before = quote! { let #key = ::core::clone::Clone::clone(#borrowed); };
    (before, tell_caches(actor, &quote! { &#key }, handler, locals))
}

/// Tells the caches of one key.
fn tell_caches(actor: &TokenStream, key: &TokenStream, handler: &Handler, locals: &Locals) -> TokenStream {
    let (ctx, Handler { invalidates, updates, .. }) = (&locals.ctx, handler);
    quote! {
        #( #ctx.views().#invalidates.invalidate(#key); )*
        #(
            let value = Self::#updates(#actor, ::core::clone::Clone::clone(#key));
            #ctx.views().#updates.insert(::core::clone::Clone::clone(#key), value, #ctx.now());
        )*
    }
}

fn batch(handler: &Handler, index: usize, batching: &Batching, locals: &Locals) -> TokenStream {
    let Locals { ctx, envelope, batch, replies, answer, key, .. } = locals;
    let (message, call) = (handler.message_type(), call(handler, locals));
    let (before, after) = if handler.invalidates.is_empty() && handler.updates.is_empty() {
        (TokenStream::new(), TokenStream::new())
    } else {
        let keys = quote! {
            let #key = #batch
                .iter()
                .map(|message| ::core::clone::Clone::clone(::ostraca::__private::Keyed::key(message)))
                .collect::<::std::vec::Vec<_>>();
        };
        let tell = tell_caches(&quote! { self }, &quote! { key }, handler, locals);
        (keys, quote! { for key in &#key { #tell } })
    };
    let is_plain = batching.is_plain();
    let finish = if handler.answer.is_result() {
        let refusal = handler.answer.refusal_or_never();
        let span = refusal.into_iter().next().map_or_else(Span::call_site, |token| token.span());
        let span = Span::mixed_site().located_at(span);
        let spanned = at(answer, span);
        match is_plain {
            true => quote_spanned! { span=> #replies.finish_with(#ctx, #spanned); },
            false => quote_spanned! { span=> #replies.ended(#ctx, #spanned); },
        }
    } else if is_plain {
        quote! { #replies.finish(#ctx); }
    } else {
        quote! { #replies.done(#ctx); }
    };
    let run = if handler.answer.is_result() {
        quote! { let #answer = #call; }
    } else {
        quote! { #call; }
    };
    if is_plain {
        let len_max = &batching.len_max;
        return quote! {
            if let ::core::option::Option::Some((#batch, #replies)) =
                ::ostraca::__private::take_batch::<Self, #message>(#ctx, #envelope, #index, #len_max)
            {
                #before #run #after #finish
            }
        };
    }
    let plan = plan(&message, index, batching);
    let wait = batching.wait.map(|_| quote! { #replies.wait(#ctx).await; });
    let pause = matches!(batching.on_error, Some(OnError::Retry { .. })).then(|| {
        quote! { #replies.pause(#ctx).await; }
    });
    quote! {
        let mut #replies = ::ostraca::__private::Gathered::<#message>::begin::<Self>(#ctx, #envelope, #plan);
        #wait
        while let ::core::option::Option::Some(#batch) = #replies.next(#ctx) {
            #before #run #after #finish #pause
        }
    }
}

/// The handler's `BatchPlan`.
fn plan(message: &TokenStream, index: usize, batching: &Batching) -> TokenStream {
    let Batching { len_min, len_max, bytes_max, wait, on_error, dedup } = batching;
    let len_min = len_min.as_ref().map(|len_min| quote! { .len_min(#len_min) });
    let bytes_max = bytes_max.as_ref().map(|bytes_max| quote! { .bytes_max(#bytes_max) });
    let wait = wait.map(|wait| match wait {
        Wait::AtMost(limit) => {
            let limit = duration::expression(limit);
            quote! { .wait_max(#limit) }
        }
        Wait::Adaptive => quote! { .wait_adaptive() },
    });
    let on_error = on_error.as_ref().map(|on_error| match on_error {
        OnError::Retry { max, backoff: (min, backoff_max) } => {
            let (min, backoff_max) = (duration::expression(*min), duration::expression(*backoff_max));
            quote! { .retry(#max, #min, #backoff_max) }
        }
        OnError::Bisect => quote! { .bisect() },
    });
    let dedup = dedup.map(|span| {
        // On the option, so that a message without a key is an error there.
        let span = Span::mixed_site().located_at(span);
        let key = quote_spanned! { span=> ::ostraca::__private::Keyed::key };
        quote_spanned! { span=>
            .dedup(
                |message, state| ::core::hash::BuildHasher::hash_one(state, #key(message)),
                |one, other| #key(one) == #key(other),
            )
        }
    });
    quote! {
        ::ostraca::__private::BatchPlan::<#message>::new(#index, #len_max)
            #len_min #bytes_max #wait #on_error #dedup
    }
}

/// The owner fills the cache, whoever asks.
fn cached(handler: &Handler, locals: &Locals) -> TokenStream {
    let Locals { ctx, envelope, reply, answer, .. } = locals;
    let Some(key) = handler.key() else { return TokenStream::new() };
    let (method, message, pattern) = (&handler.method, handler.message_type(), pattern(handler, locals));
    let key = argument(&key.name);
    if handler.tiered().is_some() {
        // Whoever reads keeps it: see `ostraca`'s `actor/tiered.rs`.
        return quote! {
            let (#pattern, #reply) = #envelope.open();
            let #answer = Self::#method(self, #key);
            #reply.reply(#answer);
        };
    }
    quote! {
        let (#pattern, #reply) = #envelope.open();
        let #answer = ::ostraca::__private::fill::<Self, #message>(#ctx, &#key, |key| {
            Self::#method(self, ::core::clone::Clone::clone(key))
        });
        #reply.reply(#answer);
    }
}
