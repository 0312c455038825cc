//! The macros of ostraca.

mod actor;
mod duration;
mod errors;
mod generics;
mod message;
mod names;
mod options;
mod types;

use proc_macro::TokenStream;

/// Makes an actor.
#[proc_macro_attribute]
pub fn actor(attr: TokenStream, item: TokenStream) -> TokenStream {
    actor::expand(attr.into(), item.into()).into()
}

/// Makes a message.
#[proc_macro_derive(Message, attributes(message, key))]
pub fn derive_message(input: TokenStream) -> TokenStream {
    message::derive(input.into()).into()
}
