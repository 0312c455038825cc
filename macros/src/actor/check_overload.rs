//! What stands against overload: `limit` and `shed` of `#[actor(..)]`, `priority` and `breaker` of `#[handler(..)]`.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};

use super::check_params::Params;
use super::model::Handler;
use super::parse::Method;
use super::settings::Settings;
use crate::errors::Errors;
use crate::options::{self, Opt};
use crate::types::Answer;

/// `limit(min = 1, max = 1000)`
#[derive(Default)]
pub(crate) struct Limit {
    pub(crate) min: Option<TokenStream>,
    pub(crate) max: Option<TokenStream>,
}

/// `shed(target = "5ms", interval = "100ms")`
pub(crate) struct Shed {
    pub(crate) target: Duration,
    pub(crate) interval: Duration,
}

/// `breaker(failures = 5, open = "1s..60s", trials = 1, trial_max = "10s", slow = "10s")`
#[derive(Default)]
pub(crate) struct Breaker {
    pub(crate) failures: Option<TokenStream>,
    pub(crate) open: Option<(Duration, Duration)>,
    pub(crate) trials: Option<TokenStream>,
    pub(crate) trial_max: Option<Duration>,
    pub(crate) slow: Option<Duration>,
}

/// CoDel's, where nothing else is given.
const TARGET: Duration = Duration::from_millis(5);
const INTERVAL: Duration = Duration::from_millis(100);

pub(crate) fn limit(opt: Opt, errors: &mut Errors) -> Limit {
    let mut limit = Limit::default();
    for opt in opt.list("limit(min = 1, max = 1000)", errors) {
        match opt.name.to_string().as_str() {
            "min" => limit.min = opt.count("1", errors),
            "max" => limit.max = opt.count("1000", errors),
            _ => options::unknown(&opt, "limit(..)", &["min", "max"], errors),
        }
    }
    limit
}

pub(crate) fn shed(opt: Opt, errors: &mut Errors) -> Shed {
    let mut shed = Shed { target: TARGET, interval: INTERVAL };
    let name = opt.name.clone();
    for opt in opt.list("shed(target = \"5ms\", interval = \"100ms\")", errors) {
        match opt.name.to_string().as_str() {
            "target" => shed.target = opt.duration("\"5ms\"", errors).unwrap_or(TARGET),
            "interval" => {
                shed.interval = opt.duration("\"100ms\"", errors).unwrap_or(shed.target.max(INTERVAL))
            }
            _ => options::unknown(&opt, "shed(..)", &["target", "interval"], errors),
        }
    }
    if shed.interval < shed.target {
        errors.on(
            name,
            "the `interval` is what waits are looked at over, so it is longer than the `target`: \
             write for instance `shed(target = \"5ms\", interval = \"100ms\")`",
        );
    }
    shed
}

/// The variant of `Priority`, and the word that said so.
pub(super) fn priority(opt: &Opt, errors: &mut Errors) -> Option<(Ident, &'static str)> {
    let word = opt.word(&["low", "normal", "high"], errors)?;
    let variant = match word {
        "low" => "Low",
        "high" => "High",
        _ => "Normal",
    };
    Some((opt.name.clone(), variant))
}

/// The options, and the word that stands before them.
pub(super) fn breaker(opt: Opt, errors: &mut Errors) -> (Ident, Breaker) {
    let mut breaker = Breaker::default();
    let name = opt.name.clone();
    for opt in opt.list("breaker(failures = 5, open = \"1s..60s\")", errors) {
        match opt.name.to_string().as_str() {
            "failures" => breaker.failures = opt.count("5", errors),
            "open" => breaker.open = opt.range("\"1s..60s\"", errors),
            "trials" => breaker.trials = opt.count("1", errors),
            "trial_max" => breaker.trial_max = opt.duration("\"10s\"", errors),
            "slow" => breaker.slow = opt.duration("\"2s\"", errors),
            _ => options::unknown(
                &opt,
                "breaker(..)",
                &["failures", "open", "trials", "trial_max", "slow"],
                errors,
            ),
        }
    }
    (name, breaker)
}

/// A breaker sees the answer that the handler returns.
pub(super) fn check_breaker(
    name: &Ident,
    method: &Method,
    params: &Params,
    answer: Option<&Answer>,
    errors: &mut Errors,
) {
    let method = &method.sig.ident;
    if params.batch.is_some() {
        errors.on(
            name,
            "a batch has many outcomes and a breaker counts one: use `overload::Breaker` around what fails",
        );
    } else if params.reply.is_some() {
        errors.on(
            name,
            "a handler with a `ReplyTo` answers later, where its breaker does not see it: \
             use `overload::Breaker` around what fails",
        );
    } else if answer.is_some_and(|answer| !answer.is_result()) {
        errors.on(
            name,
            format!("a breaker counts the errors of what it guards: write `fn {method}(..) -> Result<T, E>`"),
        );
    }
}

/// Tells the handlers what stands at their actor's mailbox.
pub(super) fn check_guarded(handlers: &mut [Handler], settings: &Settings, errors: &mut Errors) {
    for handler in handlers {
        handler.overload.is_guarded = settings.has_guard();
        if let (Some((name, _)), false) = (&handler.overload.priority, settings.has_guard()) {
            errors.on(
                name,
                "`priority` says who is refused first, and this actor refuses nobody: \
                 write `#[actor(limit)]` or `#[actor(shed)]` as well",
            );
        }
    }
}
