//! Takes the impl apart: the macro's attributes come off, the rest stays as the user wrote it.

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, FnArg, ImplItem, Item, ItemImpl, Signature, Visibility};

use crate::errors::Errors;

/// The attributes on an item of the impl that are the macro's.
const ON_ITEMS: [&str; 4] = ["start", "stop", "handler", "cached"];
/// Those on a parameter. Documentation there is the macro's too: rustc takes none.
const ON_PARAMS: [&str; 3] = ["key", "message", "doc"];

pub(crate) struct Parsed {
    /// The impl without the macro's attributes.
    pub(crate) item: ItemImpl,
    /// The methods that had one, in order.
    pub(crate) methods: Vec<Method>,
    /// Attributes on what is no method.
    pub(crate) astray: Vec<Attribute>,
}

pub(crate) struct Method {
    /// The macro's, in order.
    pub(crate) attrs: Vec<Attribute>,
    /// `#[cfg]`.
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    /// With the attributes on its parameters.
    pub(crate) sig: Signature,
}

/// Nothing if it is no impl.
pub(crate) fn parse(item: TokenStream, errors: &mut Errors) -> Option<Parsed> {
    let mut item = match errors.ok(syn::parse2::<Item>(item))? {
        Item::Impl(item) => item,
        Item::Struct(item) => {
            let name = &item.ident;
            errors.at(
                Span::call_site(),
                format!(
                    "`#[actor]` goes on the impl with the handlers: write it before `impl {name} {{ .. }}`"
                ),
            );
            return None;
        }
        _ => {
            errors.at(
                Span::call_site(),
                "`#[actor]` goes on the impl with the handlers, such as `impl Ledger { .. }`",
            );
            return None;
        }
    };
    let mut methods = Vec::new();
    let mut astray = Vec::new();
    for member in &mut item.items {
        match member {
            ImplItem::Fn(function) => methods.extend(method(function)),
            ImplItem::Const(member) => astray.extend(take(&mut member.attrs, &ON_ITEMS)),
            ImplItem::Type(member) => astray.extend(take(&mut member.attrs, &ON_ITEMS)),
            ImplItem::Macro(member) => astray.extend(take(&mut member.attrs, &ON_ITEMS)),
            _ => {}
        }
    }
    Some(Parsed { item, methods, astray })
}

/// Nothing for a method that has none of the macro's attributes.
fn method(function: &mut syn::ImplItemFn) -> Option<Method> {
    let attrs = take(&mut function.attrs, &ON_ITEMS);
    if attrs.is_empty() {
        return None;
    }
    let named =
        |name: &str| function.attrs.iter().filter(|attr| attr.path().is_ident(name)).cloned().collect();
    let (cfgs, docs) = (named("cfg"), named("doc"));
    let vis = function.vis.clone();
    let sig = function.sig.clone();
    for input in &mut function.sig.inputs {
        match input {
            FnArg::Typed(param) => drop(take(&mut param.attrs, &ON_PARAMS)),
            FnArg::Receiver(receiver) => drop(take(&mut receiver.attrs, &ON_PARAMS)),
        }
    }
    Some(Method { attrs, cfgs, docs, vis, sig })
}

/// Takes the attributes of these names out.
fn take(attrs: &mut Vec<Attribute>, names: &[&str]) -> Vec<Attribute> {
    attrs.extract_if(.., |attr| names.iter().any(|name| attr.path().is_ident(name))).collect()
}
