//! Environment variables: `OSTRACA_` and the parts of a key, joined by two underscores.

use std::ffi::OsString;

use super::keys::Raw;
use super::{Mistake, Reader};

const PREFIX: &str = "OSTRACA_";
const PARTS: &str = "__";
/// What the test kit reads, and this project's own test runs.
const NOT_OURS: [&str; 3] = ["SEED", "SEEDS", "NOT_RUN"];

pub(super) fn read(variables: impl Iterator<Item = (OsString, OsString)>, reader: &mut Reader<'_>) {
    let mut ours: Vec<_> = variables
        .filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let key = name.strip_prefix(PREFIX)?;
            (!NOT_OURS.contains(&key)).then(|| (name.clone(), path(key), value))
        })
        .collect();
    // The environment has no order: so that mistakes always come in the same.
    ours.sort();
    for (name, path, value) in ours {
        match value.to_str() {
            Some(value) => reader.set(&path, &Raw::Word(value), &name, &name),
            None => {
                let problem = format!("`{}` is not UTF-8: {}", path.join("."), value.display());
                reader.mistakes.push(Mistake::new(&name, Some(path.join(".")), problem));
            }
        }
    }
}

/// The parts of a key in lower case, but the name of an actor's type as it is.
fn path(key: &str) -> Vec<String> {
    let mut path: Vec<_> = key.split(PARTS).map(str::to_lowercase).collect();
    if path[0] == "actor"
        && let Some(type_name) = key.split(PARTS).nth(1)
    {
        path[1] = type_name.to_owned();
    }
    path
}
