//! State that is not `Send`, in an actor that is.

use std::fmt;

use thiserror::Error;

use super::context::Context;
use super::home::Home;
use super::{Actor, Label};
use crate::runtime::ThreadBound;

/// A value of an actor that cannot leave its thread: an `Rc`, a handle of a C library, an actor of actix's `Context`.
///
/// It is made in `#[start]` (or a handler) of an actor that [began on a pinned thread](crate::System::spawn_pinned), and
/// used by closures, so that it cannot be held over an await. The actor stays on that thread from then on: a
/// [move](crate::ActorRef::move_to) is refused. A restart makes the value anew, on the same thread. It is dropped there
/// too: where the actor's state is dropped elsewhere, because its system was, the value is dropped at the end of its
/// thread.
///
/// ```
/// use std::rc::Rc;
///
/// use ostraca::prelude::*;
/// use ostraca::Bound;
///
/// struct Page {
///     title: Bound<Rc<str>>,
/// }
///
/// #[actor]
/// impl Page {
///     #[start]
///     fn start(ctx: &mut Context<Self>, title: String) -> Result<Self, StartError> {
///         Ok(Page { title: Bound::new(ctx, title.into())? })
///     }
///
///     #[handler]
///     fn len(&self) -> usize {
///         self.title.with(|title| title.len())
///     }
/// }
///
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let system = System::builder().pinned_cores_auto(1).start()?;
/// let page = system.spawn_pinned::<Page>(0, "Ostraca".into()).await?;
/// assert_eq!(page.len().await?, 7);
/// system.stop().await;
/// # Ok(())
/// # }
/// ```
pub struct Bound<T: 'static>(ThreadBound<T>);

/// Why a value could not be bound.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{actor} runs on {home}, not on a pinned thread: spawn it by `System::spawn_pinned`, or its shards by `shards_pinned`"
)]
#[non_exhaustive]
pub struct NotPinnedError {
    /// Whose value it was to be.
    pub actor: Label,
    /// Where it runs.
    pub home: Home,
}

impl<T: 'static> Bound<T> {
    /// Binds a value to the thread of the actor that runs, and the actor with it.
    ///
    /// # Errors
    ///
    /// When the actor is not on a pinned thread. The value is dropped.
    pub fn new<A: Actor>(ctx: &mut Context<A>, value: T) -> Result<Self, NotPinnedError> {
        let cell = ctx.cell_link().cell();
        match cell.home() {
            Home::Workers => Err(NotPinnedError { actor: ctx.label(), home: Home::Workers }),
            Home::Pinned(_) => {
                cell.residence().bind();
                Ok(Bound(ThreadBound::new(value)))
            }
        }
    }

    /// Uses the value.
    ///
    /// # Panics
    ///
    /// When it was taken out of its actor and is used on another thread.
    #[track_caller]
    pub fn with<R>(&self, work: impl FnOnce(&T) -> R) -> R {
        let value = self.0.value();
        let value = value.borrow();
        work(&value)
    }

    /// Uses the value, which may be changed.
    ///
    /// # Panics
    ///
    /// As [`with`](Self::with).
    #[track_caller]
    pub fn with_mut<R>(&mut self, work: impl FnOnce(&mut T) -> R) -> R {
        let value = self.0.value();
        let mut value = value.borrow_mut();
        work(&mut value)
    }
}

impl<T: 'static> fmt::Debug for Bound<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bound<{}>", std::any::type_name::<T>())
    }
}
