//! `impl Actor`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};

use super::expand_messages::unused_variant;
use super::expand_methods::methods_over;
use super::expand_overload;
use super::expand_turns::{self, Locals};
use super::model::{Handler, Kind, Model, StopParam};
use super::settings::Settings;
use crate::{duration, names};

pub(super) fn expand(model: &Model) -> TokenStream {
    let actor = &model.ty;
    let (impl_generics, type_generics, where_clause) = model.generics.split_for_impl();
    let enum_name = model.enum_name();
    let views = match model.has_views() {
        true => {
            let name = model.views_name();
            quote! { #name #type_generics }
        }
        false => quote! { () },
    };
    let route = names::fresh("R", &model.taken);
    let methods = methods_over(model, &quote! { #route });
    let args = args(model);
    let infos = model.handlers.iter().map(info);
    let settings = settings(&model.settings);
    let (handler_of, start, stop) = (handler_of(model), start(model), stop(model));
    let (handle, publish, caches) = (handle(model), publish(model), caches(model));
    quote! {
        #[automatically_derived]
        impl #impl_generics ::ostraca::__private::Actor for #actor #where_clause {
            type Args = #args;
            type Message = #enum_name #type_generics;
            type Views = #views;
            type Methods<#route: ::ostraca::__private::Route<Self>> = #methods;

            const HANDLERS: &'static [::ostraca::__private::HandlerInfo] = &[#(#infos),*];

            #settings
            #handler_of
            #start
            #stop
            #handle
            #publish

            #caches
        }
    }
}

/// One type for all that `#[start]` takes.
fn args(model: &Model) -> TokenStream {
    let types: Vec<_> = model.start.params.iter().flatten().collect();
    match types.as_slice() {
        [one] => quote! { #one },
        all => quote! { (#(#all),*) },
    }
}

fn info(handler: &Handler) -> TokenStream {
    let name = names::plain(&handler.method);
    // One that answers later may use what it is given long after it returns: not on an asker's thread.
    let is_later = handler.goes_on() || matches!(handler.kind, Kind::Deferred);
    let new = if is_later {
        quote! { asynchronous }
    } else {
        quote! { sync }
    };
    let reads = handler.reads.then(|| quote! { .reads() });
    quote! { ::ostraca::__private::HandlerInfo::#new(#name) #reads }
}

/// Nothing where all is as by default.
fn settings(settings: &Settings) -> TokenStream {
    let mut calls = Vec::new();
    if let Some(len_max) = &settings.len_max {
        calls.push(quote! { .mailbox_len_max(#len_max) });
    }
    if settings.unbounded {
        calls.push(quote! { .mailbox_unbounded() });
    }
    if let Some(overflow) = settings.overflow {
        let overflow = format_ident!("{overflow}");
        calls.push(quote! { .overflow(::ostraca::__private::Overflow::#overflow) });
    }
    if let Some(max) = &settings.restart_max {
        calls.push(quote! { .restart_max(#max) });
    }
    if let Some(within) = settings.restart_within {
        let within = duration::expression(within);
        calls.push(quote! { .restart_within(#within) });
    }
    if let Some((min, max)) = settings.backoff {
        let (min, max) = (duration::expression(min), duration::expression(max));
        calls.push(quote! { .backoff(#min, #max) });
    }
    if let Some(inline) = settings.inline {
        let inline = format_ident!("{inline}");
        calls.push(quote! { .inline(::ostraca::__private::Inline::#inline) });
    }
    if calls.is_empty() {
        return TokenStream::new();
    }
    quote! {
        fn settings() -> ::ostraca::__private::Settings {
            <::ostraca::__private::Settings as ::core::default::Default>::default() #(#calls)*
        }
    }
}

fn handler_of(model: &Model) -> TokenStream {
    let enum_name = model.enum_name();
    let arms = model.handlers.iter().enumerate().map(|(index, handler)| {
        let variant = names::made(&handler.variant);
        quote! { #enum_name::#variant(..) => #index, }
    });
    let unused = unused_variant(model)
        .map(|(variant, _)| quote! { #enum_name::#variant(never, _) => match never {}, });
    quote! {
        fn handler_of(message: &Self::Message) -> usize {
            match *message { #(#arms)* #unused }
        }
    }
}

/// What stands for the user's code in a faulty actor.
fn faulty() -> TokenStream {
    quote! { ::core::unreachable!("the actor has errors") }
}

fn start(model: &Model) -> TokenStream {
    let (ctx, args) = (names::local("ctx"), names::local("args"));
    let body = match &model.start.method {
        Some(method) if !model.is_broken => {
            let mut locals = Vec::new();
            let params = model.start.params.iter().map(|param| match param {
                None => quote! { #ctx },
                Some(_) => {
                    let local = names::local(&format!("arg{}", locals.len()));
                    locals.push(local.clone());
                    quote! { #local }
                }
            });
            let params: Vec<_> = params.collect();
            let taken = match locals.as_slice() {
                [one] => quote! { #one },
                all => quote! { (#(#all),*) },
            };
            let await_ = model.start.is_async.then(|| quote! { .await });
            let call = quote! { Self::#method(#(#params),*) #await_ };
            let result = match model.start.is_result {
                true => quote! { #call.map_err(::core::convert::From::from) },
                false => quote! { ::core::result::Result::Ok(#call) },
            };
            let open = open_accessors(model, &ctx);
            quote! { #open let #taken = #args; #result }
        }
        _ => faulty(),
    };
    let plain = (!model.start.is_async).then(|| quote! { const START_IS_PLAIN: bool = true; });
    quote! {
        #plain

        async fn start(
            #ctx: &mut ::ostraca::__private::Context<Self>,
            #args: Self::Args,
        ) -> ::core::result::Result<Self, ::ostraca::__private::StartError> {
            #body
        }
    }
}

fn stop(model: &Model) -> TokenStream {
    let Some(stop) = model.stop.as_ref().filter(|_| !model.is_broken) else { return TokenStream::new() };
    let (ctx, reason, method) = (names::local("ctx"), names::local("reason"), &stop.method);
    let params = stop.params.iter().map(|param| match param {
        StopParam::Context => &ctx,
        StopParam::Reason => &reason,
    });
    let await_ = stop.is_async.then(|| quote! { .await });
    quote! {
        async fn stop(
            &mut self,
            #ctx: &mut ::ostraca::__private::Context<Self>,
            #reason: &::ostraca::__private::StopReason,
        ) {
            Self::#method(self #(, #params)*) #await_;
        }
    }
}

fn handle(model: &Model) -> TokenStream {
    let locals = Locals::new();
    let Locals { ctx, turn, .. } = &locals;
    let enum_name = model.enum_name();
    let body = if model.is_broken {
        faulty()
    } else {
        let arms = model.handlers.iter().enumerate().map(|(index, handler)| {
            let body = expand_turns::body(handler, index, &locals);
            expand_overload::arm(model, handler, index, &body, &locals)
        });
        let unused = unused_variant(model)
            .map(|(variant, _)| quote! { #enum_name::#variant(never, _) => match never {}, });
        quote! { match message { #(#arms)* #unused } }
    };
    quote! {
        #[inline]
        fn handle<'turn>(
            &'turn mut self,
            message: Self::Message,
            #ctx: &'turn mut ::ostraca::__private::Context<Self>,
            #turn: ::ostraca::__private::Turn<'turn>,
        ) -> ::ostraca::__private::Handled<'turn> {
            #body
        }
    }
}

/// `Actor::forget`, `Actor::caches` and `Actor::tiered`, where there are keyed caches.
fn caches(model: &Model) -> Option<TokenStream> {
    let caches: Vec<_> = model.caches().map(|handler| names::made(&handler.method)).collect();
    if caches.is_empty() {
        return None;
    }
    let names = model.caches().map(|handler| names::plain(&handler.method));
    let forget = model.caches().map(|handler| match handler.tiered() {
        None => quote! { clear },
        Some(_) => quote! { restart },
    });
    let tiered: Vec<_> = model.caches().filter(|handler| handler.tiered().is_some()).collect();
    let tiered = (!tiered.is_empty()).then(|| {
        let fields = tiered.iter().map(|handler| names::made(&handler.method));
        let names = tiered.iter().map(|handler| names::plain(&handler.method));
        quote! {
            fn tiered(
                views: &Self::Views,
            ) -> ::std::vec::Vec<(&'static str, ::ostraca::__private::TieredStats)> {
                ::std::vec![#((#names, views.#fields.tiered_stats())),*]
            }
        }
    });
    Some(quote! {
        fn forget(views: &Self::Views) {
            #(views.#caches.#forget();)*
        }

        fn caches(
            views: &Self::Views,
        ) -> ::std::vec::Vec<(&'static str, ::ostraca::__private::CacheStats)> {
            ::std::vec![#((#names, views.#caches.stats())),*]
        }

        #tiered
    })
}

/// Opens the accessors that have tiers, before the user's code runs.
fn open_accessors(model: &Model, ctx: &proc_macro2::Ident) -> TokenStream {
    let tiered = model.caches().filter(|handler| handler.tiered().is_some());
    tiered
        .map(|handler| {
            let (field, name) = (names::made(&handler.method), names::plain(&handler.method));
            quote! { ::ostraca::__private::open_accessor(#ctx, #name, &#ctx.views().#field)?; }
        })
        .collect()
}

fn publish(model: &Model) -> TokenStream {
    if model.views.is_empty() || model.is_broken {
        return TokenStream::new();
    }
    let views = model.views.iter().map(|view| {
        let (field, method) = (names::made(&view.method), &view.method);
        quote_spanned! { view.span()=> views.#field.publish(Self::#method(self)); }
    });
    quote! {
        const PUBLISHES: bool = true;

        fn publish(&self, views: &Self::Views) {
            #(#views)*
        }
    }
}
