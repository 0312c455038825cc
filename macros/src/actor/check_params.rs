//! The parameters of a handler: which are the message, and which the framework gives.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, FnArg, Pat, PatType, Type};

use super::check::Actor;
use super::check_lifecycle::take;
use super::model::{Field, Param};
use super::parse::Method;
use crate::errors::Errors;
use crate::message::TWO_KEYS;
use crate::types::{self, Answer, Flaw};

/// What stands behind the receiver.
#[derive(Default)]
pub(crate) struct Params {
    /// What each is given, in order.
    pub(crate) list: Vec<Param>,
    pub(crate) fields: Vec<Field>,
    /// The type behind `#[message]`.
    pub(crate) own: Option<Type>,
    /// The answer of a `ReplyTo<T, E>`.
    pub(crate) reply: Option<Answer>,
    /// The message of a `Batch<M>`.
    pub(crate) batch: Option<Type>,
    /// The first parameter that a batch handler cannot have.
    pub(crate) beside_batch: Option<TokenStream>,
    /// No parameter was so wrong that it had to be left out.
    pub(crate) is_whole: bool,
}

pub(crate) fn check(method: &Method, actor: &Actor<'_>, errors: &mut Errors) -> Params {
    let mut params = Params { is_whole: true, ..Params::default() };
    for input in &method.sig.inputs {
        let FnArg::Typed(param) = input else { continue };
        let key = attr(param, "key", errors);
        let own = attr(param, "message", errors);
        let special = params.special(param, own, actor, errors);
        match (key, special) {
            (Some(attr), true) => errors.on(attr, misplaced_key(param, own.is_some())),
            (_, true) => {}
            (key, false) => {
                params.beside_batch.get_or_insert_with(|| param.to_token_stream());
                params.field(param, key, actor, errors);
            }
        }
    }
    params.check_own(errors);
    params
}

fn misplaced_key(param: &PatType, is_message: bool) -> String {
    if is_message {
        let ty = types::text(&param.ty);
        return format!(
            "the key of `{ty}` is one of its fields: write `#[key]` there, under `#[derive(Message)]`"
        );
    }
    "the key is an argument that callers pass: write `#[key]` on one of those".to_owned()
}

/// The parameter's attribute of this name.
fn attr<'a>(param: &'a PatType, name: &str, errors: &mut Errors) -> Option<&'a Attribute> {
    let mut attrs = param.attrs.iter().filter(|attr| attr.path().is_ident(name));
    let attr = attrs.next()?;
    for again in attrs {
        errors.on(again, format!("`#[{name}]` stands here twice: write it once"));
    }
    if attr.meta.require_path_only().is_err() {
        errors.on(attr, format!("`#[{name}]` takes no options: write `#[{name}]`"));
    }
    Some(attr)
}

impl Params {
    /// Takes a parameter that is no field of the message. False if it is one.
    fn special(
        &mut self,
        param: &PatType,
        own: Option<&Attribute>,
        actor: &Actor<'_>,
        errors: &mut Errors,
    ) -> bool {
        let ty = &*param.ty;
        let given = if own.is_some() {
            self.own(param, actor, errors);
            Param::Message
        } else if let Some(reference) = types::reference_to(ty, "Context") {
            if reference.mutability.is_none() {
                errors.on(ty, "the context is lent mutably: write `ctx: &mut Context<Self>`");
            }
            Param::Context
        } else if let Some(answer) = reply_to(ty, actor) {
            if self.reply.is_some() {
                errors.on(param, "a message has one answer: take one `ReplyTo`");
            }
            self.beside_batch.get_or_insert_with(|| param.to_token_stream());
            self.reply = Some(answer);
            Param::Reply
        } else if let Some(message) = batch_of(ty, actor) {
            if self.batch.is_some() {
                self.beside_batch.get_or_insert_with(|| param.to_token_stream());
            }
            self.batch = Some(message);
            Param::Batch
        } else {
            return false;
        };
        self.list.push(given);
        true
    }

    fn own(&mut self, param: &PatType, actor: &Actor<'_>, errors: &mut Errors) {
        self.beside_batch.get_or_insert_with(|| param.to_token_stream());
        if self.own.is_some() {
            errors.on(param, "a handler takes one message: write `#[message]` on one parameter");
            return;
        }
        self.own = Some(owned(&param.ty, actor, errors).unwrap_or_else(|| syn::parse_quote!(())));
    }

    /// A field of the message.
    fn field(&mut self, param: &PatType, key: Option<&Attribute>, actor: &Actor<'_>, errors: &mut Errors) {
        let is_key = key.is_some() && !self.fields.iter().any(|field| field.is_key);
        if let (Some(attr), false) = (key, is_key) {
            errors.on(attr, TWO_KEYS);
        }
        let ty = owned(&param.ty, actor, errors);
        let name = match &*param.pat {
            Pat::Ident(pat) => Some(pat.ident.clone()),
            pat => {
                let ty = types::text(&param.ty);
                errors.on(
                    pat,
                    format!("an argument is a field of the message, so it has a name: write `name: {ty}`"),
                );
                None
            }
        };
        let (Some(ty), Some(name)) = (ty, name) else {
            self.is_whole = false;
            return;
        };
        let docs = param.attrs.iter().filter(|attr| attr.path().is_ident("doc")).cloned().collect();
        self.list.push(Param::Field(name.clone()));
        self.fields.push(Field { name, ty, docs, is_key });
    }

    fn check_own(&self, errors: &mut Errors) {
        if self.own.is_none() {
            return;
        }
        for field in &self.fields {
            let message = "a handler with `#[message]` takes that message whole: make this one of its fields";
            errors.on(&field.name, message);
        }
    }
}

/// The type with `Self` written out, and what to write where it borrows. Nothing for an `impl Trait`.
fn owned(ty: &Type, actor: &Actor<'_>, errors: &mut Errors) -> Option<Type> {
    let written = types::without_self(ty, actor.ty);
    match types::flaw(ty) {
        None => Some(written),
        Some(Flaw::Borrowed { tokens, instead }) => {
            errors.on(
                tokens,
                format!("a message outlives its sender, so it owns its arguments: {}", take(instead)),
            );
            Some(types::made_static(&written))
        }
        Some(Flaw::Unnamed { tokens }) => {
            errors.on(
                tokens,
                "a handler cannot be generic, because its message is one type: \
                 name the type instead of `impl Trait`, such as `String` for `impl Into<String>`",
            );
            None
        }
    }
}

/// `ReplyTo<T>` and `ReplyTo<T, E>`.
fn reply_to(ty: &Type, actor: &Actor<'_>) -> Option<Answer> {
    let segment = types::last_segment(ty).filter(|segment| segment.ident == "ReplyTo")?;
    let written = |ty: &Type| types::without_self(ty, actor.ty).to_token_stream();
    match types::type_args(segment).as_slice() {
        [reply] => Some(Answer { reply: written(reply), refusal: None }),
        [reply, refusal] => Some(Answer { reply: written(reply), refusal: Some(written(refusal)) }),
        _ => None,
    }
}

/// `Batch<M>`.
fn batch_of(ty: &Type, actor: &Actor<'_>) -> Option<Type> {
    let segment = types::last_segment(ty).filter(|segment| segment.ident == "Batch")?;
    match types::type_args(segment).as_slice() {
        [message] => Some(types::without_self(message, actor.ty)),
        _ => None,
    }
}
