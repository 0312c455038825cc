//! The options of `#[actor(..)]`.

use std::time::Duration;

use proc_macro2::TokenStream;

use super::check_overload::{self, Limit, Shed};
use crate::errors::Errors;
use crate::options::{self, Opt};

/// What the user set; the rest has the defaults of `Settings`.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) len_max: Option<TokenStream>,
    pub(crate) unbounded: bool,
    /// The variant of `Overflow`.
    pub(crate) overflow: Option<&'static str>,
    pub(crate) restart_max: Option<TokenStream>,
    pub(crate) restart_within: Option<Duration>,
    pub(crate) backoff: Option<(Duration, Duration)>,
    /// The variant of `Inline`.
    pub(crate) inline: Option<&'static str>,
    pub(crate) limit: Option<Limit>,
    pub(crate) shed: Option<Shed>,
}

impl Settings {
    /// Something stands at the mailbox.
    pub(crate) fn has_guard(&self) -> bool {
        self.limit.is_some() || self.shed.is_some()
    }
}

pub(crate) fn check(attr: TokenStream, errors: &mut Errors) -> Settings {
    let mut settings = Settings::default();
    for opt in options::parse(attr, errors) {
        match opt.name.to_string().as_str() {
            "mailbox" => mailbox(opt, &mut settings, errors),
            "restart" => restart(opt, &mut settings, errors),
            "inline" => {
                settings.inline = opt.word(&["auto", "always", "never"], errors).map(|word| match word {
                    "always" => "Always",
                    "never" => "Never",
                    _ => "Auto",
                });
            }
            "limit" => settings.limit = Some(check_overload::limit(opt, errors)),
            "shed" => settings.shed = Some(check_overload::shed(opt, errors)),
            _ => options::unknown(
                &opt,
                "#[actor(..)]",
                &["mailbox", "restart", "inline", "limit", "shed"],
                errors,
            ),
        }
    }
    settings
}

fn mailbox(opt: Opt, settings: &mut Settings, errors: &mut Errors) {
    for opt in opt.list("mailbox(len_max = 4096)", errors) {
        match opt.name.to_string().as_str() {
            "len_max" => {
                settings.len_max = opt.count("4096", errors);
                refuse_bound(&opt, settings, errors);
            }
            "overflow" => {
                settings.overflow = opt.word(&["reject", "drop_oldest"], errors).map(|word| match word {
                    "drop_oldest" => "DropOldest",
                    _ => "Reject",
                });
                refuse_bound(&opt, settings, errors);
            }
            "unbounded" => {
                opt.flag(errors);
                settings.unbounded = true;
                if settings.len_max.is_some() || settings.overflow.is_some() {
                    refuse_bound(&opt, settings, errors);
                }
            }
            _ => options::unknown(&opt, "mailbox(..)", &["len_max", "overflow", "unbounded"], errors),
        }
    }
}

/// An unbounded mailbox is never full.
fn refuse_bound(opt: &Opt, settings: &Settings, errors: &mut Errors) {
    if settings.unbounded {
        errors.on(
            &opt.name,
            "an `unbounded` mailbox has no `len_max` and no `overflow`: write one or the other, \
             such as `mailbox(len_max = 4096)`",
        );
    }
}

fn restart(opt: Opt, settings: &mut Settings, errors: &mut Errors) {
    for opt in opt.list("restart(max = 5, within = \"10s\")", errors) {
        match opt.name.to_string().as_str() {
            "max" => settings.restart_max = opt.count_or_zero("5", errors),
            "within" => settings.restart_within = opt.duration("\"10s\"", errors),
            "backoff" => settings.backoff = opt.range("\"50ms..5s\"", errors),
            _ => options::unknown(&opt, "restart(..)", &["max", "within", "backoff"], errors),
        }
    }
}
