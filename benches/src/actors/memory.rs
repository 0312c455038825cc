//! What an actor with 8 bytes of state takes of the resident set.
//!
//! The references lie in a vector whose pages are there before: they are not counted. An allocator that gives
//! nothing back makes no difference, since nothing is dropped before the second figure is read.

use std::fs;
use std::time::Duration;

use super::host::{Add, Counts};
use crate::work::Figures;

/// Bytes an actor: never messaged, and after one message.
pub fn memory<P: Counts>(peer: P, actors: u64) -> Figures {
    peer.run(move |world| async move {
        let mut counters: Vec<Option<P::Counter>> = vec![None; actors as usize];
        // What the peer makes once is no part of an actor.
        let first = peer.counter(&world).await;
        P::ask(&first, Add { key: 0, by: 1 }).await;
        let before = settled().await;
        for counter in &mut counters {
            *counter = Some(peer.counter(&world).await);
        }
        let never = settled().await;
        for counter in counters.iter().flatten() {
            P::tell(counter, Add { key: 0, by: 1 });
        }
        let messaged = settled().await;
        let last = counters.last().and_then(Option::as_ref).unwrap();
        assert_eq!(P::ask(last, Add { key: 0, by: 0 }).await, 1, "messages were lost");
        let each = |after: u64| after.saturating_sub(before) as f64 / actors as f64;
        Figures(vec![each(never), each(messaged)])
    })
}

/// The resident set when it no longer changes: actors start and messages are handled meanwhile.
async fn settled() -> u64 {
    const CALM: usize = 5;
    let mut last = resident();
    let mut calm = 0;
    while calm < CALM {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = resident();
        calm = if now.abs_diff(last) > last / 1000 { 0 } else { calm + 1 };
        last = now;
    }
    last
}

/// In bytes. From the field in kB of `status`, which does not depend on the size of a page as `statm` does.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kilobytes = line.split_whitespace().nth(1).unwrap();
    kilobytes.parse::<u64>().unwrap() * 1024
}
