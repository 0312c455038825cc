//! Names of actors.
//!
//! **What it is.** One table a system: a name and the cell that has it. A name is taken when a cell is made, before
//! its start, and free again when the actor has stopped for good, before anybody is told of it; a restart keeps it.
//! The names that a supervisor's children have among themselves are not in it.
//!
//! **Cost.** A lock at a named spawn, at its end and at a lookup: look up once and keep the reference. An actor
//! without a name touches none of it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use thiserror::Error;

use super::Actor;
use super::cell::{Cell, CellRef};
use super::lifecycle::{ActorId, Label, SpawnError, short_type_name};
use super::parent::AnyRef;
use crate::sync::Mutex;

/// Why there is no such actor under a name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LookupError {
    /// No actor has the name: it was never spawned, or has stopped.
    #[error("no actor is called {name:?}: none was spawned under that name, or it has stopped")]
    NotFound {
        /// The name.
        name: String,
    },
    /// An actor of another type has it.
    #[error("{actor} is no {wanted}: look it up as what it is")]
    OtherType {
        /// Who has it.
        actor: Label,
        /// The type that was looked for.
        wanted: &'static str,
    },
}

/// The names of one system's actors.
#[derive(Default)]
pub(crate) struct Names(Mutex<HashMap<Arc<str>, Option<AnyRef>>>);

/// A name that is taken and goes back unless it is given to a cell.
pub(super) struct Reserved<'a> {
    names: &'a Names,
    name: Option<Arc<str>>,
}

impl Names {
    /// # Errors
    ///
    /// When another has it.
    pub(super) fn reserve(&self, name: Arc<str>) -> Result<Reserved<'_>, SpawnError> {
        match self.0.lock().entry(name.clone()) {
            Entry::Occupied(_) => Err(SpawnError::NameTaken(name.to_string())),
            Entry::Vacant(entry) => {
                entry.insert(None);
                Ok(Reserved { names: self, name: Some(name) })
            }
        }
    }

    /// Frees a name, if it is that actor's: another may be called so among its siblings.
    pub(super) fn free(&self, name: &str, owner: ActorId) {
        let mut names = self.0.lock();
        let is_owners =
            names.get(name).is_some_and(|cell| cell.as_ref().is_some_and(|cell| cell.id() == owner));
        let gone = if is_owners { names.remove(name) } else { None };
        // The cell is let go of outside the lock: it may be the last that holds it.
        drop(names);
        drop(gone);
    }

    /// The actor with a name.
    ///
    /// # Errors
    ///
    /// When there is none, or it is no `A`.
    pub(crate) fn find<A: Actor>(&self, name: &str) -> Result<CellRef<A>, LookupError> {
        let found = self.0.lock().get(name).cloned().flatten();
        let cell = found.ok_or_else(|| LookupError::NotFound { name: name.to_owned() })?;
        let actor = cell.label();
        Cell::downcast(cell).ok_or(LookupError::OtherType { actor, wanted: short_type_name::<A>() })
    }
}

impl Reserved<'_> {
    pub(super) fn give_to(mut self, cell: AnyRef) {
        if let Some(name) = self.name.take() {
            self.names.0.lock().insert(name, Some(cell));
        }
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            self.names.0.lock().remove(&name);
        }
    }
}
