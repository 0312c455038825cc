//! The generic parameters of what the macro makes: all of the actor's, or those that a message mentions.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::{GenericParam, Generics};

use crate::names::mentions;

/// The parameters of `all` that the tokens mention, those that their bounds mention, and the bounds.
pub(crate) fn mentioned_in(tokens: &TokenStream, all: &Generics) -> Generics {
    let mut kept: Vec<Ident> = names(all).into_iter().filter(|name| mentions(tokens, name)).collect();
    loop {
        let bounds = bounds_of(all, &kept);
        let more = names(all).into_iter().find(|name| !kept.contains(name) && mentions(&bounds, name));
        match more {
            Some(name) => kept.push(name),
            None => break,
        }
    }
    let mut generics = all.clone();
    generics.params = all
        .params
        .iter()
        .filter(|param| name(param).is_some_and(|name| kept.contains(name)))
        .cloned()
        .collect();
    if let Some(clause) = &mut generics.where_clause {
        let predicates = clause.predicates.iter().filter(|predicate| {
            let tokens = predicate.to_token_stream();
            let about: Vec<Ident> = names(all).into_iter().filter(|name| mentions(&tokens, name)).collect();
            !about.is_empty() && about.iter().all(|name| kept.contains(name))
        });
        clause.predicates = predicates.cloned().collect();
    }
    generics
}

/// The bounds of the parameters in `kept`. A `where` about several parameters counts if it begins with one of
/// them.
fn bounds_of(all: &Generics, kept: &[Ident]) -> TokenStream {
    let params = all.params.iter().filter(|param| name(param).is_some_and(|name| kept.contains(name)));
    let clauses =
        all.where_clause.iter().flat_map(|clause| &clause.predicates).filter(|predicate| match predicate {
            syn::WherePredicate::Type(predicate) => {
                let subject = predicate.bounded_ty.to_token_stream();
                kept.iter().any(|name| mentions(&subject, name))
            }
            _ => false,
        });
    quote! { #(#params)* #(#clauses)* }
}

/// Types and constants; a generic actor has no lifetimes.
fn names(generics: &Generics) -> Vec<Ident> {
    generics.params.iter().filter_map(name).cloned().collect()
}

fn name(param: &GenericParam) -> Option<&Ident> {
    match param {
        GenericParam::Type(param) => Some(&param.ident),
        GenericParam::Const(param) => Some(&param.ident),
        GenericParam::Lifetime(_) => None,
    }
}

/// `PhantomData` over the type parameters that `used_in` does not mention; nothing if it mentions all.
///
/// Behind `fn() ->`, so that it is `Send` and `Sync` whatever they are.
pub(crate) fn marker(generics: &Generics, used_in: &TokenStream) -> Option<TokenStream> {
    let unused: Vec<&Ident> =
        generics.type_params().map(|param| &param.ident).filter(|name| !mentions(used_in, name)).collect();
    if unused.is_empty() {
        return None;
    }
    let phantom = quote! { ::core::marker::PhantomData };
    Some(quote! { #phantom<fn() -> (#(#phantom<#unused>,)*)> })
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn text(tokens: TokenStream, all: Generics) -> String {
        let kept = mentioned_in(&tokens, &all);
        let (generics, _, clause) = kept.split_for_impl();
        quote!(#generics #clause).to_string()
    }

    #[test]
    fn a_message_takes_the_parameters_it_mentions() {
        let all: Generics = parse_quote!(<S: Store, T: Into<u8>, const N: usize>);
        assert_eq!(text(quote!(u8), all.clone()), "");
        assert_eq!(text(quote!(Vec<S::Item>), all.clone()), "< S : Store >");
        assert_eq!(text(quote!([T; N]), all), "< T : Into < u8 > , const N : usize >");
    }

    #[test]
    fn bounds_bring_their_parameters_along() {
        let all: Generics = parse_quote!(<K, S: Store<K>, X>);
        assert_eq!(text(quote!(S), all), "< K , S : Store < K > >");
        let mut all: Generics = parse_quote!(<K, S, X>);
        all.where_clause = Some(parse_quote!(where S: Store<K>, K: Clone, X: Copy));
        assert_eq!(text(quote!(S), all.clone()), "< K , S > where S : Store < K > , K : Clone");
        assert_eq!(text(quote!(K), all), "< K > where K : Clone");
    }

    #[test]
    fn what_is_not_used_is_marked() {
        let all: Generics = parse_quote!(<K, S, const N: usize>);
        assert!(marker(&all, &quote!(K S)).is_none());
        assert!(marker(&all, &quote!(K)).is_some_and(|marker| !mentions(&marker, &parse_quote!(K))));
    }
}
