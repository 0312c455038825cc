//! Licences and banned crates, read from `cargo metadata` and `deny.toml`.
//!
//! deny.toml is for users who have cargo-deny; this holds the same rules for those who do not. The list below and
//! that of deny.toml must agree, so that a new licence is a decision made in two places and not a slip in one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;

use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use spdx::{Expression, ParseMode};
use toml::Value;

use super::{assert_none, root};

/// Licences that anything here may have.
const ALLOWED: &[&str] = &["Apache-2.0", "BSD-3-Clause", "BSL-1.0", "MIT", "Unicode-3.0", "Zlib"];

/// What `deny.toml` says, as far as this test holds it.
struct Deny {
    allowed: BTreeSet<String>,
    /// Crate to the licences that it alone may have.
    exceptions: BTreeMap<String, BTreeSet<String>>,
    /// Crate, and the first version that is banned if not all are.
    banned: Vec<(String, Option<u64>)>,
}

fn deny() -> Deny {
    let text = fs::read_to_string(root().join("deny.toml")).expect("deny.toml lies in the root");
    let table: toml::Table = text.parse().expect("deny.toml is TOML");
    let rows = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let texts = |value: &Value| -> BTreeSet<String> {
        rows(value).iter().map(|row| row.as_str().expect("a licence's name").to_owned()).collect()
    };
    let name = |row: &Value| row["crate"].as_str().expect("a crate's name").to_owned();
    let licences = &table["licenses"];
    let exceptions = rows(&licences["exceptions"]);
    let banned = rows(&table["bans"]["deny"]).iter().map(name).collect::<Vec<_>>();
    Deny {
        allowed: texts(&licences["allow"]),
        exceptions: exceptions.iter().map(|row| (name(row), texts(&row["allow"]))).collect(),
        banned: banned.iter().map(|row| banned_from(row)).collect(),
    }
}

/// `name`, or `name:>=3` for all versions from 3.0.0: the two forms that deny.toml uses here.
fn banned_from(row: &str) -> (String, Option<u64>) {
    match row.split_once(":>=") {
        None => (row.to_owned(), None),
        Some((name, major)) => (name.to_owned(), Some(major.parse().expect("a major version"))),
    }
}

fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml")).features(CargoOpt::AllFeatures);
    // Only what this machine has fetched to build: crates of other platforms need not be downloaded.
    command.other_options(["--locked".to_owned(), "--filter-platform".to_owned(), host()]);
    command.exec().expect("cargo metadata reads the workspace")
}

fn host() -> String {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = std::process::Command::new(cargo).arg("-vV").output().expect("cargo runs");
    let text = String::from_utf8(output.stdout).expect("cargo prints text");
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo -vV names its host").to_owned()
}

/// What is wrong with a package's licence, if anything.
fn complaint(name: &str, licence: Option<&str>, deny: &Deny) -> Option<String> {
    let Some(licence) = licence else { return Some(format!("{name}: says no licence")) };
    let expression = match Expression::parse_mode(licence, ParseMode::LAX) {
        Ok(expression) => expression,
        Err(error) => return Some(format!("{name}: {licence}: {}", error.reason)),
    };
    let own = deny.exceptions.get(name);
    let is_allowed = expression.evaluate(|part| {
        let part = part.to_string();
        deny.allowed.contains(&part) || own.is_some_and(|own| own.contains(&part))
    });
    (!is_allowed).then(|| format!("{name}: {licence}"))
}

fn is_banned(name: &str, major: u64, deny: &Deny) -> bool {
    deny.banned.iter().any(|(banned, from)| banned == name && from.is_none_or(|from| major >= from))
}

/// What a user's build of these packages contains: their dependencies, without those of tests.
fn shipped<'a>(metadata: &'a Metadata, roots: &[&str]) -> Vec<&'a Package> {
    let resolve = metadata.resolve.as_ref().expect("cargo metadata resolves");
    let by_id = |id: &PackageId| &metadata[id];
    let is_root = |package: &&Package| roots.contains(&package.name.as_str());
    let mut open: VecDeque<_> =
        metadata.packages.iter().filter(is_root).map(|package| package.id.clone()).collect();
    assert_eq!(open.len(), roots.len(), "the workspace has {roots:?}");
    let mut seen: BTreeSet<_> = open.iter().cloned().collect();
    while let Some(id) = open.pop_front() {
        let node = resolve.nodes.iter().find(|node| node.id == id).expect("every package is a node");
        let ships = |kind: &cargo_metadata::DepKindInfo| kind.kind != DependencyKind::Development;
        for dep in node.deps.iter().filter(|dep| dep.dep_kinds.iter().any(ships)) {
            if seen.insert(dep.pkg.clone()) {
                open.push_back(dep.pkg.clone());
            }
        }
    }
    seen.iter().map(by_id).collect()
}

#[test]
fn every_licence_is_allowed() {
    let deny = deny();
    let metadata = metadata();
    let packages = metadata.packages.iter();
    let complaints =
        packages.filter_map(|package| complaint(&package.name, package.license.as_deref(), &deny));
    assert_none(&complaints.collect::<Vec<_>>(), "licences outside the list of deny.toml:");
}

#[test]
fn no_crate_is_banned() {
    let deny = deny();
    assert!(!deny.banned.is_empty(), "deny.toml bans something");
    let metadata = metadata();
    let found =
        metadata.packages.iter().filter(|package| is_banned(&package.name, package.version.major, &deny));
    assert_none(&found.map(|package| package.id.repr.clone()).collect::<Vec<_>>(), "banned in deny.toml:");
}

#[test]
fn deny_toml_allows_what_this_test_allows() {
    let allowed: BTreeSet<String> = ALLOWED.iter().map(|licence| (*licence).to_owned()).collect();
    assert_eq!(deny().allowed, allowed);
}

#[test]
fn no_exception_ships_to_users() {
    let deny = deny();
    let metadata = metadata();
    let shipped = shipped(&metadata, &["ostraca", "ostraca-macros"]);
    let found = shipped.iter().filter(|package| deny.exceptions.contains_key(package.name.as_str()));
    assert_none(
        &found.map(|package| package.id.repr.clone()).collect::<Vec<_>>(),
        "only for the book's test:",
    );
}

#[test]
fn every_exception_is_in_use() {
    let metadata = metadata();
    let is_there = |name: &String| metadata.packages.iter().any(|package| package.name.as_str() == name);
    let idle: Vec<String> = deny().exceptions.into_keys().filter(|name| !is_there(name)).collect();
    assert_none(&idle, "exceptions of deny.toml that nothing needs any more:");
}

#[test]
fn the_rules_see_a_bad_licence_and_a_banned_crate() {
    let deny = deny();
    assert_eq!(complaint("a", Some("MIT/Apache-2.0"), &deny), None);
    assert_eq!(complaint("a", Some("GPL-3.0-only OR MIT"), &deny), None);
    assert_eq!(complaint("mdbook-core", Some("MPL-2.0"), &deny), None);
    assert_eq!(complaint("a", Some("MPL-2.0"), &deny).as_deref(), Some("a: MPL-2.0"));
    assert_eq!(
        complaint("a", Some("MIT AND GPL-3.0-only"), &deny).as_deref(),
        Some("a: MIT AND GPL-3.0-only")
    );
    assert_eq!(complaint("a", None, &deny).as_deref(), Some("a: says no licence"));
    assert!(is_banned("async-std", 1, &deny));
    assert!(is_banned("bincode", 3, &deny) && !is_banned("bincode", 2, &deny));
    assert!(!is_banned("tokio", 1, &deny));
}
