//! What `expand` makes the code from. Types in it have `Self` written out.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Attribute, Generics, Type, Visibility, parse_quote};

use super::check_overload::Breaker;
use super::settings::Settings;
use crate::names;
use crate::types::Answer;

/// An actor.
pub(crate) struct Model {
    /// `Ledger<S>`
    pub(crate) ty: Type,
    /// `Ledger`
    pub(crate) name: Ident,
    pub(crate) generics: Generics,
    /// Tokens whose names the made type parameters must not take.
    pub(crate) taken: TokenStream,
    pub(crate) settings: Settings,
    pub(crate) start: Start,
    pub(crate) stop: Option<Stop>,
    pub(crate) handlers: Vec<Handler>,
    pub(crate) views: Vec<View>,
    /// There are errors: the code is made for the sake of its callers, and calls nothing of the user's.
    pub(crate) is_broken: bool,
}

/// `#[start]`.
#[derive(Default)]
pub(crate) struct Start {
    /// Its name; nothing if it is missing.
    pub(crate) method: Option<Ident>,
    pub(crate) is_async: bool,
    pub(crate) is_result: bool,
    /// One a parameter: its type, or nothing for the context.
    pub(crate) params: Vec<Option<Type>>,
}

/// `#[stop]`.
pub(crate) struct Stop {
    pub(crate) method: Ident,
    pub(crate) is_async: bool,
    pub(crate) params: Vec<StopParam>,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum StopParam {
    Context,
    Reason,
}

/// A `#[cached]` without a key.
pub(crate) struct View {
    pub(crate) method: Ident,
    pub(crate) vis: Visibility,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) ty: Type,
}

impl View {
    /// The value's type, so that one which cannot be published or read is an error there.
    pub(crate) fn span(&self) -> Span {
        let first = self.ty.to_token_stream().into_iter().next();
        Span::call_site().located_at(first.map_or_else(|| self.method.span(), |token| token.span()))
    }
}

/// A `#[handler]`, or a `#[cached]` with a key.
pub(crate) struct Handler {
    pub(crate) method: Ident,
    /// Of the enum.
    pub(crate) variant: Ident,
    pub(crate) vis: Visibility,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) is_async: bool,
    /// It takes `&self`.
    pub(crate) reads: bool,
    pub(crate) message: Message,
    pub(crate) kind: Kind,
    /// One a parameter behind the receiver.
    pub(crate) params: Vec<Param>,
    pub(crate) answer: Answer,
    /// The keyed caches that lose this message's key.
    pub(crate) invalidates: Vec<Ident>,
    /// The keyed caches that get this message's key anew.
    pub(crate) updates: Vec<Ident>,
    pub(crate) overload: Box<Overload>,
}

/// What stands before a handler.
#[derive(Default)]
pub(crate) struct Overload {
    /// Its actor has `limit` or `shed`.
    pub(crate) is_guarded: bool,
    /// The word that says so, and the variant of `Priority`.
    pub(crate) priority: Option<(Ident, &'static str)>,
    pub(crate) breaker: Option<Breaker>,
}

pub(crate) enum Message {
    /// Made from the arguments.
    Made { name: Ident, generics: Generics, fields: Vec<Field>, marker: Option<TokenStream> },
    /// The user's own.
    Own(Type),
}

pub(crate) struct Field {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) is_key: bool,
}

pub(crate) enum Kind {
    /// Answers when it returns.
    Plain,
    /// Answers through a `ReplyTo`.
    Deferred,
    /// Takes a run of messages.
    Batch(Box<Batching>),
    /// Fills a keyed cache.
    Cached { capacity: TokenStream, ttl: Duration, tiered: Option<Box<Tiered>> },
}

/// What a keyed cache has besides a memory and a lifetime.
#[derive(Default)]
pub(crate) struct Tiered {
    /// The names of the system's tiers; of none, all of them.
    pub(crate) tiers: Option<Vec<String>>,
    pub(crate) stale: Option<Duration>,
    pub(crate) negative: Option<Duration>,
}

/// The options of `batch(..)`.
#[derive(Default)]
pub(crate) struct Batching {
    pub(crate) len_min: Option<TokenStream>,
    pub(crate) len_max: TokenStream,
    pub(crate) bytes_max: Option<TokenStream>,
    pub(crate) wait: Option<Wait>,
    pub(crate) on_error: Option<OnError>,
    /// One message of each key.
    pub(crate) dedup: Option<Span>,
}

#[derive(Clone, Copy)]
pub(crate) enum Wait {
    AtMost(Duration),
    Adaptive,
}

pub(crate) enum OnError {
    Retry { max: TokenStream, backoff: (Duration, Duration) },
    Bisect,
}

impl Batching {
    /// Only the length is bounded: batches are taken the short way.
    pub(crate) fn is_plain(&self) -> bool {
        let Batching { len_min, len_max: _, bytes_max, wait, on_error, dedup } = self;
        len_min.is_none() && bytes_max.is_none() && wait.is_none() && on_error.is_none() && dedup.is_none()
    }

    /// The handler goes on later, even if it is a plain `fn`.
    pub(crate) fn waits(&self) -> bool {
        self.wait.is_some() || matches!(self.on_error, Some(OnError::Retry { .. }))
    }
}

/// What a parameter of a handler is given.
pub(crate) enum Param {
    Context,
    /// The field of this name.
    Field(Ident),
    Message,
    Reply,
    Batch,
}

impl Model {
    /// Of the enum of its messages.
    pub(crate) fn enum_name(&self) -> Ident {
        made(&self.name, "Message")
    }

    pub(crate) fn methods_name(&self) -> Ident {
        made(&self.name, "Methods")
    }

    pub(crate) fn views_name(&self) -> Ident {
        made(&self.name, "Views")
    }

    /// The keyed caches.
    pub(crate) fn caches(&self) -> impl Iterator<Item = &Handler> {
        self.handlers.iter().filter(|handler| matches!(handler.kind, Kind::Cached { .. }))
    }

    /// It has a struct of views.
    pub(crate) fn has_views(&self) -> bool {
        !self.views.is_empty()
            || self.caches().next().is_some()
            || self.settings.has_guard()
            || self.handlers.iter().any(|handler| handler.overload.breaker.is_some())
    }
}

fn made(actor: &Ident, suffix: &str) -> Ident {
    Ident::new(&format!("{actor}{suffix}"), Span::call_site())
}

impl Handler {
    /// The field that is the key.
    pub(crate) fn key(&self) -> Option<&Field> {
        match &self.message {
            Message::Made { fields, .. } => fields.iter().find(|field| field.is_key),
            Message::Own(_) => None,
        }
    }

    /// What its cache has besides a memory, if it has one.
    pub(crate) fn tiered(&self) -> Option<&Tiered> {
        match &self.kind {
            Kind::Cached { tiered, .. } => tiered.as_deref(),
            _ => None,
        }
    }

    /// The message's type.
    pub(crate) fn message_type(&self) -> TokenStream {
        match &self.message {
            Message::Made { name, generics, .. } => {
                let name = names::made(name);
                let (_, generics, _) = generics.split_for_impl();
                quote! { #name #generics }
            }
            Message::Own(ty) => ty.to_token_stream(),
        }
    }

    /// It is run as a future: itself, or what calls it.
    pub(crate) fn goes_on(&self) -> bool {
        self.is_async || matches!(&self.kind, Kind::Batch(batching) if batching.waits())
    }

    /// Something stands before it, so that it is not called without an envelope.
    pub(crate) fn is_checked(&self) -> bool {
        self.overload.is_guarded || self.overload.breaker.is_some()
    }

    /// Who sees what is made for it.
    pub(crate) fn visibility(&self) -> Visibility {
        in_crate_unless_said(&self.vis)
    }
}

/// What is made for a method is as visible as the method; for a private one, in the crate.
///
/// A private message could not be sent from the next module, although nobody calls the method itself there. A
/// public one could not have an answer of a private type (E0446), such as the types of a program's `main.rs`.
pub(crate) fn in_crate_unless_said(vis: &Visibility) -> Visibility {
    match vis {
        Visibility::Inherited => parse_quote!(pub(crate)),
        said => said.clone(),
    }
}
