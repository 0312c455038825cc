//! What others read without asking: a struct with a field a `#[cached]` method.

use proc_macro2::TokenStream;
use quote::quote;

use super::model::{Handler, Kind, Model};
use crate::{duration, generics, names};

/// The struct and its `Default`; nothing where there are no views.
pub(super) fn expand(model: &Model) -> TokenStream {
    if !model.has_views() {
        return TokenStream::new();
    }
    let name = model.views_name();
    let (impl_generics, type_generics, where_clause) = model.generics.split_for_impl();
    let doc = format!("What others read of `{}` without asking.", model.name);
    let types = model.views.iter().map(|view| {
        let (name, ty) = (names::made(&view.method), &view.ty);
        quote! { #name: ::ostraca::__private::View<#ty>, }
    });
    let views = model.views.iter().map(|view| names::made(&view.method));
    let cache_types = model.caches().filter_map(cache_type);
    let caches = model.caches().filter_map(cache);
    let (marker_type, marker) = match generics::marker(&model.generics, &TokenStream::new()) {
        Some(ty) => {
            let name = marker_name(model);
            (quote! { #name: #ty, }, quote! { #name: ::core::marker::PhantomData, })
        }
        None => (TokenStream::new(), TokenStream::new()),
    };
    quote! {
        #[doc = #doc]
        #[doc(hidden)]
        pub struct #name #impl_generics #where_clause { #(#types)* #(#cache_types)* #marker_type }

        #[automatically_derived]
        impl #impl_generics ::core::default::Default for #name #type_generics #where_clause {
            fn default() -> Self {
                #name {
                    #(#views: ::core::default::Default::default(),)*
                    #(#caches)*
                    #marker
                }
            }
        }
    }
}

fn cache_type(handler: &Handler) -> Option<TokenStream> {
    let (name, key, reply) = (names::made(&handler.method), &handler.key()?.ty, &handler.answer.reply);
    Some(quote! { #name: ::ostraca::__private::KeyedCache<#key, #reply>, })
}

fn cache(handler: &Handler) -> Option<TokenStream> {
    let Kind::Cached { capacity, ttl } = &handler.kind else { return None };
    let (name, ttl) = (names::made(&handler.method), duration::expression(*ttl));
    Some(quote! { #name: ::ostraca::__private::KeyedCache::new(#capacity, #ttl), })
}

fn marker_name(model: &Model) -> proc_macro2::Ident {
    let views = model.views.iter().map(|view| &view.method);
    let caches = model.caches().map(|handler| &handler.method);
    names::fresh("marker", &quote! { #(#views)* #(#caches)* })
}
