//! Chapter 3: when a batch is closed, and what becomes of one that fails.

// ANCHOR: all
use std::time::Duration;

use ostraca::monitor::ClosedBy;
use ostraca::prelude::*;
use thiserror::Error;

/// The deposit that the bank does not take.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("account {0} is closed")]
struct Closed(u64);

// ANCHOR: messages
/// Waits a little for others.
#[derive(Message)]
#[message(reply = u64)]
struct Deposit(#[key] u64);

/// Fails with its neighbours, and then alone if it is the one.
#[derive(Message)]
#[message(reply = Result<u64, Closed>)]
struct Transfer(u64);

/// Carries text: what it takes in memory is not all of it.
#[derive(Message)]
#[message(reply = usize, size = |note| note.0.len())]
struct Note(String);
// ANCHOR_END: messages

struct Bank;

#[actor]
impl Bank {
    #[start]
    fn start() -> Self {
        Bank
    }

    // ANCHOR: wait
    #[handler(batch(len_min = 16, len_max = 64, wait_max = "20ms"))]
    async fn deposit(&mut self, batch: Batch<Deposit>) {
        let len = batch.len() as u64;
        batch.into_iter().for_each(|deposit| deposit.reply(len));
    }
    // ANCHOR_END: wait

    // ANCHOR: bisect
    #[handler(batch(len_max = 64, on_error = bisect))]
    async fn transfer(&mut self, batch: Batch<Transfer>) -> Result<(), Closed> {
        if let Some(bad) = batch.iter().find(|transfer| transfer.0 == 13) {
            return Err(Closed(bad.0)); // as a database does that refuses one row: nothing is written
        }
        batch.into_iter().for_each(|transfer| {
            let account = transfer.0;
            transfer.reply(account);
        });
        Ok(())
    }
    // ANCHOR_END: bisect

    // ANCHOR: bytes
    #[handler(batch(len_max = 64, bytes_max = 16))]
    async fn note(&mut self, batch: Batch<Note>) {
        let len = batch.len();
        batch.into_iter().for_each(|note| note.reply(len));
    }
    // ANCHOR_END: bytes
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let bank = system.spawn::<Bank>(()).await?;

    // ANCHOR: waited
    let (first, second) = tokio::join!(bank.deposit(Deposit(1)), bank.deposit(Deposit(2)));
    assert_eq!((first, second), (Ok(2), Ok(2))); // one batch of two, after 20 ms
    // ANCHOR_END: waited

    // ANCHOR: found
    let (a, b, c, d) = tokio::join!(
        bank.transfer(Transfer(1)),
        bank.transfer(Transfer(2)),
        bank.transfer(Transfer(13)),
        bank.transfer(Transfer(4)),
    );
    assert_eq!((a, b, d), (Ok(1), Ok(2), Ok(4)));
    assert_eq!(c, Err(AskError::Refused(Closed(13))));
    // ANCHOR_END: found

    let noted = bank.note(Note("sixteen letters.".to_owned())).await;
    assert_eq!(noted, Ok(1));

    // ANCHOR: late
    let late = bank.deposit(Deposit(3)).within(Duration::ZERO).await;
    assert_eq!(late, Err(AskError::Deadline)); // it did not run
    // ANCHOR_END: late

    // ANCHOR: numbers
    let snapshot = system.monitor().latest().await;
    let deposits = snapshot.of_type("Bank").and_then(|bank| bank.batches_of("deposit"));
    let deposits = deposits.expect("there were some");
    assert_eq!((deposits.batches, deposits.messages), (1, 2));
    assert_eq!(deposits.closed_by(ClosedBy::Wait), 1);
    println!("99 of 100 batches hold at most {:?}", deposits.lengths.quantile(0.99));
    // ANCHOR_END: numbers

    system.stop().await;
    Ok(())
}
// ANCHOR_END: all

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
