//! The methods of references: a struct over a route, with a method a handler and a view.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::{GenericParam, Generics, parse_quote};

use super::expand::docs;
use super::expand_messages::marker_name;
use super::model::{Handler, Kind, Message, Model, View, in_crate_unless_said};
use crate::{generics, names};

pub(super) fn expand(model: &Model) -> TokenStream {
    let (name, actor, route) = (model.methods_name(), &model.ty, route(model));
    let declared = with_route(model, parse_quote!(#route));
    let bounded = with_route(model, parse_quote!(#route: ::ostraca::__private::Route<#actor>));
    let (declared_generics, type_generics, _) = declared.split_for_impl();
    let (impl_generics, _, where_clause) = bounded.split_for_impl();
    let doc = format!("The methods of references to `{}`.", model.name);
    let (marker_type, marker) = match generics::marker(&model.generics, &TokenStream::new()) {
        Some(ty) => (quote! { marker: #ty, }, quote! { marker: ::core::marker::PhantomData, }),
        None => (TokenStream::new(), TokenStream::new()),
    };
    let handlers = model.handlers.iter().map(|handler| method(model, handler, &route));
    let views = model.views.iter().map(|view| read(model, view, &route));
    quote! {
        #[doc = #doc]
        pub struct #name #declared_generics #where_clause { route: #route, #marker_type }

        #[automatically_derived]
        impl #impl_generics ::ostraca::__private::Methods<#route> for #name #type_generics #where_clause {
            fn new(route: #route) -> Self {
                #name { route, #marker }
            }

            fn route(&self) -> &#route {
                &self.route
            }
        }

        impl #impl_generics #name #type_generics #where_clause {
            #(#handlers)*
            #(#views)*
        }
    }
}

/// The route's type parameter.
fn route(model: &Model) -> Ident {
    names::fresh("R", &model.taken)
}

fn with_route(model: &Model, param: GenericParam) -> Generics {
    let mut generics = model.generics.clone();
    generics.params.push(param);
    generics
}

/// The methods over a route: `LedgerMethods<S, R>`.
pub(super) fn methods_over(model: &Model, route: &TokenStream) -> TokenStream {
    let name = model.methods_name();
    let params = model.generics.params.iter().filter_map(|param| match param {
        GenericParam::Type(param) => Some(&param.ident),
        GenericParam::Const(param) => Some(&param.ident),
        GenericParam::Lifetime(_) => None,
    });
    quote! { #name<#(#params,)* #route> }
}

fn method(model: &Model, handler: &Handler, route: &Ident) -> TokenStream {
    if matches!(handler.kind, Kind::Cached { .. }) {
        return cached(model, handler, route);
    }
    let (actor, message) = (&model.ty, handler.message_type());
    let (name, vis) = (names::made(&handler.method), handler.visibility());
    let plain = names::plain(&handler.method);
    let docs = docs(model, &handler.docs, &format!("Sends to `{}::{plain}`.", model.name));
    let (params, made) = match &handler.message {
        Message::Own(ty) => (quote! { message: #ty }, quote! { message }),
        Message::Made { name, fields, marker, .. } => {
            let name = names::made(name);
            let names: Vec<_> = fields.iter().map(|field| names::made(&field.name)).collect();
            let types = fields.iter().map(|field| &field.ty);
            let marker = marker.as_ref().map(|_| {
                let name = marker_name(fields);
                quote! { #name: ::core::marker::PhantomData, }
            });
            (quote! { #(#names: #types),* }, quote! { #name { #(#names,)* #marker } })
        }
    };
    // A parameter and not `R::Request<'_>`: looking a method up normalizes its answer, so that a route which does
    // not carry the message would be "no such method", and what the trait says of it would not be shown.
    let request = names::fresh("Request", &model.taken);
    quote! {
        #docs
        #vis fn #name<'route, #request>(&'route self, #params) -> #request
        where
            #route: ::ostraca::__private::Carries<#actor, #message, Request<'route> = #request>,
        {
            ::ostraca::__private::Carries::request(&self.route, #made)
        }
    }
}

/// A keyed read borrows its key or owns it.
fn cached(model: &Model, handler: &Handler, route: &Ident) -> TokenStream {
    let Some(key) = handler.key() else { return TokenStream::new() };
    let (actor, message) = (&model.ty, handler.message_type());
    let (name, vis) = (names::made(&handler.method), handler.visibility());
    let plain = names::plain(&handler.method);
    let docs = docs(model, &handler.docs, &format!("Reads `{}::{plain}` through its cache.", model.name));
    let (key, key_type) = (names::made(&key.name), &key.ty);
    let borrowed = names::fresh("B", &model.taken);
    let borrow = quote! { ::core::borrow::Borrow<#key_type> };
    let read = match handler.tiered() {
        None => quote! { ::ostraca::__private::Cached },
        Some(_) => quote! { ::ostraca::__private::TieredRead },
    };
    quote! {
        #docs
        #vis fn #name<'route, #borrowed>(
            &'route self,
            #key: #borrowed,
        ) -> #read<'route, #actor, #message, #borrowed>
        where
            #borrowed: #borrow + ::core::marker::Unpin + 'route,
            #route: ::ostraca::__private::Finds<#actor, #key_type>,
        {
            let target = ::ostraca::__private::Finds::find(&self.route, <#borrowed as #borrow>::borrow(&#key));
            #read::new(target, #key)
        }
    }
}

fn read(model: &Model, view: &View, route: &Ident) -> TokenStream {
    let (actor, ty) = (&model.ty, &view.ty);
    let (name, vis) = (names::made(&view.method), in_crate_unless_said(&view.vis));
    let plain = names::plain(&view.method);
    let docs = docs(model, &view.docs, &format!("What `{}::{plain}` was after the last turn.", model.name));
    // As in `method`.
    let value = names::fresh("Value", &model.taken);
    let read = quote_spanned! { view.span()=> |views| views.#name.read() };
    quote! {
        #docs
        #vis fn #name<#value>(&self) -> #value
        where
            #route: ::ostraca::__private::Reads<#actor, Read<::core::option::Option<#ty>> = #value>,
        {
            ::ostraca::__private::Reads::read(&self.route, #read)
        }
    }
}
