//! Actors with state that is not `Send`.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, ThreadId};

use ostraca::prelude::*;
use ostraca::{Bound, Home, MoveError, SpawnError};

type Pages = Rc<RefCell<Vec<String>>>;

/// Says where it is dropped.
struct Dropped(Sender<ThreadId>);

impl Drop for Dropped {
    fn drop(&mut self) {
        // The test may be over.
        let _unheard = self.0.send(thread::current().id());
    }
}

struct Book {
    pages: Bound<Pages>,
    same: Bound<(Pages, Dropped)>,
}

#[actor(restart(backoff = "1ms..1ms"))]
impl Book {
    #[start]
    fn start(ctx: &mut Context<Self>, dropped: Sender<ThreadId>) -> Result<Self, StartError> {
        let pages = Pages::default();
        let same = Bound::new(ctx, (pages.clone(), Dropped(dropped)))?;
        Ok(Book { pages: Bound::new(ctx, pages)?, same })
    }

    #[handler]
    fn write(&mut self, text: String) -> usize {
        self.pages.with_mut(|pages| pages.borrow_mut().push(text));
        self.same.with(|(pages, _)| pages.borrow().len())
    }

    /// On both sides of an await.
    #[handler]
    async fn write_twice(&mut self, text: String) -> (usize, ThreadId) {
        self.pages.with(|pages| pages.borrow_mut().push(text.clone()));
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        self.pages.with(|pages| pages.borrow_mut().push(text));
        (self.pages.with(|pages| pages.borrow().len()), thread::current().id())
    }

    #[handler]
    fn thread(&mut self) -> ThreadId {
        thread::current().id()
    }

    #[handler]
    fn fail(&mut self) {
        panic!("a planned failure");
    }
}

/// In real time: a paused clock runs on while a thread that is not tokio's does its work, past the stop's deadline.
#[tokio::test]
async fn state_that_is_not_send_lives_and_dies_on_its_thread() {
    let (tx, rx) = channel();
    let system = System::builder().pinned_cores_auto(1).start().unwrap();
    let book = system.spawn_pinned::<Book>(0, tx).await.unwrap();
    let thread = book.thread().await.unwrap();
    assert_ne!(thread, thread::current().id());
    assert_eq!(book.write("one".into()).await, Ok(1));
    assert_eq!(book.write_twice("two".into()).await, Ok((3, thread)));
    assert!(book.fail().await.is_err());
    assert_eq!(rx.recv().unwrap(), thread, "a restart makes it anew");
    assert_eq!(book.write("again".into()).await, Ok(1));
    assert_eq!(book.thread().await, Ok(thread));
    system.stop().await;
    assert_eq!(rx.try_iter().collect::<Vec<_>>(), [thread], "dropped before the stop is over");
}

#[tokio::test(start_paused = true)]
async fn a_system_that_is_dropped_drops_it_on_its_thread_too() {
    let (tx, rx) = channel();
    let system = System::builder().pinned_cores_auto(1).start().unwrap();
    let book = system.spawn_pinned::<Book>(0, tx).await.unwrap();
    let thread = book.thread().await.unwrap();
    drop(system);
    assert_eq!(rx.recv().unwrap(), thread);
}

#[tokio::test(start_paused = true)]
async fn an_actor_with_such_state_stays() {
    let system = System::builder().pinned_cores_auto(1).start().unwrap();
    let book = system.spawn_pinned::<Book>(0, channel().0).await.unwrap();
    let error = ActorRef::move_to(&book, Home::Workers).await.unwrap_err();
    assert_eq!(error, MoveError::Bound);
    assert_eq!(error.to_string(), "the actor stays: it has a value that is bound to its thread");
    assert_eq!(ActorRef::home(&book), Home::Pinned(0));
    assert_eq!(book.write("one".into()).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn such_state_needs_a_pinned_thread() {
    let system = System::start().unwrap();
    let Err(SpawnError::NotStarted { reason, .. }) = system.spawn::<Book>(channel().0).await else {
        panic!("it started on a worker");
    };
    let text = reason.to_string();
    assert!(text.contains("Book#1 runs on the workers, not on a pinned thread: spawn it by"), "{text}");
}
