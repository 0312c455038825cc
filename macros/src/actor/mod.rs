//! `#[actor]`: parse, check, expand.
//!
//! `parse` takes the macro's attributes off the impl, `check` makes the [`model`] and all errors, `expand` makes
//! the code from the model and no errors. With errors the model is as whole as can be and nothing in the made
//! code calls the user's, so that callers elsewhere still compile.

mod check;
mod check_batch;
mod check_cached;
mod check_handler;
mod check_lifecycle;
mod check_overload;
mod check_params;
mod expand;
mod expand_actor;
mod expand_messages;
mod expand_methods;
mod expand_overload;
mod expand_turns;
mod expand_views;
mod model;
mod parse;
mod settings;

use proc_macro2::TokenStream;
use quote::quote;

use crate::errors::Errors;

pub(crate) fn expand(attr: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let settings = settings::check(attr, &mut errors);
    let parsed = match parse::parse(item.clone(), &mut errors) {
        Some(parsed) => parsed,
        None => {
            let errors = errors.into_tokens();
            return quote! { #item #errors };
        }
    };
    let made = check::check(&parsed, settings, &mut errors).map(|model| expand::expand(&model));
    let item = parsed.item;
    let errors = errors.into_tokens();
    quote! { #item #made #errors }
}
