//! The house: who may use whom, who may name what, and under which licences.
//!
//! Each rule is a table, so that changing the house is a changed row in a diff. The rules are plain functions
//! from sources to complaints: the tests below run them on the framework, and once each on a few lines that break
//! them.

#![expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]

mod licences;
mod scan;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use scan::{Source, read_crate, read_text, relative};

/// Which modules a module may use besides `sync` and error types, which are open to all.
#[derive(Clone, Copy)]
enum May {
    Use(&'static [&'static str]),
    UseAllBut(&'static [&'static str]),
}

/// The import table. Imports run upward only: a module uses rows above its own.
const IMPORTS: &[(&str, May)] = &[
    ("sync", May::Use(&[])),
    ("coop", May::Use(&[])),
    ("queue", May::Use(&[])),
    ("stats", May::Use(&[])),
    ("codec", May::Use(&[])),
    ("buf", May::Use(&["stats"])),
    ("cache", May::Use(&["coop", "stats", "codec"])),
    ("mailbox", May::Use(&["queue", "stats"])),
    ("runtime", May::Use(&["coop", "queue", "stats"])),
    ("actor", May::Use(&["coop", "mailbox", "runtime", "cache", "stats"])),
    ("supervisor", May::Use(&["actor", "stats"])),
    ("topic", May::Use(&["actor", "stats"])),
    ("shard", May::Use(&["actor", "supervisor", "stats"])),
    // A pool by key hashes keys as shards do.
    ("pool", May::Use(&["actor", "supervisor", "shard", "stats"])),
    ("overload", May::Use(&["actor", "supervisor", "stats"])),
    ("monitor", May::UseAllBut(&["files", "http", "bridge", "system", "testkit"])),
    ("files", May::UseAllBut(&["http", "bridge", "system", "testkit"])),
    // HTTP serves a system (its readiness, its stop), so it stands above it and the system knows none of it. It answers
    // for the lane's folders, too.
    ("http", May::UseAllBut(&["bridge", "testkit"])),
    // So does the bridge: its gate is an actor of the system's, in the order of its stop.
    ("bridge", May::UseAllBut(&["files", "http", "testkit"])),
    ("system", May::UseAllBut(&["bridge", "http", "testkit"])),
    ("testkit", May::UseAllBut(&[])),
    // The front page: `mod` lines and re-exports.
    ("lib", May::UseAllBut(&[])),
];

/// Where a crate may be named in code that ships.
#[derive(Clone, Copy)]
enum Where {
    Anywhere,
    In(&'static [&'static str]),
    NotIn(&'static [&'static str]),
}

/// Who names which crate. A dependency of `framework` without a row fails.
const CRATES: &[(&str, Where)] = &[
    // `cache` waits for tiers and sources: its searches, their limits and its outboxes are tokio's.
    ("tokio", Where::NotIn(&["http", "queue", "stats", "codec"])),
    ("tracing", Where::Anywhere),
    ("thiserror", Where::Anywhere),
    ("ostraca_macros", Where::In(&["lib"])),
    ("actix", Where::In(&["runtime", "bridge", "system"])),
    ("actix_rt", Where::In(&["runtime", "bridge", "system"])),
    ("actix_web", Where::In(&["http"])),
    ("arc_swap", Where::In(&["shard", "pool", "cache", "monitor"])),
    ("bincode", Where::In(&["codec"])),
    ("bytes", Where::In(&["buf", "files", "http"])),
    ("flume", Where::In(&["pool", "monitor", "topic"])),
    ("futures_core", Where::In(&["actor"])),
    ("hdrhistogram", Where::In(&["stats", "monitor", "http"])),
    ("httparse", Where::In(&["files"])),
    ("httpdate", Where::In(&["files"])),
    ("libc", Where::In(&["runtime"])),
    ("loom", Where::In(&["sync"])),
    ("lz4_flex", Where::In(&["codec"])),
    ("mime_guess", Where::In(&["files"])),
    ("moka", Where::In(&["cache"])),
    ("opentelemetry", Where::In(&["http"])),
    ("quick_cache", Where::In(&["cache"])),
    ("redb", Where::In(&["cache"])),
    ("redis", Where::In(&["cache"])),
    // `files` opens files below a folder, and closes ports.
    ("rustix", Where::In(&["buf", "runtime", "files"])),
    ("serde", Where::In(&["codec", "http"])),
    ("serde_json", Where::In(&["http"])),
    ("serde_path_to_error", Where::In(&["http"])),
    ("subtle", Where::In(&["http"])),
    ("toml", Where::In(&["system"])),
    ("tracing_opentelemetry", Where::In(&["http"])),
    ("twox_hash", Where::In(&["shard", "codec"])),
];

/// Files that may hold unsafe code, by how their path below `framework/src` begins. The mailbox does nothing
/// unsafe itself: it hands the queue's duty of one consumer on to the cell, in `unsafe fn`s that say so.
const UNSAFE_IN: &[&str] =
    &["queue/", "buf/", "runtime/", "mailbox/", "actor/cell", "actor/reply", "actor/turn"];

/// The longest a source file may be.
const LINES_MAX: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace's root").to_owned()
}

fn framework() -> Vec<Source> {
    read_crate(&root().join("framework/src")).sources
}

#[track_caller]
fn assert_none(complaints: &[String], rule: &str) {
    assert!(complaints.is_empty(), "{rule}\n  {}\n", complaints.join("\n  "));
}

fn broken_imports(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        let Some((_, may)) = IMPORTS.iter().find(|(name, _)| *name == source.house) else {
            complaints.push(format!("{}: the module `{}` has no row", source.file, source.house));
            continue;
        };
        for path in &source.inner {
            let used = path[0].as_str();
            let is_open = used == "sync" || path.last().is_some_and(|name| name.ends_with("Error"));
            if used == source.house || is_open {
                continue;
            }
            let is_module = IMPORTS.iter().any(|(name, _)| *name == used);
            let allowed = match may {
                // The root's own names (`crate::Actor`) would hide which module is used.
                _ if !is_module => source.house == "lib",
                May::Use(allowed) => allowed.contains(&used),
                May::UseAllBut(barred) => !barred.contains(&used),
            };
            if !allowed {
                complaints.push(format!("{}: uses crate::{}", source.file, path.join("::")));
            }
        }
    }
    complaints
}

fn broken_crates(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        for path in &source.outer {
            let Some((name, place)) = CRATES.iter().find(|(name, _)| *name == path[0]) else { continue };
            let allowed = match place {
                Where::Anywhere => true,
                Where::In(modules) => modules.contains(&source.house.as_str()),
                Where::NotIn(modules) => !modules.contains(&source.house.as_str()),
            };
            if !allowed {
                complaints.push(format!("{}: names {name} ({})", source.file, path.join("::")));
            }
        }
    }
    complaints
}

fn broken_atomics(sources: &[Source]) -> Vec<String> {
    let is_atomic = |path: &&Vec<String>| {
        matches!(path[0].as_str(), "std" | "core")
            && path[1] == "sync"
            && path.get(2).is_some_and(|p| p == "atomic")
    };
    let outside = sources.iter().filter(|source| source.house != "sync");
    let named =
        outside.flat_map(|source| source.outer.iter().filter(is_atomic).map(move |path| (source, path)));
    named.map(|(source, path)| format!("{}: names {}", source.file, path.join("::"))).collect()
}

fn broken_unsafe(sources: &[Source]) -> Vec<String> {
    let barred = |source: &&Source| {
        source.has_unsafe && !UNSAFE_IN.iter().any(|beginning| source.file.starts_with(beginning))
    };
    sources.iter().filter(barred).map(|source| format!("{}: has unsafe code", source.file)).collect()
}

fn broken_lengths(files: &[(String, String)]) -> Vec<String> {
    let long =
        files.iter().map(|(name, text)| (name, text.lines().count())).filter(|(_, len)| *len > LINES_MAX);
    long.map(|(name, len)| format!("{name}: {len} lines")).collect()
}

fn broken_fences(files: &[(String, String)]) -> Vec<String> {
    // Written in two parts, so that this line is not found.
    let fence = concat!("``", "`");
    let is_ignored = |line: &str| {
        let line = line.trim_start().trim_start_matches(['/', '!', ' ']);
        line.strip_prefix(fence).is_some_and(|info| info.split([',', ' ']).any(|word| word == "ignore"))
    };
    let lines = files.iter().flat_map(|(name, text)| text.lines().enumerate().map(move |line| (name, line)));
    let found = lines.filter(|(_, (_, line))| is_ignored(line));
    found.map(|(name, (at, _))| format!("{name}:{}: code that nothing compiles", at + 1)).collect()
}

/// The loom models of the framework against the rows of `page`: name and file of each.
fn broken_models(files: &[(String, String)], page: &str) -> Vec<String> {
    let model = |file: &str, line: &str| {
        let (name, _) = line
            .trim_start()
            .strip_prefix("fn ")
            .filter(|rest| rest.starts_with("loom_"))?
            .split_once('(')?;
        Some((name.to_owned(), file.strip_prefix("framework/src/")?.to_owned()))
    };
    let row = |line: &str| {
        let mut columns = line.strip_prefix("| `loom_")?.trim_end_matches(['`', ' ', '|']).split('`');
        Some((format!("loom_{}", columns.next()?), columns.next_back()?.to_owned()))
    };
    let models: BTreeSet<_> =
        files.iter().flat_map(|(file, text)| text.lines().filter_map(|line| model(file, line))).collect();
    let rows: BTreeSet<_> = page.lines().filter_map(row).collect();
    let missing = models.difference(&rows).map(|(name, file)| format!("{file}: {name} has no row"));
    missing
        .chain(rows.difference(&models).map(|(name, file)| format!("{file}: {name} is not there")))
        .collect()
}

/// Every source and page of the workspace, by name.
fn texts(extensions: &[&str]) -> Vec<(String, String)> {
    let root = root();
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        (relative(&root, &file), text)
    };
    scan::files(&root, extensions).into_iter().map(read).collect()
}

#[test]
fn imports_run_upward_only() {
    assert_none(&broken_imports(&framework()), "a changed house is a changed row of IMPORTS:");
}

#[test]
fn every_file_is_reached_by_a_mod_line() {
    assert_none(&read_crate(&root().join("framework/src")).orphans, "files that nothing compiles:");
}

#[test]
fn crates_are_named_only_where_their_row_says() {
    assert_none(&broken_crates(&framework()), "name it where its row of CRATES says, or change the row:");
}

#[test]
fn every_dependency_of_the_framework_has_a_row() {
    let manifest = fs::read_to_string(root().join("framework/Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let mut tables = vec![&manifest["dependencies"]];
    if let Some(targets) = manifest.get("target").and_then(toml::Value::as_table) {
        tables.extend(targets.values().filter_map(|target| target.get("dependencies")));
    }
    let names = tables.into_iter().flat_map(|table| table.as_table().unwrap().keys());
    let missing =
        names.map(|name| name.replace('-', "_")).filter(|name| CRATES.iter().all(|(row, _)| row != name));
    assert_none(&missing.collect::<Vec<_>>(), "say in CRATES who may name:");
}

#[test]
fn only_sync_names_std_atomics() {
    assert_none(&broken_atomics(&framework()), "atomics come from crate::sync:");
}

#[test]
fn unsafe_code_stays_in_its_folders() {
    assert_none(&broken_unsafe(&framework()), "unsafe lives in UNSAFE_IN:");
}

#[test]
fn no_file_is_longer_than_600_lines() {
    assert_none(&broken_lengths(&texts(&["rs"])), "read better as several files:");
}

#[test]
fn no_code_block_is_ignored() {
    assert_none(&broken_fences(&texts(&["rs", "md"])), "let the block compile, or call it text:");
}

#[test]
fn every_model_has_its_row() {
    let page = fs::read_to_string(root().join("tests/README.md")).unwrap();
    assert_none(
        &broken_models(&texts(&["rs"]), &page),
        "the tables of tests/README.md are the list of models:",
    );
}

/// A file of a module, as `read_text` reads it.
fn source(module: &str, text: &str) -> Source {
    let path: Vec<String> = module.split("::").map(str::to_owned).collect();
    read_text(&format!("{}.rs", path.join("/")), &path, text)
}

#[test]
fn the_rules_see_what_breaks_them() {
    let broken = |module, text| broken_imports(&[source(module, text)]);
    assert_eq!(broken("queue", "use crate::stats::Counter;"), ["queue.rs: uses crate::stats::Counter"]);
    assert_eq!(
        broken("actor::cell", "use super::super::shard::Map;"),
        ["actor/cell.rs: uses crate::shard::Map"]
    );
    assert_eq!(
        broken("mailbox", "use crate::{queue::Q, actor::{A, B}};"),
        ["mailbox.rs: uses crate::actor::A", "mailbox.rs: uses crate::actor::B"]
    );
    assert_eq!(broken("mailbox", "fn f() { crate::actor::g() }").len(), 1);
    assert_eq!(broken("mailbox", "mod inner { use super::super::actor::A; }").len(), 1);
    assert_eq!(broken("shard", "use crate::Actor;"), ["shard.rs: uses crate::Actor"]);
    assert_eq!(broken("cluster", ""), ["cluster.rs: the module `cluster` has no row"]);
    assert_eq!(broken("queue", "#[cfg(any(test, unix))] use crate::stats::Counter;").len(), 1);

    assert_eq!(broken_crates(&[source("actor", "use arc_swap::ArcSwap;")]).len(), 1);
    assert_eq!(broken_crates(&[source("http", "fn f() { tokio::spawn(g()); }")]).len(), 1);
    assert_eq!(broken_crates(&[source("queue", "use loom::sync::Arc;")]).len(), 1);
    assert_eq!(broken_atomics(&[source("queue", "use std::sync::{Arc, atomic::AtomicU8};")]).len(), 1);
    assert_eq!(broken_unsafe(&[source("shard", "fn f() { unsafe { g() } }")]).len(), 1);
    assert_eq!(broken_lengths(&[("long.rs".into(), "\n".repeat(LINES_MAX + 1))]).len(), 1);
    assert_eq!(broken_fences(&[("a.rs".into(), concat!("/// ``", "`rust,ignore").into())]).len(), 1);
    let models = [("framework/src/a.rs".into(), "fn loom_one() {\n    fn loom_two() {".into())];
    assert_eq!(
        broken_models(&models, "| `loom_one` | a | `a.rs` |\n| `loom_three` | b | `a.rs` |"),
        ["a.rs: loom_two has no row", "a.rs: loom_three is not there"]
    );
}

#[test]
fn the_rules_leave_alone_what_keeps_them() {
    let fine = "
        //! crate::actor::Actor is only written about.
        use crate::sync::atomic::AtomicU8;
        use crate::actor::AskError;
        use crate::queue::Queue;
        pub(crate) fn f() -> &'static str { \"crate::actor::Actor, std::sync::atomic, unsafe\" }
        #[cfg(test)]
        mod tests { use crate::actor::Actor; use std::sync::atomic::AtomicU8; }
        #[cfg(all(test, ostraca_loom))]
        fn model() { loom::model(|| crate::shard::f()); }
    ";
    let sources = [source("mailbox", fine)];
    assert_eq!(broken_imports(&sources), [""; 0]);
    assert_eq!(broken_crates(&sources), [""; 0]);
    assert_eq!(broken_atomics(&sources), [""; 0]);
    assert_eq!(broken_unsafe(&sources), [""; 0]);
}
