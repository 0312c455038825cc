//! The options in an attribute: `name`, `name = value`, `name(option, ..)`.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, Token, Type, parenthesized, token};

use crate::duration;
use crate::errors::Errors;

/// One option.
pub(crate) struct Opt {
    pub(crate) name: Ident,
    value: Value,
}

enum Value {
    /// `unbounded`
    None,
    /// `len_max = 4096`
    Is(TokenStream),
    /// `mailbox(len_max = 4096)`
    List(Vec<Opt>),
}

/// The options of an attribute on an item; none for `#[name]`.
pub(crate) fn of_attribute(attr: &Attribute, errors: &mut Errors) -> Vec<Opt> {
    match &attr.meta {
        Meta::Path(_) => Vec::new(),
        Meta::List(list) => parse(list.tokens.clone(), errors),
        Meta::NameValue(pair) => {
            let name = pair.path.to_token_stream();
            errors.on(pair, format!("options stand in brackets: write `#[{name}(..)]`"));
            Vec::new()
        }
    }
}

/// The options in the brackets of an attribute. An option that stands twice is an error and kept once.
pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Vec<Opt> {
    let mut opts = errors.ok(list.parse2(tokens)).unwrap_or_default();
    drop_repeated(&mut opts, errors);
    opts
}

fn drop_repeated(opts: &mut Vec<Opt>, errors: &mut Errors) {
    let mut seen: Vec<Ident> = Vec::new();
    opts.retain(|opt| {
        let is_new = !seen.contains(&opt.name);
        if is_new {
            seen.push(opt.name.clone());
        } else {
            errors.on(&opt.name, format!("`{}` stands here twice: write it once", opt.name));
        }
        is_new
    });
}

fn list(input: ParseStream<'_>) -> syn::Result<Vec<Opt>> {
    Ok(Punctuated::<Opt, Token![,]>::parse_terminated_with(input, option)?.into_iter().collect())
}

fn option(input: ParseStream<'_>) -> syn::Result<Opt> {
    let name = Ident::parse_any(input)?;
    let value = if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        Value::Is(value(input)?)
    } else if input.peek(token::Paren) {
        let inner;
        parenthesized!(inner in input);
        Value::List(list(&inner)?)
    } else {
        Value::None
    };
    Ok(Opt { name, value })
}

/// A type (`Result<i64, Insufficient>`) or an expression (`4096`, `1 << 12`).
fn value(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let fork = input.fork();
    if let Ok(ty) = fork.parse::<Type>()
        && (fork.is_empty() || fork.peek(Token![,]))
    {
        input.advance_to(&fork);
        return Ok(ty.into_token_stream());
    }
    Ok(input.parse::<Expr>()?.into_token_stream())
}

/// Says that `owner` has no such option, and which it has.
pub(crate) fn unknown(opt: &Opt, owner: &str, allowed: &[&str], errors: &mut Errors) {
    let name = &opt.name;
    let message = match allowed {
        [] => format!("unknown option `{name}`: `{owner}` takes none"),
        _ => format!("unknown option `{name}`: `{owner}` takes {}", one_of(allowed)),
    };
    errors.on(name, message);
}

fn one_of(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

impl Opt {
    /// `name(option, ..)`: the options within. `name` alone is the same as `name()`.
    pub(crate) fn list(self, example: &str, errors: &mut Errors) -> Vec<Opt> {
        match self.value {
            Value::List(mut opts) => {
                drop_repeated(&mut opts, errors);
                opts
            }
            Value::None => Vec::new(),
            Value::Is(value) => {
                errors.on(value, format!("`{}` has options in brackets: write `{example}`", self.name));
                Vec::new()
            }
        }
    }

    /// `name`: nothing behind it.
    pub(crate) fn flag(&self, errors: &mut Errors) {
        if !matches!(self.value, Value::None) {
            errors.on(&self.name, format!("`{0}` stands alone: write `{0}`", self.name));
        }
    }

    fn value(&self, example: &str, errors: &mut Errors) -> Option<&TokenStream> {
        match &self.value {
            Value::Is(value) => Some(value),
            Value::None | Value::List(_) => {
                errors.on(&self.name, format!("`{0}` has a value: write `{0} = {example}`", self.name));
                None
            }
        }
    }

    /// `name = 4096`, at least 1: a number, or an expression that the compiler checks.
    pub(crate) fn count(&self, example: &str, errors: &mut Errors) -> Option<TokenStream> {
        self.number(1, example, errors)
    }

    /// `name = 0`: as [`count`](Self::count), or none at all.
    pub(crate) fn count_or_zero(&self, example: &str, errors: &mut Errors) -> Option<TokenStream> {
        self.number(0, example, errors)
    }

    fn number(&self, min: u32, example: &str, errors: &mut Errors) -> Option<TokenStream> {
        let value = self.value(example, errors)?;
        match syn::parse2::<Expr>(value.clone()) {
            Ok(Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) => {
                if number.base10_parse::<u32>().is_ok_and(|number| number >= min) {
                    return Some(value.clone());
                }
                errors.on(value, format!("`{}` is a number of {min} to {}", self.name, u32::MAX));
                None
            }
            Ok(expr) if !matches!(expr, Expr::Lit(_) | Expr::Unary(_)) => Some(value.clone()),
            _ => {
                errors.on(value, format!("`{0}` is a number: write `{0} = {example}`", self.name));
                None
            }
        }
    }

    /// `name = "10s"`, longer than nothing.
    pub(crate) fn duration(&self, example: &str, errors: &mut Errors) -> Option<Duration> {
        let text = self.text(example, errors)?;
        match duration::parse(&text.value()) {
            Ok(Duration::ZERO) => {
                errors.on(text, format!("`{}` is longer than zero: write for instance {example}", self.name));
                None
            }
            Ok(duration) => Some(duration),
            Err(message) => {
                errors.on(text, message);
                None
            }
        }
    }

    /// `name = "50ms..5s"`.
    pub(crate) fn range(&self, example: &str, errors: &mut Errors) -> Option<(Duration, Duration)> {
        let text = self.text(example, errors)?;
        let range = duration::parse_range(&text.value());
        range.map_err(|message| errors.on(text, message)).ok()
    }

    fn text(&self, example: &str, errors: &mut Errors) -> Option<syn::LitStr> {
        let value = self.value(example, errors)?;
        let text = syn::parse2::<syn::LitStr>(value.clone());
        text.map_err(|_| {
            errors.on(value, format!("`{0}` is a duration in quotes: write `{0} = {example}`", self.name));
        })
        .ok()
    }

    /// `name = word`, one of `words`.
    pub(crate) fn word(&self, words: &[&'static str], errors: &mut Errors) -> Option<&'static str> {
        let example = words.first().copied().unwrap_or_default();
        let value = self.value(example, errors)?;
        let text = value.to_string();
        let word = words.iter().copied().find(|word| *word == text);
        if word.is_none() {
            errors.on(value, format!("`{}` is one of {}", self.name, one_of(words)));
        }
        word
    }

    /// Whether it is `name = word`.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(&self.value, Value::Is(value) if value.to_string() == word)
    }

    /// `name = word` or `name = word(option, ..)`: what stands behind it, as an option.
    pub(crate) fn nested(&self, example: &str, errors: &mut Errors) -> Option<Opt> {
        let value = self.value(example, errors)?;
        let nested = option.parse2(value.clone());
        nested.map_err(|_| errors.on(value, format!("write for instance `{} = {example}`", self.name))).ok()
    }

    /// `name = expression`, which the compiler checks.
    pub(crate) fn expression(&self, example: &str, errors: &mut Errors) -> Option<TokenStream> {
        self.value(example, errors).cloned()
    }

    /// `name = Name`.
    pub(crate) fn ident(&self, example: &str, errors: &mut Errors) -> Option<Ident> {
        let value = self.value(example, errors)?;
        let ident = syn::parse2::<Ident>(value.clone());
        ident
            .map_err(|_| errors.on(value, format!("`{0}` is a name: write `{0} = {example}`", self.name)))
            .ok()
    }

    /// `name = Type`.
    pub(crate) fn ty(&self, example: &str, errors: &mut Errors) -> Option<Type> {
        let value = self.value(example, errors)?;
        let ty = syn::parse2::<Type>(value.clone());
        ty.map_err(|_| errors.on(value, format!("`{0}` is a type: write `{0} = {example}`", self.name))).ok()
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn options_have_values_types_and_lists() {
        let mut errors = Errors::default();
        let opts = parse(
            quote!(flag, len_max = 1 << 12, reply = Result<(u8, i64), E>, list(a, b = "1s")),
            &mut errors,
        );
        let names: Vec<_> = opts.iter().map(|opt| opt.name.to_string()).collect();
        assert_eq!(names, ["flag", "len_max", "reply", "list"]);
        assert!(opts[1].count("1", &mut errors).is_some());
        assert!(opts[2].ty("T", &mut errors).is_some());
        let inner = opts.into_iter().nth(3).map(|opt| opt.list("list()", &mut errors)).unwrap_or_default();
        assert_eq!(inner[1].duration("\"2s\"", &mut errors), Some(Duration::from_secs(1)));
        assert!(errors.is_empty());
    }

    #[test]
    fn wrong_values_are_told_what_to_write() {
        let opts = parse(
            quote!(len_max = 0, len_max = 2, ttl = 5, overflow = block, at_all),
            &mut Errors::default(),
        );
        fn text<T>(opts: &[Opt], read: impl Fn(&Opt, &mut Errors) -> T) -> String {
            let mut errors = Errors::default();
            opts.iter().for_each(|opt| drop(read(opt, &mut errors)));
            errors.into_tokens().to_string()
        }
        assert_eq!(opts.len(), 4, "the second len_max is dropped");
        assert!(text(&opts, |opt, errors| opt.count("1", errors)).contains("a number of 1 to"));
        assert!(text(&opts, |opt, errors| opt.duration("\"5s\"", errors)).contains("a duration in quotes"));
        assert!(text(&opts, |opt, errors| opt.word(&["reject"], errors)).contains("one of `reject`"));
        assert!(text(&opts, |opt, errors| opt.ident("Name", errors)).contains("write `at_all = Name`"));
    }
}
