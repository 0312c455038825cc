//! TOML files.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::Raw;
use super::{Mistake, Reader};

/// A file, or a text in its place.
#[derive(Clone, Debug)]
pub(crate) enum File {
    At(PathBuf),
    Text { name: Arc<str>, text: Arc<str> },
}

impl File {
    pub(super) fn read(&self, reader: &mut Reader<'_>) {
        match self {
            File::Text { name, text } => read(&Page { name, text }, reader),
            File::At(path) => {
                let name = path.display().to_string();
                match std::fs::read_to_string(path) {
                    Ok(text) => read(&Page { name: &name, text: &text }, reader),
                    Err(error) => {
                        reader.mistakes.push(Mistake::new(&name, None, format!("cannot be read: {error}")));
                    }
                }
            }
        }
    }
}

struct Page<'a> {
    name: &'a str,
    text: &'a str,
}

impl Page<'_> {
    /// Where a part of the text begins: `name:line:column`, both from 1, the column in characters.
    fn place(&self, span: Range<usize>) -> String {
        let before = &self.text[..span.start.min(self.text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
        format!("{}:{line}:{column}", self.name)
    }
}

fn read(page: &Page<'_>, reader: &mut Reader<'_>) {
    let (table, errors) = DeTable::parse_recoverable(page.text);
    let is_toml = errors.is_empty();
    for error in errors {
        let place = page.place(error.span().unwrap_or(0..0));
        reader.mistakes.push(Mistake::new(&place, None, format!("not TOML: {}", error.message())));
    }
    if !is_toml {
        // What was made of the rest would only make more mistakes of one.
        return;
    }
    let mut lines = Vec::new();
    collect(&mut Vec::new(), table.get_ref(), &mut lines);
    // As they stand in the file, and so are the mistakes in them.
    lines.sort_by_key(|line| line.key.start);
    for Line { path, key, value } in lines {
        reader.set(&path, &raw(value.get_ref()), &page.place(key), &page.place(value.span()));
    }
}

/// A key with all the tables it lies in.
struct Line<'a, 'i> {
    path: Vec<String>,
    key: Range<usize>,
    value: &'a Spanned<DeValue<'i>>,
}

fn collect<'a, 'i>(path: &mut Vec<String>, table: &'a DeTable<'i>, lines: &mut Vec<Line<'a, 'i>>) {
    for (key, value) in table {
        path.push(key.get_ref().to_string());
        match value.get_ref() {
            // One without keys is itself a value, and none that is allowed.
            DeValue::Table(inner) if !inner.is_empty() => collect(path, inner, lines),
            _ => lines.push(Line { path: path.clone(), key: key.span(), value }),
        }
        path.pop();
    }
}

fn raw<'a>(value: &'a DeValue<'_>) -> Raw<'a> {
    match value {
        DeValue::String(text) => Raw::Text(text),
        DeValue::Integer(number) => {
            let digits = number.as_str();
            Raw::Integer(u64::from_str_radix(digits, number.radix()).ok(), digits)
        }
        DeValue::Float(_) => Raw::Other("a number with a fraction"),
        DeValue::Boolean(_) => Raw::Other("true or false"),
        DeValue::Datetime(_) => Raw::Other("a date or a time"),
        DeValue::Array(list) => {
            let numbers = list.iter().map(|value| match raw(value.get_ref()) {
                Raw::Integer(number, _) => number,
                _ => None,
            });
            numbers.collect::<Option<_>>().map_or(Raw::Other("a list of other things"), Raw::Numbers)
        }
        DeValue::Table(_) => Raw::Other("an empty table"),
    }
}
