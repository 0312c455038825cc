//! The messages: a struct a handler, the enum of them all, and what ties the two.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::Generics;

use super::expand::docs;
use super::expand_overload;
use super::expand_turns;
use super::model::{Field, Handler, Kind, Message, Model};
use crate::message::{keyed, message as impl_message};
use crate::{generics, names};

/// The struct made for a handler, and its traits; nothing where the user wrote one.
pub(super) fn message(model: &Model, handler: &Handler) -> TokenStream {
    let Message::Made { name, generics, fields, marker } = &handler.message else {
        return TokenStream::new();
    };
    let made = Made { name: names::made(name), generics, fields, marker: marker.as_ref() };
    let definition = made.definition(model, handler);
    let clone = made.clone_impl();
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let header = quote! { impl #impl_generics };
    let target = handler.message_type();
    let where_clause = where_clause.to_token_stream();
    let message = impl_message(&header, &target, where_clause.clone(), &handler.answer, None);
    let key = handler.key().map(|key| {
        let member = names::made(&key.name);
        keyed(&header, &target, where_clause, &quote! { #member }, &key.ty)
    });
    let cached = matches!(handler.kind, Kind::Cached { .. }).then(|| made.cached(model, handler));
    quote! { #definition #clone #message #key #cached }
}

struct Made<'a> {
    name: Ident,
    generics: &'a Generics,
    fields: &'a [Field],
    marker: Option<&'a TokenStream>,
}

impl Made<'_> {
    fn definition(&self, model: &Model, handler: &Handler) -> TokenStream {
        let name = &self.name;
        let vis = handler.visibility();
        let method = names::plain(&handler.method);
        let docs = docs(model, &handler.docs, &format!("The message of `{}::{method}`.", model.name));
        let fields = self.fields.iter().map(|field| {
            let docs = super::expand::docs(
                model,
                &field.docs,
                &format!("What `{method}` takes as `{}`.", field.name),
            );
            let (name, ty) = (names::made(&field.name), &field.ty);
            quote! { #docs #vis #name: #ty, }
        });
        let (impl_generics, _, where_clause) = self.generics.split_for_impl();
        if self.fields.is_empty() && self.marker.is_none() {
            return quote! { #docs #vis struct #name #impl_generics #where_clause; };
        }
        let marker = self.marker.map(|ty| {
            let name = marker_name(self.fields);
            quote! { #[doc(hidden)] #vis #name: #ty, }
        });
        quote! { #docs #vis struct #name #impl_generics #where_clause { #(#fields)* #marker } }
    }

    /// `Clone` where every field is, so that it can be sent to all shards at once.
    fn clone_impl(&self) -> TokenStream {
        let name = &self.name;
        let (impl_generics, type_generics, where_clause) = self.generics.split_for_impl();
        let predicates = where_clause.map(|clause| &clause.predicates).into_iter().flatten();
        let fields = self.fields.iter().map(|field| names::made(&field.name));
        // The unused lifetime makes the bound one that may be false: without it, a field that is not `Clone` is
        // an error here.
        let bounds = self.fields.iter().map(|field| {
            let ty = &field.ty;
            quote! { for<'clone> #ty: ::core::clone::Clone }
        });
        let marker = self.marker.map(|_| {
            let name = marker_name(self.fields);
            quote! { #name: ::core::marker::PhantomData, }
        });
        quote! {
            #[automatically_derived]
            impl #impl_generics ::core::clone::Clone for #name #type_generics
            where
                #(#predicates,)*
                #(#bounds,)*
            {
                fn clone(&self) -> Self {
                    #name { #(#fields: ::core::clone::Clone::clone(&self.#fields),)* #marker }
                }
            }
        }
    }

    fn cached(&self, model: &Model, handler: &Handler) -> TokenStream {
        let Some(Field { name: key, ty: key_type, .. }) = handler.key() else { return TokenStream::new() };
        let key = names::made(key);
        let actor = &model.ty;
        let method = names::made(&handler.method);
        let target = handler.message_type();
        let reply = &handler.answer.reply;
        let name = &self.name;
        // The actor's parameters, some of which the message may not have.
        let (impl_generics, _, where_clause) = model.generics.split_for_impl();
        let marker = self.marker.map(|_| {
            let name = marker_name(self.fields);
            quote! { #name: ::core::marker::PhantomData, }
        });
        let (of_trait, place, cache) = match handler.tiered() {
            None => (quote! { CachedMessage }, quote! { cache }, quote! { KeyedCache }),
            Some(_) => (quote! { TieredMessage }, quote! { accessor }, quote! { Accessor }),
        };
        quote! {
            #[automatically_derived]
            impl #impl_generics ::ostraca::__private::#of_trait<#actor> for #target #where_clause {
                type Key = #key_type;

                fn from_key(key: #key_type) -> Self {
                    #name { #key: key, #marker }
                }

                fn #place(
                    views: &<#actor as ::ostraca::__private::Actor>::Views,
                ) -> &::ostraca::__private::#cache<#key_type, #reply> {
                    &views.#method
                }
            }
        }
    }
}

/// The name of the field that holds what is not used.
pub(super) fn marker_name(fields: &[Field]) -> Ident {
    let names = fields.iter().map(|field| &field.name);
    names::fresh("marker", &quote! { #(#names)* })
}

/// Public, because it is named in a public trait's impl; hidden, because nobody needs it.
pub(super) fn message_enum(model: &Model) -> TokenStream {
    let name = model.enum_name();
    let (impl_generics, _, where_clause) = model.generics.split_for_impl();
    let actor = model.name.to_string();
    let doc = format!("The messages of `{actor}`.");
    let stamp = expand_overload::stamp_type(model);
    let stamp = &stamp;
    let variants = model.handlers.iter().map(|handler| {
        let (variant, message) = (names::made(&handler.variant), handler.message_type());
        let doc = format!("For `{actor}::{}`.", names::plain(&handler.method));
        quote! { #[doc = #doc] #variant(::ostraca::__private::Envelope<#message> #stamp), }
    });
    let unused = unused_variant(model).map(|(variant, marker)| {
        quote! {
            #[doc = "Never made: names the parameters that no message has."]
            #variant(::core::convert::Infallible, #marker),
        }
    });
    quote! {
        #[doc = #doc]
        #[doc(hidden)]
        pub enum #name #impl_generics #where_clause { #(#variants)* #unused }
    }
}

/// The variant that mentions the parameters that no message does, and its marker.
pub(super) fn unused_variant(model: &Model) -> Option<(Ident, TokenStream)> {
    let messages = model.handlers.iter().map(Handler::message_type);
    let marker = generics::marker(&model.generics, &quote! { #(#messages)* })?;
    let variants = model.handlers.iter().map(|handler| &handler.variant);
    let mut name = names::fresh("Unused", &quote! { #(#variants)* });
    name.set_span(Span::call_site());
    Some((name, marker))
}

/// `impl Handles<Message> for Actor`.
pub(super) fn handles(model: &Model, handler: &Handler, index: usize) -> TokenStream {
    let (actor, message) = (&model.ty, handler.message_type());
    let (enum_name, variant) = (model.enum_name(), names::made(&handler.variant));
    let (impl_generics, _, where_clause) = model.generics.split_for_impl();
    let is_only = model.handlers.len() == 1 && unused_variant(model).is_none();
    let text = format_ident!("{}", handler.variant).to_string();
    let otherwise = (!is_only).then(|| quote! { _ => ::core::option::Option::None, });
    let direct = (!model.is_broken).then(|| expand_turns::direct(handler, index));
    let admits = (!model.is_broken).then(|| expand_overload::admits(model, handler));
    let stamp = expand_overload::stamp(model);
    let other = (!is_only).then(|| {
        quote! { _ => ::core::unreachable!("the caller knows that it is `{}`", #text), }
    });
    quote! {
        #[automatically_derived]
        impl #impl_generics ::ostraca::__private::Handles<#message> for #actor #where_clause {
            #direct
            #admits

            fn wrap(envelope: ::ostraca::__private::Envelope<#message>) -> Self::Message {
                #enum_name::#variant(envelope #stamp)
            }

            fn peek(message: &Self::Message) -> ::core::option::Option<&#message> {
                match message {
                    #enum_name::#variant(envelope, ..) => ::core::option::Option::Some(envelope.message()),
                    #otherwise
                }
            }

            fn unwrap(message: Self::Message) -> ::ostraca::__private::Envelope<#message> {
                match message {
                    #enum_name::#variant(envelope, ..) => envelope,
                    #other
                }
            }
        }
    }
}
