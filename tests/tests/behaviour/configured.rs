//! Configuration: what the builder says, what files say, and what is refused.

use ostraca::prelude::*;
use ostraca::{StartSystemError, TellError};

struct Hopper;

#[actor(mailbox(len_max = 100), inline = never)]
impl Hopper {
    #[start]
    fn start() -> Self {
        Hopper
    }

    #[handler]
    async fn take(&mut self) {
        std::future::pending::<()>().await;
    }
}

/// How many messages an actor takes whose handler does not end.
async fn room(system: &System) -> usize {
    let hopper = system.spawn::<Hopper>(()).await.unwrap();
    hopper.take().tell().unwrap();
    // One thread: the handler begins when this task makes way.
    tokio::task::yield_now().await;
    let told = std::iter::repeat_with(|| hopper.take().tell()).take(1000);
    let taken = told.take_while(|told| !matches!(told, Err(TellError::Full(_)))).count();
    ActorRef::kill(&hopper);
    taken
}

#[tokio::test(start_paused = true)]
async fn a_file_changes_the_settings_of_the_actors_that_the_program_names() {
    let file = "name = \"shop\"\nstop_deadline = \"3s\"\n[actor.Hopper]\nmailbox.len_max = 2\n";
    let builder = System::builder().configures::<Hopper>().config_text("shop.toml", file);
    let system = builder.clone().start().unwrap();
    assert_eq!((system.name(), system.stop_deadline().as_secs()), ("shop", 3));
    assert_eq!(room(&system).await, 2);
    let plain = System::start().unwrap();
    assert_eq!(room(&plain).await, 100, "another system of the process is not configured by it");
}

#[tokio::test(start_paused = true)]
async fn the_builder_wins_over_a_file() {
    let file = "name = \"file\"\nstop_deadline = \"3s\"";
    let system = System::builder().name("builder").config_text("shop.toml", file).start().unwrap();
    assert_eq!((system.name(), system.stop_deadline().as_secs()), ("builder", 3));
}

#[tokio::test(start_paused = true)]
async fn a_file_with_mistakes_starts_nothing_and_names_them_all() {
    let file = "workers = 0\n[actor.Hoper]\ninline = \"never\"\n";
    let error = System::builder().configures::<Hopper>().config_text("shop.toml", file).start().unwrap_err();
    let StartSystemError::Config(error) = error else { panic!("{error}") };
    let places: Vec<_> = error.mistakes().iter().map(|mistake| (mistake.place(), mistake.key())).collect();
    assert_eq!(places, [("shop.toml:1:11", Some("workers")), ("shop.toml:3:1", Some("actor.Hoper.inline"))]);
    assert!(error.to_string().contains("did you mean `Hopper`?"), "{error}");
}
