//! `#[cached]`: a published view, or with a key a keyed cache.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Attribute, Type};

use super::check::Actor;
use super::check_handler::{self, Checked};
use super::check_params;
use super::model::{Handler, Kind, Tiered, View};
use super::parse::Method;
use crate::errors::Errors;
use crate::names;
use crate::options;
use crate::types::{self, Answer};

/// The most values that one actor keeps where `capacity` is not given.
const CACHE_CAPACITY: usize = 10_000;

#[derive(Default)]
struct Options {
    ttl: Option<Duration>,
    capacity: Option<TokenStream>,
    message: Option<Ident>,
    tiered: Tiered,
    /// Where `negative` stands.
    negative: Option<Ident>,
    /// Their names, for where none may stand.
    given: Vec<Ident>,
}

fn options(attr: &Attribute, errors: &mut Errors) -> Options {
    let mut options = Options::default();
    for opt in options::of_attribute(attr, errors) {
        match opt.name.to_string().as_str() {
            // A duration that was refused is no missing one.
            "ttl" => options.ttl = opt.duration("\"5s\"", errors).or(Some(Duration::MAX)),
            "capacity" => options.capacity = opt.count("10000", errors),
            "message" => options.message = opt.ident("GetBalance", errors),
            "stale" => options.tiered.stale = opt.duration("\"60s\"", errors),
            "negative" => {
                options.tiered.negative = opt.duration("\"5s\"", errors);
                options.negative = Some(opt.name.clone());
            }
            "tiers" => {
                let name = opt.name.clone();
                let named = opt.list("tiers(disk, redis)", errors).into_iter().map(|tier| {
                    tier.flag(errors);
                    names::plain(&tier.name)
                });
                options.tiered.tiers = Some(named.collect());
                options.given.push(name);
                continue;
            }
            _ => {
                let known = ["ttl", "tiers", "stale", "capacity", "negative", "message"];
                options::unknown(&opt, "#[cached(..)]", &known, errors);
                continue;
            }
        }
        options.given.push(opt.name);
    }
    options
}

pub(super) fn check(
    method: &Method,
    attr: &Attribute,
    actor: &Actor<'_>,
    errors: &mut Errors,
) -> Option<Checked> {
    let options = options(attr, errors);
    let name = &method.sig.ident;
    check_receiver(method, errors);
    if let Some(token) = &method.sig.asyncness {
        errors.on(
            token,
            "a `#[cached]` method reads the state and does not wait: remove `async`, or make it a `#[handler]`",
        );
    }
    let ty = match types::returned(&method.sig.output) {
        Some(ty) => check_handler::owned_answer(ty, actor, errors),
        None => {
            errors.on(name, format!("a `#[cached]` method returns the value: write `fn {name}(&self) -> T`"));
            return None;
        }
    };
    if method.sig.inputs.iter().any(|input| matches!(input, syn::FnArg::Typed(_))) {
        let handler = keyed(method, attr, ty, options, actor, errors);
        return handler.map(|handler| Checked::Handler(Box::new(handler)));
    }
    for given in options.given {
        errors.on(
            &given,
            format!(
                "`{given}` is for a `#[cached]` method with a `#[key]`: a view without one is always current"
            ),
        );
    }
    let view = View { method: name.clone(), vis: method.vis.clone(), docs: method.docs.clone(), ty };
    Some(Checked::View(Box::new(view)))
}

fn check_receiver(method: &Method, errors: &mut Errors) {
    let name = &method.sig.ident;
    let rest = if method.sig.inputs.len() > 1 { ", .." } else { "" };
    let write = format!("write `fn {name}(&self{rest})`, or make it a `#[handler]`");
    match method.sig.receiver() {
        None => errors.on(name, format!("a `#[cached]` method reads the state: {write}")),
        Some(receiver) => {
            let is_shared =
                matches!(&*receiver.ty, Type::Reference(reference) if reference.mutability.is_none());
            if !is_shared {
                errors.on(
                    receiver,
                    format!("a `#[cached]` method reads the state and does not change it: {write}"),
                );
            }
        }
    }
}

/// With one argument, the key.
fn keyed(
    method: &Method,
    attr: &Attribute,
    ty: Type,
    mut options: Options,
    actor: &Actor<'_>,
    errors: &mut Errors,
) -> Option<Handler> {
    let name = &method.sig.ident;
    let params = check_params::check(method, actor, errors);
    let write = format!("write `fn {name}(&self)`, or `fn {name}(&self, #[key] key: Key)`");
    let fields_count = params.fields.len();
    let mut beside = method.sig.inputs.iter().filter(|input| match input {
        syn::FnArg::Receiver(_) => false,
        syn::FnArg::Typed(param) => {
            fields_count == 1 || !param.attrs.iter().any(|attr| attr.path().is_ident("key"))
        }
    });
    let is_one_key = matches!(params.fields.as_slice(), [field] if field.is_key) && params.list.len() == 1;
    if !is_one_key && params.is_whole {
        match (params.fields.as_slice(), params.list.len()) {
            ([field], 1) => {
                let (field, ty) = (&field.name, types::text(&field.ty));
                errors.on(
                    beside.next(),
                    format!("the argument of a `#[cached]` method is its key: write `#[key] {field}: {ty}`"),
                );
            }
            _ => errors.on(
                beside.next_back(),
                format!("a `#[cached]` method takes nothing, or one key, which may be a tuple: {write}"),
            ),
        }
    }
    if options.ttl.is_none() {
        errors.on(attr, "a keyed cache says how old a value may get: write `#[cached(ttl = \"5s\")]`");
    }
    check_negative(&mut options, &ty, method, errors);
    if !params.is_whole {
        return None;
    }
    let answer = Answer { reply: quote! { #ty }, refusal: None };
    let message = check_handler::made(method, options.message, params.fields, &answer, actor, errors);
    // Without its key it is a plain handler, for the sake of its callers.
    let kind = match is_one_key {
        true => Kind::Cached {
            capacity: options.capacity.map_or_else(
                || quote! { #CACHE_CAPACITY },
                |number| types::number_without_self(number, actor.ty),
            ),
            ttl: options.ttl.unwrap_or(Duration::MAX),
            tiered: options.tiered.is_any().then(|| Box::new(options.tiered)),
        },
        false => Kind::Plain,
    };
    Some(Handler {
        method: name.clone(),
        variant: names::camel_case(name),
        vis: method.vis.clone(),
        docs: method.docs.clone(),
        is_async: false,
        reads: true,
        message,
        kind,
        params: params.list,
        answer,
        invalidates: Vec::new(),
        updates: Vec::new(),
        overload: Box::default(),
    })
}

/// Only of an `Option` it can be told that there is no value.
fn check_negative(options: &mut Options, ty: &Type, method: &Method, errors: &mut Errors) {
    let is_option = types::last_segment(ty).is_some_and(|segment| segment.ident == "Option");
    if let Some(name) = options.negative.as_ref().filter(|_| !is_option) {
        // Without it, so that the mistake is told once.
        options.tiered.negative = None;
        let (method, ty) = (&method.sig.ident, types::text(ty));
        errors.on(
            name,
            format!(
                "`negative` says how long `None` is kept, and `{method}` returns `{ty}`: \
                 return `Option<{ty}>`, or remove `negative`"
            ),
        );
    }
}

impl Tiered {
    fn is_any(&self) -> bool {
        self.tiers.is_some() || self.stale.is_some() || self.negative.is_some()
    }
}
