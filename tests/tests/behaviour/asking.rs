//! Verbs, deadlines, answers.

use std::time::Duration;

use ostraca::prelude::*;
use ostraca::{AskError, Recipient};

#[derive(Default)]
struct Desk {
    kept: Vec<ReplyTo<u32>>,
    other: Option<ActorRef<Desk>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Odd(u32);

#[derive(Message)]
#[message(reply = Result<u32, Odd>)]
struct Halve(u32);

#[actor]
impl Desk {
    #[start]
    fn start(other: Option<ActorRef<Desk>>) -> Self {
        Desk { other, ..Desk::default() }
    }

    #[handler]
    fn double(&mut self, n: u32) -> u32 {
        2 * n
    }

    #[handler]
    fn halve(&mut self, #[message] Halve(n): Halve) -> Result<u32, Odd> {
        if n % 2 == 0 { Ok(n / 2) } else { Err(Odd(n)) }
    }

    #[handler]
    async fn slow(&mut self, millis: u64) -> u64 {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        millis
    }

    /// Answers when `answer` comes.
    #[handler]
    fn later(&mut self, reply: ReplyTo<u32>) {
        self.kept.push(reply);
    }

    #[handler]
    fn answer(&mut self, with: u32) -> usize {
        let waiting = self.kept.len();
        for reply in self.kept.drain(..) {
            reply.reply(with);
        }
        waiting
    }

    #[handler]
    fn forget(&mut self) {
        self.kept.clear();
    }

    #[handler]
    fn cancelled(&mut self) -> usize {
        self.kept.iter().filter(|reply| reply.is_cancelled()).count()
    }

    /// Lets the other desk answer.
    #[handler]
    fn pass_on(&mut self, n: u32, reply: ReplyTo<u32>) {
        let other = self.other.clone().unwrap();
        other.double(n).forward(reply).unwrap();
    }

    /// Asks the other desk, without a deadline of its own.
    #[handler]
    async fn nested(&mut self, millis: u64) -> Result<u64, AskError> {
        self.other.clone().unwrap().slow(millis).await
    }

    #[handler]
    async fn ask_myself(&mut self, ctx: &mut Context<Self>) -> bool {
        ctx.me().double(1).await == Err(AskError::WouldDeadlock)
    }
}

async fn desk(system: &System) -> ActorRef<Desk> {
    system.spawn(None).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_ask_gets_the_answer_and_a_refusal_is_an_answer() {
    let system = System::start().unwrap();
    let desk = desk(&system).await;
    assert_eq!(desk.double(4).await, Ok(8));
    assert_eq!(desk.halve(Halve(4)).await, Ok(2));
    assert_eq!(desk.halve(Halve(5)).await, Err(AskError::Refused(Odd(5))));
}

#[tokio::test(start_paused = true)]
async fn an_ask_ends_at_its_deadline_and_the_handler_runs_on() {
    let system = System::start().unwrap();
    let desk = desk(&system).await;
    let began = tokio::time::Instant::now();
    let late = desk.slow(1000).within(Duration::from_millis(30)).await;
    assert_eq!(late, Err(AskError::Deadline));
    assert_eq!(began.elapsed().as_millis(), 30);
    assert!(AskError::<Odd>::Deadline.may_have_run());
    assert_eq!(desk.double(1).await, Ok(2));
    assert_eq!(began.elapsed().as_millis(), 1000, "the slow handler was not cut off");
}

#[tokio::test(start_paused = true)]
async fn nested_asks_inherit_the_deadline() {
    let system = System::start().unwrap();
    let inner = desk(&system).await;
    let outer = system.spawn::<Desk>(Some(inner)).await.unwrap();
    let began = tokio::time::Instant::now();
    // The inner ask has no deadline of its own; both end at the outer's.
    let answer = outer.nested(60_000).within(Duration::from_millis(50)).await;
    assert_eq!(answer, Err(AskError::Deadline));
    assert_eq!(outer.double(1).await, Ok(2), "the outer handler ended with its inner ask");
    assert_eq!(began.elapsed().as_millis(), 50);
}

#[tokio::test(start_paused = true)]
async fn a_deferred_reply_comes_later_and_a_forgotten_one_is_an_error() {
    let system = System::start().unwrap();
    let desk = desk(&system).await;
    let asker = tokio::spawn({
        let desk = desk.clone();
        async move { desk.later().await }
    });
    while desk.answer(7).await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(asker.await.unwrap(), Ok(7));
    let mut forgotten = std::pin::pin!(desk.later());
    assert!(futures_poll(forgotten.as_mut()).await.is_none());
    desk.forget().await.unwrap();
    assert_eq!(forgotten.await, Err(AskError::Unanswered));
}

#[tokio::test(start_paused = true)]
async fn a_handler_can_tell_that_nobody_waits_any_more() {
    let system = System::start().unwrap();
    let desk = desk(&system).await;
    let gone = desk.later().within(Duration::from_millis(5)).await;
    assert_eq!(gone, Err(AskError::Deadline));
    assert_eq!(desk.cancelled().await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_forwarded_ask_is_answered_by_the_other_actor() {
    let system = System::start().unwrap();
    let back = desk(&system).await;
    let front = system.spawn::<Desk>(Some(back)).await.unwrap();
    assert_eq!(front.pass_on(21).await, Ok(42));
}

#[tokio::test(start_paused = true)]
async fn an_actor_that_asks_itself_is_told_so_at_once() {
    let system = System::start().unwrap();
    let desk = desk(&system).await;
    assert_eq!(desk.ask_myself().await, Ok(true));
}

#[tokio::test(start_paused = true)]
async fn a_recipient_knows_only_the_message() {
    let system = System::start().unwrap();
    let desk = desk(&system).await;
    let recipient: Recipient<Halve> = ActorRef::recipient(&desk);
    assert_eq!(recipient.request(Halve(10)).await, Ok(5));
    recipient.request(Halve(10)).tell().unwrap();
    recipient.request(Halve(10)).send().await.unwrap();
}

/// Polls once.
async fn futures_poll<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|cx| {
        std::task::Poll::Ready(match future.as_mut().poll(cx) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}
