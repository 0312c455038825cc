//! The book is whole: every line of Rust in it is compiled, every page is reachable, every link leads somewhere,
//! and mdbook builds it without a warning.
//!
//! A block of Rust is an include of an anchor in `listings/`, whose files are modules of the test binary
//! `listings`: what a reader sees is what ran. Or it is one of a program that other tests compile ([`ELSEWHERE`]).

#![expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use mdbook_driver::MDBook;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// What a page may show besides Rust: nothing of it runs.
const OTHER_LANGUAGES: &[&str] = &["text", "toml", "console"];

/// Folders of the repository whose Rust other tests compile and run, or compile to see it fail.
const ELSEWHERE: &[&str] = &[
    "examples/migrate/src/bin/",
    "examples/template/",
    "examples/tour/src/bin/",
    "examples/tour/tests/",
    "tests/ui/fail/",
];

fn book() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a folder with an extension: name and text, sorted.
fn folder(path: &Path, extension: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|is| is == extension))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), read(&path)))
        .collect();
    files.sort();
    files
}

fn pages() -> Vec<(String, String)> {
    let mut pages = folder(&book().join("src"), "md");
    pages.retain(|(name, _)| name != "SUMMARY.md");
    pages
}

#[track_caller]
fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n  {}\n", complaints.join("\n  "));
}

/// A code block of a page: its info string and its text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open = None;
    for event in Parser::new_ext(page, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let info = match kind {
                    CodeBlockKind::Fenced(info) => info.to_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                open = Some((info, String::new()));
            }
            Event::Text(text) => {
                if let Some((_, block)) = &mut open {
                    block.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
            _ => {}
        }
    }
    blocks
}

/// The file and the anchor of a block that is one include and nothing else.
fn include(block: &str) -> Option<(&str, &str)> {
    let path = block.trim().strip_prefix("{{#include ../listings/")?.strip_suffix("}}")?;
    let (file, anchor) = path.split_once(':')?;
    (!file.contains("..") && !anchor.contains([':', '}'])).then_some((file, anchor))
}

/// As [`include`], of a file of the repository that others compile; without an anchor all of it is shown.
fn include_elsewhere(block: &str) -> Option<(&str, Option<&str>)> {
    let path = block.trim().strip_prefix("{{#include ../../")?.strip_suffix("}}")?;
    let (file, anchor) = path.split_once(':').map_or((path, None), |(file, anchor)| (file, Some(anchor)));
    let is_compiled = ELSEWHERE.iter().any(|folder| file.starts_with(folder));
    let is_line_range = anchor.is_some_and(|anchor| anchor.contains([':', '}']));
    (is_compiled && !is_line_range && !file.contains("..")).then_some((file, anchor))
}

/// The names that a listing opens with `// ANCHOR:`, and those it closes.
fn anchors(listing: &str) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let after = |mark| listing.lines().filter_map(move |line| line.trim().strip_prefix(mark)).map(str::trim);
    (after("// ANCHOR:").collect(), after("// ANCHOR_END:").collect())
}

/// Whether a listing opens and closes an anchor.
fn has_anchor(listing: &str, anchor: &str) -> bool {
    let (begun, ended) = anchors(listing);
    begun.contains(anchor) && ended.contains(anchor)
}

/// What is wrong with the code of a page. `elsewhere` gives the text of a file of the repository.
fn broken_code(
    name: &str,
    page: &str,
    listings: &[(String, String)],
    elsewhere: impl Fn(&str) -> Option<String>,
) -> Vec<String> {
    let mut complaints = Vec::new();
    for (info, block) in blocks(page) {
        let language = info.split([',', ' ']).next().unwrap_or_default();
        let first = block.lines().next().unwrap_or_default();
        if language != "rust" {
            if !OTHER_LANGUAGES.contains(&language) {
                complaints.push(format!("{name}: a block in `{language}` that begins `{first}`"));
            }
            continue;
        }
        if let Some((file, anchor)) = include_elsewhere(&block) {
            match (elsewhere(file), anchor) {
                (None, _) => complaints.push(format!("{name}: there is no {file}")),
                (Some(text), Some(anchor)) if !has_anchor(&text, anchor) => {
                    complaints.push(format!("{name}: {file} has no whole anchor {anchor}"));
                }
                (Some(_), _) => {}
            }
            continue;
        }
        let Some((file, anchor)) = include(&block) else {
            complaints.push(format!("{name}: Rust that no test compiles, begins `{first}`"));
            continue;
        };
        let Some((_, listing)) = listings.iter().find(|(listing, _)| listing == file) else {
            complaints.push(format!("{name}: there is no listing {file}"));
            continue;
        };
        if !has_anchor(listing, anchor) {
            complaints.push(format!("{name}: {file} has no whole anchor {anchor}"));
        }
    }
    complaints
}

/// Includes of a page that find nothing: mdbook leaves them empty without a word. `file` gives the text of a file, by
/// its path from the page.
fn broken_includes(name: &str, page: &str, file: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let paths = page.split("{{#include ").skip(1).filter_map(|rest| rest.split("}}").next());
    let is_broken = |path: &&str| {
        let (path, anchor) = path.split_once(':').unwrap_or((path, ""));
        let marks = ["ANCHOR: ", "ANCHOR_END: "].map(|mark| format!("{mark}{anchor}"));
        let has = |text: &str| {
            marks.iter().all(|mark| {
                text.lines()
                    .any(|line| line.split(" -->").next().unwrap_or_default().ends_with(mark.as_str()))
            })
        };
        !file(path).is_some_and(|text| anchor.is_empty() || has(&text))
    };
    paths.filter(is_broken).map(|path| format!("{name}: there is no {path}")).collect()
}

/// Lines of prose with more than one sentence: each has a line of its own, so that a diff shows sentences.
fn broken_lines(name: &str, page: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut is_code = false;
    for (at, line) in page.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        let is_prose = !is_code && !line.starts_with('|');
        let mut ends = line.match_indices(['.', '!', '?']);
        let has_two = ends.any(|(end, _)| {
            let mut rest = line[end + 1..].chars();
            rest.next() == Some(' ') && rest.next().is_some_and(char::is_uppercase)
        });
        if is_prose && has_two {
            complaints.push(format!("{name}:{}: more than one sentence", at + 1));
        }
    }
    complaints
}

/// The tests that a page names: code in the prose that reads like a sentence.
fn test_names(page: &str) -> Vec<String> {
    let codes = Parser::new_ext(page, Options::ENABLE_TABLES).filter_map(|event| match event {
        Event::Code(code) => Some(code.to_string()),
        _ => None,
    });
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    codes.filter(|code| code.chars().all(is_word) && code.matches('_').count() >= 3).collect()
}

/// The text of every Rust file below some folders.
fn sources(folders: &[PathBuf]) -> Vec<String> {
    let mut open = folders.to_vec();
    let mut texts = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|is| is == "rs") {
                texts.push(read(&path));
            }
        }
    }
    texts
}

/// The pages that a summary links to.
fn summary_links(summary: &str) -> BTreeSet<String> {
    let links = Parser::new(summary).filter_map(|event| match event {
        Event::Start(Tag::Link { dest_url, .. }) => Some(dest_url.trim_start_matches("./").to_owned()),
        _ => None,
    });
    links.collect()
}

/// The values of an attribute in a page of HTML.
fn attribute<'a>(html: &'a str, mark: &'a str) -> impl Iterator<Item = &'a str> {
    html.split(mark).skip(1).filter_map(|rest| rest.split('"').next())
}

/// Links of a built page that lead nowhere. `html` gives the text of a file of the built book.
fn broken_links(name: &str, page: &str, html: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut complaints = Vec::new();
    for link in attribute(page, "href=\"") {
        if link.contains(':') {
            continue; // Another host: not ours to prove.
        }
        let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
        let file = if file.is_empty() { name } else { file };
        let Some(target) = html(file) else {
            complaints.push(format!("{name}: {link} leads to no file"));
            continue;
        };
        if !fragment.is_empty() && attribute(&target, "id=\"").all(|id| id != fragment) {
            complaints.push(format!("{name}: {link} leads to no heading"));
        }
    }
    complaints
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Builds the book into a folder and gives what mdbook warned of.
fn build(into: &Path) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let mut book = MDBook::load(book()).unwrap_or_else(|error| panic!("{error:?}"));
        book.config.build.build_dir = into.to_owned();
        book.build().unwrap_or_else(|error| panic!("{error:?}"));
    });
    let bytes = log.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn every_block_of_rust_is_a_listing() {
    let listings = folder(&book().join("listings"), "rs");
    let root = book().parent().unwrap().to_owned();
    let elsewhere = |file: &str| fs::read_to_string(root.join(file)).ok();
    let pages = pages();
    let complaints = pages.iter().flat_map(|(name, page)| broken_code(name, page, &listings, elsewhere));
    assert_none(&complaints.collect::<Vec<_>>());
}

#[test]
fn every_listing_is_compiled_and_every_anchor_shown() {
    let listings = folder(&book().join("listings"), "rs");
    let main = read(&book().join("listings/main.rs"));
    let pages = pages();
    let shown: BTreeSet<(String, String)> = pages
        .iter()
        .flat_map(|(_, page)| blocks(page))
        .filter_map(|(_, block)| include(&block).map(|(file, anchor)| (file.to_owned(), anchor.to_owned())))
        .collect();
    let mut complaints = Vec::new();
    for (name, listing) in listings.iter().filter(|(name, _)| name != "main.rs") {
        let module = format!("mod {};", name.trim_end_matches(".rs"));
        if !main.lines().any(|line| line == module) {
            complaints.push(format!("{name}: listings/main.rs has no line `{module}`"));
        }
        let begun = anchors(listing).0;
        let hidden = begun.iter().filter(|anchor| !shown.contains(&(name.clone(), (**anchor).to_owned())));
        complaints.extend(hidden.map(|anchor| format!("{name}: no page shows the anchor {anchor}")));
    }
    assert_none(&complaints);
}

#[test]
fn every_include_finds_what_it_includes() {
    let file = |path: &str| fs::read_to_string(book().join("src").join(path)).ok();
    let pages = pages();
    assert_none(&pages.iter().flat_map(|(name, page)| broken_includes(name, page, file)).collect::<Vec<_>>());
}

#[test]
fn every_page_is_in_the_summary() {
    let pages: BTreeSet<String> = pages().into_iter().map(|(name, _)| name).collect();
    assert_eq!(summary_links(&read(&book().join("src/SUMMARY.md"))), pages);
}

#[test]
fn a_line_holds_one_sentence() {
    assert_none(&pages().iter().flat_map(|(name, page)| broken_lines(name, page)).collect::<Vec<_>>());
}

/// Relative links of a page of the repository that lead to no file; headings are the book's own affair.
fn broken_paths(page: &Path) -> Vec<String> {
    let (folder, text) = (page.parent().unwrap(), read(page));
    let links = Parser::new_ext(&text, Options::ENABLE_TABLES).filter_map(|event| match event {
        Event::Start(Tag::Link { dest_url, .. }) if !dest_url.contains(':') => Some(dest_url.to_string()),
        _ => None,
    });
    let is_broken = |link: &String| !folder.join(link.split('#').next().unwrap_or_default()).exists();
    links.filter(is_broken).map(|link| format!("{}: {link} leads to no file", page.display())).collect()
}

/// A row of the README's table of measurements, and the work in `benches/RESULTS.md` that it is of.
const MEASURED: &[(&str, &str)] = &[
    ("tell, one producer", "tell/1p"),
    ("tell, four producers", "tell/4p"),
    ("tell, bounded, one producer", "tell-bounded/1p"),
    ("ask, one at a time", "ask/1"),
    ("ask, 64 at a time", "ask/64"),
    ("ask from another runtime", "ask/cross"),
    ("ping-pong", "pingpong"),
    ("one to many and back", "forkjoin"),
    ("all to all", "big"),
    ("spawn and a first message", "spawn"),
    ("bytes, an idle actor", "memory"),
];

/// What a run measured of a work and a peer, as the README writes it; nothing where the peer was not run.
fn measured(results: &str, work: &str, peer: &str) -> String {
    let mut rows = results.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = rows.find(|row| row.len() > 2 && row[0] == work && row[1] == peer);
    let number = row.and_then(|row| row[2].parse::<f64>().ok());
    number.map_or_else(String::new, |number| {
        let digits = format!("{number:.0}");
        let (thousands, rest) = digits.split_at(digits.len().saturating_sub(3));
        if thousands.is_empty() { rest.to_owned() } else { format!("{thousands},{rest}") }
    })
}

#[test]
fn the_readmes_numbers_are_those_that_were_measured() {
    let root = book().parent().unwrap().to_owned();
    let (readme, results) = (read(&root.join("README.md")), read(&root.join("benches/RESULTS.md")));
    let peers = ["ostraca", "tokio", "kameo", "ractor", "actix"];
    let complaints = MEASURED.iter().filter_map(|(label, work)| {
        let numbers = peers.map(|peer| measured(&results, work, peer));
        let row = format!("| {label} | {} |", numbers.join(" | ")).replace("|  |", "| |");
        (!readme.contains(&row)).then(|| format!("README.md has no row {row}"))
    });
    assert_none(&complaints.collect::<Vec<_>>());
}

#[test]
fn links_of_the_repositorys_own_pages_lead_to_files() {
    let root = book().parent().unwrap().to_owned();
    let pages = [
        "README.md",
        "CHANGELOG.md",
        "examples/README.md",
        "benches/README.md",
        "benches/RESULTS.md",
        "tests/README.md",
    ];
    assert_none(&pages.iter().flat_map(|page| broken_paths(&root.join(page))).collect::<Vec<_>>());
}

#[test]
fn every_test_that_is_named_exists() {
    let root = book().parent().unwrap().to_owned();
    let sources = sources(
        &["framework/src", "tests/tests", "examples", "book/listings", "book/tests"]
            .map(|folder| root.join(folder)),
    );
    let named = pages().into_iter().flat_map(|(name, page)| {
        // The names of metrics look alike.
        let is_metric = |name: &str| name.starts_with("ostraca_") || name.starts_with("process_");
        let tests = test_names(&page).into_iter().filter(|name| !is_metric(name));
        let tests: Vec<_> = tests.collect();
        tests.into_iter().map(move |test| (name.clone(), test))
    });
    let is_missing = |(_, test): &(String, String)| {
        let line = format!("fn {test}()");
        sources.iter().all(|source| !source.contains(&line))
    };
    let missing = named.filter(is_missing).map(|(name, test)| format!("{name}: there is no test {test}"));
    assert_none(&missing.collect::<Vec<_>>());
}

#[test]
fn the_book_builds_without_warnings_and_its_links_lead_somewhere() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(build(folder.path()), "");
    let html = |name: &str| {
        let bytes = fs::read(folder.path().join(name)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let mut complaints = Vec::new();
    for (page, _) in pages() {
        let name = page.replace(".md", ".html");
        let text = html(&name).unwrap_or_else(|| panic!("mdbook wrote no {name}"));
        assert!(!text.contains("{{#"), "{name}: an include that mdbook left as it stood");
        complaints.extend(broken_links(&name, &text, html));
    }
    assert_none(&complaints);
}

#[test]
fn the_rules_see_what_breaks_them() {
    let listings = [("a.rs".to_owned(), "// ANCHOR: x\nf();\n// ANCHOR_END: x\n// ANCHOR: y".to_owned())];
    let elsewhere = |file: &str| (file == "tests/ui/fail/a.rs").then(|| listings[0].1.clone());
    let broken = |block: &str| broken_code("p.md", block, &listings, elsewhere);
    assert_eq!(broken("```rust\n{{#include ../listings/a.rs:x}}\n```"), [""; 0]);
    assert_eq!(broken("```text\nx\n```"), [""; 0]);
    assert_eq!(broken("```rust\nf();\n```"), ["p.md: Rust that no test compiles, begins `f();`"]);
    assert_eq!(broken("```rust,no_run\n{{#include ../listings/a.rs:x}}\nf();\n```").len(), 1);
    assert_eq!(broken("```rust\n{{#include ../listings/a.rs}}\n```").len(), 1);
    assert_eq!(broken("```rust\n{{#include ../listings/b.rs:x}}\n```"), ["p.md: there is no listing b.rs"]);
    assert_eq!(broken("```rust\n{{#include ../listings/a.rs:y}}\n```"), ["p.md: a.rs has no whole anchor y"]);
    assert_eq!(broken("```rust\n{{#include ../../tests/ui/fail/a.rs}}\n```"), [""; 0]);
    assert_eq!(broken("```rust\n{{#include ../../tests/ui/fail/a.rs:x}}\n```"), [""; 0]);
    assert_eq!(broken("```rust\n{{#include ../../tests/ui/fail/a.rs:y}}\n```").len(), 1);
    assert_eq!(
        broken("```rust\n{{#include ../../tests/ui/fail/b.rs}}\n```"),
        ["p.md: there is no tests/ui/fail/b.rs"]
    );
    assert_eq!(broken("```rust\n{{#include ../../framework/src/lib.rs}}\n```").len(), 1);
    assert_eq!(broken("```\nf();\n```").len(), 1);
    assert_eq!(broken("text\n\n    f();\n").len(), 1);

    assert_eq!(
        broken_lines("p.md", "One. Two.\nOne, i.e. one.\n```text\nA. B.\n```\n"),
        ["p.md:1: more than one sentence"]
    );

    let file =
        |path: &str| (path == "a.md").then(|| "<!-- ANCHOR: x -->\n1\n<!-- ANCHOR_END: x -->".to_owned());
    assert_eq!(broken_includes("p.md", "{{#include a.md:x}} {{#include a.md}}", file), [""; 0]);
    assert_eq!(
        broken_includes("p.md", "{{#include a.md:y}} {{#include b.md}}", file),
        ["p.md: there is no a.md:y", "p.md: there is no b.md"]
    );

    let html = |name: &str| (name == "a.html").then(|| "<h1 id=\"top\">".to_owned());
    let links = "<a href=\"a.html#top\"><a href=\"b.html\"><a href=\"a.html#end\"><a href=\"https://a.b\">";
    assert_eq!(
        broken_links("p.html", links, html),
        ["p.html: b.html leads to no file", "p.html: a.html#end leads to no heading"]
    );
}
