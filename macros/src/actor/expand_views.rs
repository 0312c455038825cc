//! What others read without asking: a struct with a field a `#[cached]` method.

use proc_macro2::TokenStream;
use quote::quote;

use super::expand_overload;
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
    let (overload_types, overload) = expand_overload::fields(model);
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
        pub struct #name #impl_generics #where_clause { #(#types)* #(#cache_types)* #overload_types #marker_type }

        #[automatically_derived]
        impl #impl_generics ::core::default::Default for #name #type_generics #where_clause {
            fn default() -> Self {
                #name {
                    #(#views: ::core::default::Default::default(),)*
                    #(#caches)*
                    #overload
                    #marker
                }
            }
        }
    }
}

fn cache_type(handler: &Handler) -> Option<TokenStream> {
    let (name, key, reply) = (names::made(&handler.method), &handler.key()?.ty, &handler.answer.reply);
    let ty = match handler.tiered() {
        None => quote! { KeyedCache },
        Some(_) => quote! { Accessor },
    };
    Some(quote! { #name: ::ostraca::__private::#ty<#key, #reply>, })
}

fn cache(handler: &Handler) -> Option<TokenStream> {
    let Kind::Cached { capacity, ttl, tiered } = &handler.kind else { return None };
    let (name, ttl) = (names::made(&handler.method), duration::expression(*ttl));
    let Some(tiered) = tiered else {
        return Some(quote! { #name: ::ostraca::__private::KeyedCache::new(#capacity, #ttl), });
    };
    let stale = tiered.stale.map(|stale| {
        let stale = duration::expression(stale);
        quote! { .stale(#stale) }
    });
    let negative = tiered.negative.map(|negative| {
        let negative = duration::expression(negative);
        quote! { .negative(#negative) }
    });
    let tiers = tiered.tiers.as_ref().map(|tiers| quote! { .tiers(&[#(#tiers),*]) });
    Some(quote! {
        #name: ::ostraca::__private::Accessor::new(#capacity, #ttl) #stale #negative #tiers,
    })
}

fn marker_name(model: &Model) -> proc_macro2::Ident {
    let views = model.views.iter().map(|view| &view.method);
    let caches = model.caches().map(|handler| &handler.method);
    names::fresh("marker", &quote! { #(#views)* #(#caches)* })
}
