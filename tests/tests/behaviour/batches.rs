//! Batched handlers: one call for a run of messages, an answer for each.

use ostraca::AskError;
use ostraca::prelude::*;

#[derive(Clone, Debug, PartialEq)]
struct Broken;

#[derive(Clone, Message)]
#[message(reply = Result<u32, Broken>)]
struct Put(u32);

#[derive(Default)]
struct Store {
    batches: Vec<usize>,
}

#[actor]
impl Store {
    #[start]
    fn start() -> Self {
        Store::default()
    }

    /// Answers even numbers, leaves 1 to the error, refuses 3, panics on 5.
    #[handler(batch(len_max = 4))]
    async fn put(&mut self, batch: Batch<Put>) -> Result<(), Broken> {
        self.batches.push(batch.len());
        tokio::task::yield_now().await;
        let mut is_broken = false;
        for item in batch {
            match item.0 {
                1 => is_broken = true,
                3 => item.refuse(Broken),
                5 => panic!("five"),
                n => item.reply(n),
            }
        }
        if is_broken { Err(Broken) } else { Ok(()) }
    }

    /// Answers nobody.
    #[handler(batch(len_max = 4))]
    fn ignore(&mut self, batch: Batch<Ignored>) {
        drop(batch);
    }

    #[handler]
    fn batches(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.batches)
    }
}

#[derive(Message)]
struct Ignored;

/// Asks all at once, so that they are queued together.
async fn put_all(store: &ActorRef<Store>, numbers: &[u32]) -> Vec<Result<u32, AskError<Broken>>> {
    let asks: Vec<_> = numbers
        .iter()
        .map(|&n| {
            let store = store.clone();
            tokio::spawn(async move { store.put(Put(n)).await })
        })
        .collect();
    let mut answers = Vec::new();
    for ask in asks {
        answers.push(ask.await.unwrap());
    }
    answers
}

#[tokio::test(start_paused = true)]
async fn what_is_queued_is_one_batch_and_each_caller_gets_its_own_answer() {
    let system = System::start().unwrap();
    let store = system.spawn::<Store>(()).await.unwrap();
    let answers = put_all(&store, &[2, 4, 6, 8, 10, 12]).await;
    assert_eq!(answers, [2, 4, 6, 8, 10, 12].map(Ok));
    let batches = store.batches().await.unwrap();
    assert_eq!(batches.iter().sum::<usize>(), 6);
    assert!(batches.iter().all(|&len| len <= 4), "at most len_max: {batches:?}");
    assert!(batches.len() < 6, "some were batched: {batches:?}");
}

#[tokio::test(start_paused = true)]
async fn a_batch_ends_at_a_message_of_another_kind() {
    let system = System::start().unwrap();
    let store = system.spawn::<Store>(()).await.unwrap();
    store.put(Put(2)).tell().unwrap();
    store.put(Put(2)).tell().unwrap();
    store.batches().tell().unwrap();
    store.put(Put(2)).tell().unwrap();
    store.put(Put(2)).tell().unwrap();
    store.put(Put(2)).tell().unwrap();
    assert_eq!(store.batches().await, Ok(vec![3]), "the first two were before the other message");
}

#[tokio::test(start_paused = true)]
async fn the_handlers_error_answers_every_item_not_yet_answered() {
    let system = System::start().unwrap();
    let store = system.spawn::<Store>(()).await.unwrap();
    let answers = put_all(&store, &[2, 1, 3, 8]).await;
    assert_eq!(
        answers,
        [Ok(2), Err(AskError::Refused(Broken)), Err(AskError::Refused(Broken)), Ok(8)],
        "1 by the error, 3 by its own refusal"
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_answers_every_unanswered_item_of_its_batch_and_no_other() {
    let system = System::start().unwrap();
    let store = system.spawn::<Store>(()).await.unwrap();
    let (two, five, eight) = tokio::join!(store.put(Put(2)), store.put(Put(5)), store.put(Put(8)));
    assert_eq!(two, Ok(2), "it was answered before");
    assert_eq!((five, eight), (Err(AskError::Panicked), Err(AskError::Panicked)));
    assert_eq!(store.put(Put(4)).await, Ok(4), "the next batch is served after the restart");
    let letters = system.dead_letters();
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].handler, letters[0].count), ("put", 3));
}

#[tokio::test(start_paused = true)]
async fn an_item_that_is_forgotten_is_an_error_and_not_a_hang() {
    let system = System::start().unwrap();
    let store = system.spawn::<Store>(()).await.unwrap();
    assert_eq!(store.ignore(Ignored).await, Err(AskError::Unanswered));
}
