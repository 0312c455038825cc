//! Chapter 5, the first half: one actor becomes many, behind a strategy.

use std::time::Duration;

use ostraca::pool::{Balance, ByKey};
use ostraca::prelude::*;

// ANCHOR: actor
/// Makes small pictures of large ones. It keeps nothing from one to the next, so any of them can make any.
struct Thumbnails;

#[actor(mailbox(len_max = 64))]
impl Thumbnails {
    #[start]
    fn start() -> Self {
        Thumbnails
    }

    #[handler]
    async fn shrink(&mut self, #[key] picture: u64) -> String {
        tokio::time::sleep(Duration::from_millis(100)).await;
        format!("picture {picture}, small")
    }
}
// ANCHOR_END: actor

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;

    // ANCHOR: pool
    let thumbnails = system
        .pool::<Thumbnails>(())
        .named("thumbnails")
        .concurrency(2..=16)
        .balance(Balance::Adaptive)
        .start()
        .await?;
    assert_eq!(thumbnails.shrink(7).await?, "picture 7, small");
    // ANCHOR_END: pool

    // ANCHOR: load
    let pictures = (0..400).map(|picture| {
        let thumbnails = thumbnails.clone();
        tokio::spawn(async move { thumbnails.shrink(picture).await })
    });
    for picture in pictures.collect::<Vec<_>>() {
        picture.await??;
    }
    // ANCHOR_END: load

    // ANCHOR: numbers
    let numbers = Pool::numbers(&thumbnails);
    assert_eq!((numbers.replicas, numbers.grown), (16, 14)); // it began with two
    assert_eq!((numbers.answered, numbers.failed, numbers.in_flight), (401, 0, 0));
    println!("at work {:?}, waiting {:?}", numbers.running, numbers.waiting);
    // ANCHOR_END: numbers

    // ANCHOR: key
    let by_picture: Pool<Thumbnails, ByKey> =
        system.pool::<Thumbnails>(()).concurrency(4).by_key().start().await?;
    by_picture.shrink(7).await?;
    by_picture.shrink(7).await?; // the same replica
    // ANCHOR_END: key

    system.stop().await;
    Ok(())
}

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
