//! Stepping by hand.

use std::time::Duration;

use ostraca::prelude::*;
use ostraca::testkit::{Explore, FailureKind, InlineAsks, Run, explore};

use super::actors::{Notes, Partner};

#[test]
fn with_the_reins_in_hand_nothing_runs_but_by_a_step() {
    Explore::new().seeds(20).inline(InlineAsks::Never).run(async |run: Run| {
        let notes = run.system().spawn::<Notes>(()).await.unwrap();
        run.hold();
        notes.note(0, 1).tell().unwrap();
        run.yield_now().await;
        assert_eq!(ActorRef::mailbox_len(&notes), 1);
        assert!(run.step().await);
        assert_eq!(ActorRef::mailbox_len(&notes), 0);
        assert!(run.settle().await <= 1, "a cell that made way looks once more");
        assert!(!run.step().await);
        run.let_go();
        assert_eq!(notes.seen().await, Ok(vec![(0, 1)]));
    });
}

#[test]
fn time_stands_still_until_it_is_advanced() {
    explore(20, async |run: Run| {
        let partner = run.system().spawn::<Partner>(()).await.unwrap();
        let napping = partner.clone();
        let nap = run.spawn("nap", async move { napping.nap(Duration::from_secs(5)).await });
        run.hold();
        run.settle().await;
        run.advance(Duration::from_millis(4_999)).await;
        assert_eq!((run.settle().await, nap.is_over()), (0, false));
        run.advance(Duration::from_millis(2)).await;
        assert!(run.settle().await > 0);
        assert!(nap.is_over());
        assert_eq!(run.now(), Duration::from_millis(5_001));
    });
}

#[test]
fn who_holds_the_reins_and_waits_hangs() {
    let found = Explore::new().seeds(1).find(async |run: Run| {
        let notes = run.system().spawn::<Notes>(()).await.unwrap();
        run.hold();
        let _hangs = notes.note_slowly(0, 1).await;
    });
    let found = found.unwrap();
    assert_eq!(found.failure().kind(), FailureKind::Hang);
    assert!(found.failure().text().contains("holds the reins"), "{found}");
}
