//! What an operator can set: environment variables and TOML files.
//!
//! ```text
//!   .workers(4)            the program, by the builder           wins over
//!   OSTRACA_WORKERS=4      the environment: .config_env()        wins over
//!   workers = 4            a file: .config_file(path); of several, the one named first
//!                                                                wins over the defaults
//! ```
//!
//! **What it is.** Keys with the names of the builder's methods, and of the arguments of `#[actor(..)]` for each actor
//! type that the program has shown by [`configures`](super::SystemBuilder::configures). Numbers, durations and words
//! are written as there.
//!
//! | key | what | as |
//! |---|---|---|
//! | `name` | [`name`](super::SystemBuilder::name) | `"shop"` |
//! | `workers` | [`workers`](super::SystemBuilder::workers) | `4` |
//! | `pinned_cores` | [`pinned_cores`](super::SystemBuilder::pinned_cores), or [as many as there are](super::SystemBuilder::pinned_cores_auto) | `[2, 3]`, `"auto"` |
//! | `stop_deadline` | [`stop_deadline`](super::SystemBuilder::stop_deadline) | `"10s"` |
//! | `monitor.interval` | [how often](crate::monitor::MonitorSettings::interval) the monitor pulls | `"1s"` |
//! | `monitor.history` | whether it keeps what it pulled | `"on"`, `"off"` |
//! | `monitor.waiting` and the name of each other [sampler](crate::monitor::Sampler) | whether it is measured | `"on"`, `"off"` |
//! | `actor.Type.mailbox.len_max` | its mailbox's bound, in messages | `4096`, `"unbounded"` |
//! | `actor.Type.mailbox.overflow` | what a full one does | `"reject"`, `"drop_oldest"` |
//! | `actor.Type.restart.max` | restarts `within` the window | `5` |
//! | `actor.Type.restart.within` | the window | `"10s"` |
//! | `actor.Type.restart.backoff` | the waits before them | `"50ms..5s"` |
//! | `actor.Type.inline` | whether asks run where the asker stands | `"auto"`, `"always"`, `"never"` |
//!
//! In the environment a key is `OSTRACA_` and its parts joined by two underscores, in capitals but for the type:
//! `OSTRACA_STOP_DEADLINE`, `OSTRACA_ACTOR__Ledger__MAILBOX__LEN_MAX`. `OSTRACA_SEED` and `OSTRACA_SEEDS` are the test
//! kit's and are passed over.
//!
//! **Guarantees.** Nothing is read that the program did not ask for, and everything before the first actor starts. A
//! key that is not in the table, and a value that its row does not allow, stop the start: the error names the place
//! (`shop.toml:3:11`, or the variable), the key, and what is allowed; all mistakes at once. Nothing is guessed and
//! nothing passed over.
//!
//! **Cost.** Where no actor type is configured, a spawn looks at an empty map. TOML is behind the feature `toml`.
//!
//! **Bad at.** Changing anything while the system runs; settings of the program's own.

mod environment;
mod error;
#[cfg(feature = "toml")]
mod file;
mod keys;
mod units;

use std::any::TypeId;
use std::sync::Arc;
use std::time::Duration;

use error::nearest;
pub use error::{ConfigError, Mistake};
use keys::{ACTOR, Key, MONITOR, Raw, SYSTEM};

use super::cores::Wanted;
use crate::actor::Configured;
use crate::monitor::MonitorSettings;

/// Where configuration comes from, and for which actors.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    pub(super) environment: bool,
    #[cfg(feature = "toml")]
    pub(super) files: Vec<file::File>,
    /// By the name it is configured by.
    pub(super) actors: Vec<(&'static str, TypeId)>,
}

#[cfg(feature = "toml")]
pub(super) use file::File;

/// What the sources say.
#[derive(Default)]
pub(super) struct Outside {
    pub(super) name: Option<Arc<str>>,
    pub(super) workers: Option<usize>,
    pub(super) pinned_cores: Option<Wanted>,
    pub(super) stop_deadline: Option<Duration>,
    pub(super) monitor: MonitorSettings,
    pub(super) actors: Configured,
}

impl Sources {
    /// Reads all of them.
    ///
    /// # Errors
    ///
    /// All mistakes.
    pub(super) fn read(&self) -> Result<Outside, ConfigError> {
        let mut reader = Reader::new(&self.actors);
        // The weakest first: what comes later writes over it.
        #[cfg(feature = "toml")]
        self.files.iter().rev().for_each(|file| file.read(&mut reader));
        if self.environment {
            environment::read(std::env::vars_os(), &mut reader);
        }
        reader.finish()
    }
}

/// Takes what a source says, key by key.
struct Reader<'a> {
    outside: Outside,
    mistakes: Vec<Mistake>,
    actors: &'a [(&'static str, TypeId)],
}

impl<'a> Reader<'a> {
    fn new(actors: &'a [(&'static str, TypeId)]) -> Self {
        let mut reader = Reader { outside: Outside::default(), mistakes: Vec::new(), actors };
        for (at, (name, _)) in actors.iter().enumerate() {
            if actors[..at].iter().any(|(other, _)| other == name) {
                let problem = format!("two actor types are called `{name}`: configure one of them in code");
                reader.mistakes.push(Mistake::new("configures", Some((*name).to_owned()), problem));
            }
        }
        reader
    }

    fn finish(self) -> Result<Outside, ConfigError> {
        if self.mistakes.is_empty() { Ok(self.outside) } else { Err(ConfigError::new(self.mistakes)) }
    }

    /// The key `path` was written at `key_at` with the value `raw` at `value_at`.
    fn set(&mut self, path: &[String], raw: &Raw<'_>, key_at: &str, value_at: &str) {
        let outcome = match path {
            [actor, type_name, rest @ ..] if actor == "actor" => match self.actor(type_name) {
                Ok(id) => read_key(ACTOR, path, &rest.join("."), raw)
                    .map(|change| self.outside.actors.change(id, change)),
                Err(problem) => Err(Wrong::Key(problem)),
            },
            [monitor, rest @ ..] if monitor == "monitor" && !rest.is_empty() => {
                read_key(MONITOR, path, &rest.join("."), raw).map(|set| set(&mut self.outside))
            }
            _ => read_key(SYSTEM, path, &path.join("."), raw).map(|set| set(&mut self.outside)),
        };
        let (place, problem) = match outcome {
            Ok(()) => return,
            Err(Wrong::Key(problem)) => (key_at, problem),
            Err(Wrong::Value(problem)) => (value_at, problem),
        };
        self.mistakes.push(Mistake::new(place, Some(path.join(".")), problem));
    }

    /// The type that is configured by `name`.
    fn actor(&self, name: &str) -> Result<TypeId, String> {
        if let Some((_, id)) = self.actors.iter().find(|(known, _)| *known == name) {
            return Ok(*id);
        }
        let known = self.actors.iter().map(|(known, _)| *known);
        Err(unknown(&format!("`{name}` is no actor type that is configured here"), name, known))
    }
}

/// What is wrong with a line.
enum Wrong {
    Key(String),
    Value(String),
}

/// What `raw` means for the key `name` of `keys`, which was written as `path`.
fn read_key<C>(keys: &[Key<C>], path: &[String], name: &str, raw: &Raw<'_>) -> Result<C, Wrong> {
    let Some(key) = keys.iter().find(|key| key.name == name) else {
        let problem = format!("unknown key `{}`", path.join("."));
        let tables: &[&str] = if path.len() == 1 { &["monitor", "actor"] } else { &[] };
        return Err(Wrong::Key(unknown(
            &problem,
            name,
            keys.iter().map(|key| key.name).chain(tables.iter().copied()),
        )));
    };
    (key.read)(raw)
        .ok_or_else(|| Wrong::Value(format!("`{}` is {raw}: expected {}", path.join("."), key.allowed)))
}

/// `problem`, with the nearest of `allowed` and all of them.
fn unknown<'k>(problem: &str, written: &str, allowed: impl Iterator<Item = &'k str> + Clone) -> String {
    let guess = nearest(written, allowed.clone()).map(|name| format!(", did you mean `{name}`?"));
    let all = allowed.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let all = if all.is_empty() { "none".to_owned() } else { all };
    format!("{problem}{} (allowed: {all})", guess.unwrap_or_default())
}

#[cfg(test)]
mod tests;
