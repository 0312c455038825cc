//! Names: those that the macro makes, and those that a handler cannot have.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::format_ident;

/// Methods that a reference to actors has itself, by std's traits or its own, so that a handler behind its `Deref` could
/// not be called by the same name.
const HIDDEN_BY: [(&str, &str); 21] = [
    ("clone", "Clone"),
    ("clone_from", "Clone"),
    ("to_owned", "ToOwned"),
    ("clone_into", "ToOwned"),
    ("into", "Into"),
    ("try_into", "TryInto"),
    ("borrow", "Borrow"),
    ("borrow_mut", "BorrowMut"),
    ("type_id", "Any"),
    ("fmt", "Debug"),
    ("to_string", "ToString"),
    ("eq", "PartialEq"),
    ("ne", "PartialEq"),
    ("hash", "Hash"),
    ("as_ref", "AsRef"),
    ("as_mut", "AsMut"),
    ("deref", "Deref"),
    ("deref_mut", "DerefMut"),
    ("drop", "Drop"),
    ("shard", "Shards"),
    ("all", "Shards"),
];

/// Names of types and traits that every module has; a message of that name would hide them.
const PRELUDE: [&str; 31] = [
    "AsMut",
    "AsRef",
    "AsyncFn",
    "AsyncFnMut",
    "AsyncFnOnce",
    "Box",
    "Clone",
    "Copy",
    "Default",
    "Drop",
    "Eq",
    "Extend",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "Future",
    "Into",
    "IntoFuture",
    "IntoIterator",
    "Iterator",
    "Option",
    "Ord",
    "Result",
    "Self",
    "Send",
    "Sized",
    "String",
    "Sync",
    "ToString",
    "Vec",
];

/// The trait whose method of this name comes first on a reference to the actor.
pub(crate) fn hidden_by(method: &Ident) -> Option<&'static str> {
    HIDDEN_BY.iter().find(|(name, _)| method == name).map(|(_, by)| *by)
}

/// Whether a type of this name would hide one of std's prelude.
pub(crate) fn is_prelude(name: &Ident) -> bool {
    PRELUDE.iter().any(|prelude| name == prelude)
}

/// `place_order` to `PlaceOrder`, with the same span.
pub(crate) fn camel_case(method: &Ident) -> Ident {
    let name = plain(method);
    let mut camel = String::with_capacity(name.len());
    for word in name.split('_') {
        let mut chars = word.chars();
        camel.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(chars.as_str());
    }
    Ident::new(&camel, method.span())
}

/// The same name where the user wrote it, but marked as made, so that lints about unused and undocumented items
/// leave it alone.
pub(crate) fn made(written: &Ident) -> Ident {
    let mut ident = written.clone();
    ident.set_span(Span::call_site().located_at(written.span()));
    ident
}

/// The name without the `r#` of a raw identifier.
pub(crate) fn plain(ident: &Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_owned()
}

/// A name for a local variable that no name of the user's can meet.
pub(crate) fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// `wanted`, or `wanted` with a number behind it where the user's tokens have that name already.
pub(crate) fn fresh(wanted: &str, taken_in: &TokenStream) -> Ident {
    let mut name = format_ident!("{wanted}");
    let mut count = 2;
    while mentions(taken_in, &name) {
        name = format_ident!("{wanted}{count}");
        count += 1;
    }
    name
}

/// Whether the identifier occurs anywhere in the tokens.
pub(crate) fn mentions(tokens: &TokenStream, name: &Ident) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *name,
        TokenTree::Group(group) => mentions(&group.stream(), name),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// Whether the tokens name a type so, with no path before it: `Product`, not `model::Product`.
pub(crate) fn mentions_alone(tokens: &TokenStream, name: &Ident) -> bool {
    let mut colons = 0;
    tokens.clone().into_iter().any(|token| {
        let is_behind_path = colons == 2;
        colons =
            if matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ':') { colons + 1 } else { 0 };
        match token {
            TokenTree::Ident(ident) => ident == *name && !is_behind_path,
            TokenTree::Group(group) => mentions_alone(&group.stream(), name),
            TokenTree::Punct(_) | TokenTree::Literal(_) => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn a_method_name_becomes_a_type_name() {
        for (method, expected) in [
            ("withdraw", "Withdraw"),
            ("place_order", "PlaceOrder"),
            ("step_2", "Step2"),
            ("_quiet", "Quiet"),
        ] {
            assert_eq!(camel_case(&format_ident!("{method}")), expected);
        }
        assert_eq!(camel_case(&Ident::new_raw("type", Span::call_site())), "Type");
    }

    #[test]
    fn a_name_behind_a_path_is_another() {
        let product = format_ident!("Product");
        assert!(mentions_alone(&quote!(id: Product), &product));
        assert!(mentions_alone(&quote!(Option<Arc<Product>>), &product));
        assert!(!mentions_alone(&quote!(-> Option<(Arc<model::Product>,)>), &product));
    }

    #[test]
    fn a_fresh_name_is_not_in_the_tokens() {
        assert_eq!(fresh("R", &quote!(HashMap<K, V>)), "R");
        assert_eq!(fresh("R", &quote!(impl<R, const R2: usize>)), "R3");
        assert_eq!(fresh("R", &quote!((u8, [Vec<R>; 2]))), "R2");
    }
}
