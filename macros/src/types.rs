//! What the macro can see in a type without knowing what its names mean.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::visit::Visit;
use syn::visit_mut::{self, VisitMut};
use syn::{
    GenericArgument, Lifetime, PathArguments, PathSegment, ReturnType, Type, TypeReference, parse_quote,
};

/// What a handler answers, split into the accepted answer and the refusal.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) reply: TokenStream,
    /// Nothing for an answer that is no `Result`.
    pub(crate) refusal: Option<TokenStream>,
}

impl Answer {
    /// Splits a type: `Result<T, E>` into both, an alias (`io::Result<T>`, or `is_alias`) by asking the compiler.
    pub(crate) fn of(ty: &Type, is_alias: bool) -> Self {
        let args = last_segment(ty).filter(|segment| segment.ident == "Result").map(type_args);
        match args.as_deref() {
            Some([reply, refusal]) if !is_alias => {
                Answer { reply: reply.to_token_stream(), refusal: Some(refusal.to_token_stream()) }
            }
            None if !is_alias => Answer { reply: ty.to_token_stream(), refusal: None },
            _ => Answer {
                reply: quote! { <#ty as ::ostraca::__private::IsResult>::Ok },
                refusal: Some(quote! { <#ty as ::ostraca::__private::IsResult>::Err }),
            },
        }
    }

    /// No answer but that it was done.
    pub(crate) fn unit() -> Self {
        Answer { reply: quote! { () }, refusal: None }
    }

    pub(crate) fn is_result(&self) -> bool {
        self.refusal.is_some()
    }

    /// The refusal's type; `Infallible` where there is none.
    pub(crate) fn refusal_or_never(&self) -> TokenStream {
        self.refusal.clone().unwrap_or_else(|| quote! { ::core::convert::Infallible })
    }
}

/// The type behind `->`; nothing for none and for `()`.
pub(crate) fn returned(output: &ReturnType) -> Option<&Type> {
    match output {
        ReturnType::Type(_, ty) if !is_unit(ty) => Some(ty),
        ReturnType::Type(..) | ReturnType::Default => None,
    }
}

pub(crate) fn is_unit(ty: &Type) -> bool {
    matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// The last name of a path: `Batch<Deposit>` of `ostraca::Batch<Deposit>`.
pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

/// The types in a path's angle brackets.
pub(crate) fn type_args(segment: &PathSegment) -> Vec<&Type> {
    let PathArguments::AngleBracketed(args) = &segment.arguments else { return Vec::new() };
    let types = args.args.iter().filter_map(|arg| match arg {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}

/// A reference to a type of this name: `&mut Context<Self>`.
pub(crate) fn reference_to<'a>(ty: &'a Type, name: &str) -> Option<&'a TypeReference> {
    match ty {
        Type::Reference(reference) => {
            last_segment(&reference.elem).filter(|segment| segment.ident == name).map(|_| reference)
        }
        _ => None,
    }
}

/// Why a type cannot stand in a message.
pub(crate) enum Flaw {
    /// It borrows; what to take instead.
    Borrowed { tokens: TokenStream, instead: Option<String> },
    /// It is an `impl Trait`.
    Unnamed { tokens: TokenStream },
}

/// The first borrow or `impl Trait` in a type. `'static`, and what a function type takes, is no borrow.
pub(crate) fn flaw(ty: &Type) -> Option<Flaw> {
    let mut search = Search(None);
    search.visit_type(ty);
    search.0
}

struct Search(Option<Flaw>);

impl<'ast> Visit<'ast> for Search {
    fn visit_type(&mut self, ty: &'ast Type) {
        if self.0.is_none() {
            syn::visit::visit_type(self, ty);
        }
    }

    fn visit_type_reference(&mut self, ty: &'ast TypeReference) {
        if ty.lifetime.as_ref().is_some_and(is_static) {
            return self.visit_type(&ty.elem);
        }
        self.0 = Some(Flaw::Borrowed { tokens: ty.to_token_stream(), instead: Some(owned(&ty.elem)) });
    }

    fn visit_type_impl_trait(&mut self, ty: &'ast syn::TypeImplTrait) {
        self.0 = Some(Flaw::Unnamed { tokens: ty.to_token_stream() });
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if self.0.is_none() && !is_static(lifetime) {
            self.0 = Some(Flaw::Borrowed { tokens: lifetime.to_token_stream(), instead: None });
        }
    }

    // Elided lifetimes in these belong to the function.
    fn visit_type_bare_fn(&mut self, _: &'ast syn::TypeBareFn) {}
    fn visit_parenthesized_generic_arguments(&mut self, _: &'ast syn::ParenthesizedGenericArguments) {}

    fn visit_trait_bound(&mut self, bound: &'ast syn::TraitBound) {
        if bound.lifetimes.is_none() {
            syn::visit::visit_trait_bound(self, bound);
        }
    }
}

fn is_static(lifetime: &Lifetime) -> bool {
    lifetime.ident == "static"
}

/// What owns what a reference to `target` borrows.
fn owned(target: &Type) -> String {
    match target {
        Type::Slice(slice) => format!("Vec<{}>", text(&slice.elem)),
        Type::TraitObject(object) => format!("Box<{}>", text(object)),
        _ => match text(target).as_str() {
            "str" => "String".to_owned(),
            "Path" => "PathBuf".to_owned(),
            other => other.to_owned(),
        },
    }
}

/// A type as a user would write it.
pub(crate) fn text(tokens: &impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (loose, tight) in [
        (" < ", "<"),
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" ,", ","),
        (" :: ", "::"),
        ("& ", "&"),
        ("' ", "'"),
    ] {
        text = text.replace(loose, tight);
    }
    text
}

/// `ty` with `Self` written out, for where it means something else.
pub(crate) fn without_self(ty: &Type, actor: &Type) -> Type {
    let mut ty = ty.clone();
    ReplaceSelf(actor).visit_type_mut(&mut ty);
    ty
}

/// As [`without_self`], of a number that stands outside the impl.
pub(crate) fn number_without_self(number: TokenStream, actor: &Type) -> TokenStream {
    match syn::parse2::<syn::Expr>(number.clone()) {
        Ok(mut number) => {
            ReplaceSelf(actor).visit_expr_mut(&mut number);
            number.into_token_stream()
        }
        Err(_) => number,
    }
}

struct ReplaceSelf<'a>(&'a Type);

impl ReplaceSelf<'_> {
    /// `Self::Item` as `<Actor>::Item`.
    fn qualified(&self, qself: &mut Option<syn::QSelf>, path: &mut syn::Path) {
        let begins_with_self = path.segments.first().is_some_and(|first| first.ident == "Self");
        if qself.is_none() && begins_with_self && path.segments.len() > 1 {
            let actor = self.0;
            let rest = path.segments.iter().skip(1);
            let made: syn::TypePath = parse_quote! { <#actor>::#(#rest)::* };
            (*qself, *path) = (made.qself, made.path);
        }
    }
}

impl VisitMut for ReplaceSelf<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if matches!(ty, Type::Path(path) if path.qself.is_none() && path.path.is_ident("Self")) {
            *ty = self.0.clone();
        } else {
            visit_mut::visit_type_mut(self, ty);
        }
    }

    fn visit_type_path_mut(&mut self, ty: &mut syn::TypePath) {
        self.qualified(&mut ty.qself, &mut ty.path);
        visit_mut::visit_type_path_mut(self, ty);
    }

    fn visit_expr_path_mut(&mut self, expr: &mut syn::ExprPath) {
        self.qualified(&mut expr.qself, &mut expr.path);
        visit_mut::visit_expr_path_mut(self, expr);
    }
}

/// `ty` with every borrow made `'static`, so that the rest of a faulty actor compiles.
pub(crate) fn made_static(ty: &Type) -> Type {
    let mut ty = ty.clone();
    MakeStatic.visit_type_mut(&mut ty);
    ty
}

struct MakeStatic;

impl VisitMut for MakeStatic {
    fn visit_type_reference_mut(&mut self, ty: &mut TypeReference) {
        ty.lifetime = Some(parse_quote!('static));
        ty.mutability = None;
        visit_mut::visit_type_reference_mut(self, ty);
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        *lifetime = parse_quote!('static);
    }

    fn visit_type_bare_fn_mut(&mut self, _: &mut syn::TypeBareFn) {}
    fn visit_parenthesized_generic_arguments_mut(&mut self, _: &mut syn::ParenthesizedGenericArguments) {}
    fn visit_trait_bound_mut(&mut self, _: &mut syn::TraitBound) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn borrowed(ty: Type) -> Option<Option<String>> {
        match flaw(&ty) {
            Some(Flaw::Borrowed { instead, .. }) => Some(instead),
            Some(Flaw::Unnamed { .. }) | None => None,
        }
    }

    #[test]
    fn a_result_is_split_and_an_alias_is_asked() {
        let answer = Answer::of(&parse_quote!(Result<i64, Insufficient>), false);
        assert_eq!(answer.reply.to_string(), "i64");
        assert_eq!(answer.refusal_or_never().to_string(), "Insufficient");
        let answer = Answer::of(&parse_quote!(std::result::Result<(), E<u8, u8>>), false);
        assert_eq!(answer.refusal_or_never().to_string(), "E < u8 , u8 >");
        assert!(Answer::of(&parse_quote!(io::Result<u8>), false).reply.to_string().contains("IsResult"));
        assert!(Answer::of(&parse_quote!(Outcome), true).reply.to_string().contains("IsResult"));
        assert!(!Answer::of(&parse_quote!(Option<Result<u8, u8>>), false).is_result());
    }

    #[test]
    fn borrows_are_found_and_owned_types_are_not() {
        assert_eq!(borrowed(parse_quote!(&str)), Some(Some("String".to_owned())));
        assert_eq!(borrowed(parse_quote!(Vec<&[u8]>)), Some(Some("Vec<u8>".to_owned())));
        assert_eq!(borrowed(parse_quote!(&mut HashMap<u8, u8>)), Some(Some("HashMap<u8, u8>".to_owned())));
        assert_eq!(borrowed(parse_quote!(Cow<'a, str>)), Some(None));
        assert_eq!(borrowed(parse_quote!(&'static str)), None);
        assert_eq!(borrowed(parse_quote!(Box<dyn Fn(&str) -> &str + Send>)), None);
        assert_eq!(borrowed(parse_quote!(fn(&str))), None);
        assert_eq!(borrowed(parse_quote!(Box<dyn for<'a> Visit<'a>>)), None);
        assert!(matches!(flaw(&parse_quote!(Vec<impl Send>)), Some(Flaw::Unnamed { .. })));
    }

    #[test]
    fn self_is_written_out() {
        let actor: Type = parse_quote!(Ledger<S>);
        let written = |ty: Type| text(&without_self(&ty, &actor));
        assert_eq!(written(parse_quote!(Self)), "Ledger<S>");
        assert_eq!(written(parse_quote!(Vec<Self>)), "Vec<Ledger<S>>");
        assert_eq!(written(parse_quote!(Self::Item)), "<Ledger<S>>::Item");
        assert_eq!(written(parse_quote!(<Self as Store>::Item)), "<Ledger<S> as Store>::Item");
    }
}
