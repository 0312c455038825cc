//! Reads a crate's source: its files in the order of its `mod` lines, without test code, and the paths they name.
//!
//! Parsed by syn, so that comments, docs and strings are not taken for code. Bad at one thing: a file that only a
//! macro declares is not found, and is then reported as reached by no `mod` line.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Expr, ExprLit, Item, Lit, Meta, Token};

/// One file of the crate, as code that ships.
pub(crate) struct Source {
    /// Relative to `src`, with `/`.
    pub(crate) file: String,
    /// The top-level module it belongs to: `actor` for `actor/cell/mod.rs`, `lib` for `lib.rs`.
    pub(crate) house: String,
    /// Every path of two or more segments. Those that start in this crate are made absolute, without `crate`.
    pub(crate) inner: Vec<Vec<String>>,
    /// The other paths, from their first segment: `["std", "sync", "Arc"]`.
    pub(crate) outer: Vec<Vec<String>>,
    /// Whether the word `unsafe` stands in it, tests and all.
    pub(crate) has_unsafe: bool,
}

/// A crate: the sources that ship, and files under `src` that no `mod` line reaches.
pub(crate) struct Crate {
    pub(crate) sources: Vec<Source>,
    pub(crate) orphans: Vec<String>,
}

/// Reads the crate whose root is `src/lib.rs`.
pub(crate) fn read_crate(src: &Path) -> Crate {
    let mut sources = Vec::new();
    let mut reached = BTreeSet::new();
    read_module(src, &Place::front(src.join("lib.rs")), &[], &mut sources, &mut reached);
    // A file may be reached twice: by its `mod` line, and by that of a loom build.
    sources.sort_by(|a, b| a.file.cmp(&b.file));
    sources.dedup_by(|a, b| a.file == b.file);
    let orphans = rust_files(src).into_iter().filter(|file| !reached.contains(file));
    Crate { sources, orphans: orphans.map(|file| relative(src, &file)).collect() }
}

/// All `.rs` files below a folder, sorted, without build output.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    files(folder, &["rs"])
}

/// All files below a folder with one of these extensions, sorted, without build output and hidden folders.
pub(crate) fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|is| extensions.iter().any(|wanted| is == *wanted)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The path below `root`, with `/`.
pub(crate) fn relative(root: &Path, file: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).to_string_lossy().replace('\\', "/")
}

/// One file's text as a source; for `read_crate`, and for the tests of the rules.
pub(crate) fn read_text(file: &str, module: &[String], text: &str) -> Source {
    let mut code = parse(file, text);
    let has_unsafe = names_unsafe(code.to_token_stream());
    WithoutTests.visit_file_mut(&mut code);
    let house = module.first().cloned().unwrap_or_else(|| "lib".to_owned());
    let mut source =
        Source { file: file.to_owned(), house, inner: Vec::new(), outer: Vec::new(), has_unsafe };
    collect(&code.items, module, &mut source);
    source
}

fn parse(file: &str, text: &str) -> syn::File {
    syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// A file, and where the files of its `mod` lines lie.
struct Place {
    file: PathBuf,
    folder: PathBuf,
}

impl Place {
    /// A front page (`lib.rs`, `mod.rs`, or a file named by `#[path]`): its modules lie beside it.
    fn front(file: PathBuf) -> Self {
        let folder = file.parent().expect("a file lies in a folder").to_owned();
        Place { file, folder }
    }

    /// `folder/name.rs`, or `folder/name/mod.rs`.
    fn of_module(folder: &Path, name: &str) -> Self {
        let flat = folder.join(format!("{name}.rs"));
        if flat.exists() {
            return Place { file: flat, folder: folder.join(name) };
        }
        Place::front(folder.join(name).join("mod.rs"))
    }
}

fn read_module(
    src: &Path,
    place: &Place,
    module: &[String],
    sources: &mut Vec<Source>,
    reached: &mut BTreeSet<PathBuf>,
) {
    reached.insert(place.file.clone());
    let name = relative(src, &place.file);
    let text = fs::read_to_string(&place.file).unwrap_or_else(|error| panic!("{name}: {error}"));
    sources.push(read_text(&name, module, &text));
    let mut lines = Vec::new();
    let beside = place.file.parent().expect("a file lies in a folder");
    mod_lines(&parse(&name, &text).items, (&place.folder, beside), module, false, &mut lines);
    for line in lines {
        // The files of a test module ship nothing; they count as reached.
        let mut unshipped = Vec::new();
        let sources = if line.is_test { &mut unshipped } else { &mut *sources };
        read_module(src, &line.place, &line.module, sources, reached);
    }
}

struct ModLine {
    module: Vec<String>,
    place: Place,
    is_test: bool,
}

/// The `mod x;` lines of a file, those of its inline modules too. Their files lie in `folder`, those named by
/// `#[path]` are named from `beside`.
fn mod_lines(
    items: &[Item],
    (folder, beside): (&Path, &Path),
    module: &[String],
    is_test: bool,
    lines: &mut Vec<ModLine>,
) {
    for item in items {
        let Item::Mod(line) = item else { continue };
        let is_test = is_test || is_test_only(line);
        let name = line.ident.to_string();
        let module = [module, std::slice::from_ref(&name)].concat();
        if let Some((_, items)) = &line.content {
            let folder = folder.join(name);
            mod_lines(items, (&folder, &folder), &module, is_test, lines);
            continue;
        }
        let place = match line.attrs.iter().find_map(path_attribute) {
            Some(path) => Place::front(beside.join(path)),
            None => Place::of_module(folder, &name),
        };
        lines.push(ModLine { module, place, is_test });
    }
}

/// The file of `#[path = "file"]`.
fn path_attribute(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    let Expr::Lit(ExprLit { lit: Lit::Str(path), .. }) = &pair.value else { return None };
    pair.path.is_ident("path").then(|| path.value())
}

fn collect(items: &[Item], module: &[String], source: &mut Source) {
    for item in items {
        if let Item::Mod(line) = item {
            if let Some((_, items)) = &line.content {
                collect(items, &[module, &[line.ident.to_string()]].concat(), source);
            }
            continue;
        }
        let mut paths = Vec::new();
        paths_in(item.to_token_stream(), &[], &mut paths);
        for path in paths.into_iter().filter(|path| path.len() > 1) {
            match absolute(&path, module) {
                Some(inner) => source.inner.push(inner),
                None => source.outer.push(path),
            }
        }
    }
}

/// A path of this crate from its root, or `None` if it starts elsewhere.
fn absolute(path: &[String], module: &[String]) -> Option<Vec<String>> {
    match path[0].as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([module, &path[1..]].concat()),
        "super" => {
            let ups = path.iter().take_while(|segment| *segment == "super").count();
            Some([&module[..module.len().saturating_sub(ups)], &path[ups..]].concat())
        }
        _ => None,
    }
}

/// Every path in the tokens; `use a::{b, c::d}` gives `a::b` and `a::c::d`.
fn paths_in(tokens: TokenStream, prefix: &[String], paths: &mut Vec<Vec<String>>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(first) => {
                let mut path = prefix.to_vec();
                path.push(first.to_string());
                at += 1;
                while is_double_colon(&tokens[at..])
                    && let Some(TokenTree::Ident(segment)) = tokens.get(at + 2)
                {
                    path.push(segment.to_string());
                    at += 3;
                }
                match tokens.get(at + 2) {
                    Some(TokenTree::Group(group)) if is_double_colon(&tokens[at..]) => {
                        paths_in(group.stream(), &path, paths);
                        at += 3;
                    }
                    _ => paths.push(path),
                }
            }
            TokenTree::Group(group) => {
                paths_in(group.stream(), &[], paths);
                at += 1;
            }
            _ => at += 1,
        }
    }
}

fn is_double_colon(tokens: &[TokenTree]) -> bool {
    matches!(tokens, [TokenTree::Punct(a), TokenTree::Punct(b), ..] if a.as_char() == ':' && b.as_char() == ':')
}

fn names_unsafe(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => word == "unsafe",
        TokenTree::Group(group) => names_unsafe(group.stream()),
        _ => false,
    })
}

/// Takes out what is compiled for tests only.
struct WithoutTests;

impl VisitMut for WithoutTests {
    fn visit_file_mut(&mut self, file: &mut syn::File) {
        file.items.retain(|item| !is_test_only(item));
        visit_mut::visit_file_mut(self, file);
    }

    fn visit_item_mod_mut(&mut self, module: &mut syn::ItemMod) {
        if let Some((_, items)) = &mut module.content {
            items.retain(|item| !is_test_only(item));
        }
        visit_mut::visit_item_mod_mut(self, module);
    }

    fn visit_item_impl_mut(&mut self, block: &mut syn::ItemImpl) {
        block.items.retain(|item| !is_test_only(item));
        visit_mut::visit_item_impl_mut(self, block);
    }
}

fn is_test_only(item: &impl ToTokens) -> bool {
    let attributes = |input: ParseStream<'_>| {
        let attributes = Attribute::parse_outer(input)?;
        input.parse::<TokenStream>()?;
        Ok(attributes)
    };
    let attributes = attributes.parse2(item.to_token_stream()).unwrap_or_default();
    attributes.iter().any(|attribute| {
        let path = attribute.path();
        if path.is_ident("cfg") {
            return attribute.parse_args::<Meta>().is_ok_and(|condition| needs_test(&condition));
        }
        path.segments.last().is_some_and(|name| name.ident == "test")
    })
}

/// Whether a `cfg` condition holds in tests only.
fn needs_test(condition: &Meta) -> bool {
    let Meta::List(list) = condition else { return condition.path().is_ident("test") };
    let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).unwrap_or_default();
    if list.path.is_ident("all") {
        parts.iter().any(needs_test)
    } else {
        list.path.is_ident("any") && parts.iter().all(needs_test)
    }
}
