//! `#[handler(batch(..))]`.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::LitInt;

use super::check::Actor;
use super::check_handler::{Options, owned_answer, refuse_name};
use super::check_overload;
use super::check_params::Params;
use super::model::{Batching, Handler, Kind, Message, OnError, Wait};
use super::parse::Method;
use crate::errors::Errors;
use crate::names;
use crate::options::{self, Opt};
use crate::types::{self, Answer};

/// The length of a batch where `len_max` is not given.
const LEN_MAX: usize = 1024;

/// What stands in the brackets.
#[derive(Default)]
pub(super) struct Asked {
    batching: Batching,
    /// `on_error`, where it is more than the default.
    on_error: Option<Ident>,
}

pub(super) fn options(opt: Opt, errors: &mut Errors) -> Asked {
    let mut asked = Asked::default();
    let (mut len_max, mut len_min_name) = (None, None);
    let batching = &mut asked.batching;
    for opt in opt.list("batch(len_max = 1024)", errors) {
        match opt.name.to_string().as_str() {
            "len_max" => len_max = opt.count("1024", errors),
            "len_min" => {
                batching.len_min = opt.count("16", errors);
                len_min_name = Some(opt.name);
            }
            "bytes_max" => batching.bytes_max = opt.count("65536", errors),
            "wait_max" => batching.wait = wait(&opt, errors),
            "dedup" if opt.is_word("key") => batching.dedup = Some(opt.name.span()),
            "dedup" => errors.on(&opt.name, "messages are told apart by their `#[key]`: write `dedup = key`"),
            "on_error" => {
                batching.on_error = on_error(&opt, errors);
                asked.on_error = batching.on_error.is_some().then_some(opt.name);
            }
            _ => options::unknown(
                &opt,
                "batch(..)",
                &["len_min", "len_max", "bytes_max", "wait_max", "on_error", "dedup"],
                errors,
            ),
        }
    }
    if let Some(name) = len_min_name {
        check_len_min(&name, batching, len_max.as_ref(), errors);
    }
    let len_max = len_max.unwrap_or_else(|| quote! { #LEN_MAX });
    if matches!(batching.wait, Some(Wait::AtMost(_))) && batching.len_min.is_none() {
        // A wait for no length in particular is one for a full batch.
        batching.len_min = Some(len_max.clone());
    }
    batching.len_max = len_max;
    asked
}

fn check_len_min(name: &Ident, batching: &Batching, len_max: Option<&TokenStream>, errors: &mut Errors) {
    match batching.wait {
        None => errors.on(
            name,
            "`len_min` is waited for: say how long at most, such as `len_min = 16, wait_max = \"2ms\"`",
        ),
        Some(Wait::Adaptive) => {
            errors.on(name, "`wait_max = adaptive` finds out what to wait for: remove `len_min`");
        }
        Some(Wait::AtMost(_)) => {}
    }
    let number =
        |tokens: &TokenStream| syn::parse2::<LitInt>(tokens.clone()).ok()?.base10_parse::<u32>().ok();
    let len_max = len_max.map_or(Some(LEN_MAX as u32), number);
    if let (Some(len_min), Some(len_max)) = (batching.len_min.as_ref().and_then(number), len_max)
        && len_min > len_max
    {
        errors.on(name, format!("a batch of `len_max = {len_max}` never holds {len_min} messages"));
    }
}

/// `"2ms"` or `adaptive`.
fn wait(opt: &Opt, errors: &mut Errors) -> Option<Wait> {
    if opt.is_word("adaptive") {
        return Some(Wait::Adaptive);
    }
    opt.duration("\"2ms\"", errors).map(Wait::AtMost)
}

/// `fail_all`, `retry(..)` or `bisect`; nothing for the first, which is the default.
fn on_error(opt: &Opt, errors: &mut Errors) -> Option<OnError> {
    const EXAMPLE: &str = "retry(max = 3, backoff = \"10ms..1s\")";
    let how = opt.nested(EXAMPLE, errors)?;
    match how.name.to_string().as_str() {
        "fail_all" => {
            how.flag(errors);
            None
        }
        "bisect" => {
            how.flag(errors);
            Some(OnError::Bisect)
        }
        "retry" => Some(retry(how, EXAMPLE, errors)),
        _ => {
            let message = "`on_error` is one of `fail_all`, `retry(max = 3)`, `bisect`";
            errors.on(&how.name, message);
            None
        }
    }
}

fn retry(how: Opt, example: &str, errors: &mut Errors) -> OnError {
    let (mut max, mut backoff) = (quote! { 3u32 }, Default::default());
    for opt in how.list(example, errors) {
        match opt.name.to_string().as_str() {
            "max" => max = opt.count("3", errors).unwrap_or(max),
            "backoff" => backoff = opt.range("\"10ms..1s\"", errors).unwrap_or(backoff),
            _ => options::unknown(&opt, "retry(..)", &["max", "backoff"], errors),
        }
    }
    OnError::Retry { max, backoff }
}

/// `async fn deposit(&mut self, batch: Batch<Deposit>) -> Result<(), E>`
pub(super) fn check(
    method: &Method,
    mut options: Options,
    params: Params,
    actor: &Actor<'_>,
    errors: &mut Errors,
) -> Option<Handler> {
    let name = &method.sig.ident;
    let variant = names::camel_case(name);
    let is_async = method.sig.asyncness.is_some();
    let fn_ = if is_async { "async fn" } else { "fn" };
    let write = format!("write `{fn_} {name}(&mut self, batch: Batch<{variant}>)`");
    if let Some(param) = params.beside_batch.as_ref() {
        let message = format!(
            "a batch handler takes one `Batch` of its message, and the context if it needs it: {write}"
        );
        errors.on(param, message);
    } else if params.batch.is_none() {
        errors.on(name, format!("a batch handler takes a `Batch` of its message: {write}"));
    }
    if let Some((name, _)) = options.breaker.take() {
        check_overload::check_breaker(&name, method, &params, None, errors);
    }
    let overload = options.take_overload();
    let ty = params.batch?;
    refuse_name(options.message.as_ref(), &ty, errors);
    let asked = options.batch.unwrap_or_else(|| {
        let message = types::text(&ty);
        errors.on(
            name,
            format!("a handler of `Batch<{message}>` says so: write `#[handler(batch(len_max = 1024))]`"),
        );
        Asked::default()
    });
    let answer = answer(method, options.is_alias, actor, errors);
    if let Some(on_error) = asked.on_error.filter(|_| !answer.is_result()) {
        errors.on(
            on_error,
            format!(
                "`on_error` is for a handler that can fail: write \
                 `{fn_} {name}(&mut self, batch: Batch<{}>) -> Result<(), E>`",
                types::text(&ty),
            ),
        );
    }
    Some(Handler {
        method: name.clone(),
        variant,
        vis: method.vis.clone(),
        docs: method.docs.clone(),
        is_async,
        reads: false,
        message: Message::Own(ty),
        kind: Kind::Batch(Box::new(asked.batching)),
        params: params.list,
        answer,
        invalidates: options.invalidates,
        updates: options.updates,
        overload,
    })
}

/// Nothing, or a `Result` of nothing.
fn answer(method: &Method, is_alias: bool, actor: &Actor<'_>, errors: &mut Errors) -> Answer {
    let Some(ty) = types::returned(&method.sig.output) else { return Answer::unit() };
    let answer = Answer::of(&owned_answer(ty, actor, errors), is_alias);
    let ok = types::last_segment(ty).and_then(|segment| types::type_args(segment).first().copied());
    if !answer.is_result() || (!is_alias && !ok.is_some_and(types::is_unit)) {
        errors.on(
            ty.to_token_stream(),
            "a batch handler answers each item with `item.reply(..)`: it returns nothing, or `Result<(), E>` \
             whose error answers the items that are left",
        );
        return Answer::unit();
    }
    answer
}
