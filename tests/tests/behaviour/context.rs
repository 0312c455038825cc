//! Timers, streams, pipes, children, watching.

use std::time::Duration;

use ostraca::prelude::*;

pub(crate) struct Clerk {
    seen: Vec<u32>,
    child: Option<ActorRef<Clerk>>,
}

#[derive(Message)]
struct See(u32);

#[actor]
impl Clerk {
    #[start]
    fn start() -> Self {
        Clerk { seen: Vec::new(), child: None }
    }

    #[handler]
    fn see(&mut self, #[message] See(n): See) {
        self.seen.push(n);
    }

    #[handler]
    fn seen(&mut self) -> Vec<u32> {
        self.seen.clone()
    }

    #[handler]
    fn after(&mut self, ctx: &mut Context<Self>, millis: u64) {
        ctx.after(Duration::from_millis(millis), See(1));
    }

    #[handler]
    fn after_cancelled(&mut self, ctx: &mut Context<Self>, millis: u64) {
        ctx.after(Duration::from_millis(millis), See(1)).cancel();
    }

    #[handler]
    fn every(&mut self, ctx: &mut Context<Self>, millis: u64) {
        let mut n = 0;
        ctx.every(Duration::from_millis(millis), move || {
            n += 1;
            See(n)
        });
    }

    #[handler]
    fn pipe(&mut self, ctx: &mut Context<Self>) {
        let work = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            7
        };
        ctx.pipe(work, See);
    }

    #[handler]
    fn attach(&mut self, ctx: &mut Context<Self>) {
        ctx.attach(Count(0), See);
    }

    #[handler]
    async fn blocking(&mut self, ctx: &mut Context<Self>) -> u32 {
        ctx.blocking(|| 6 * 7).await
    }

    #[handler]
    fn hire(&mut self, ctx: &mut Context<Self>) -> ActorRef<Clerk> {
        let child = ctx.child::<Clerk>(()).unwrap();
        ctx.watch_with(&child, |_reason| See(99));
        self.child = Some(child.clone());
        child
    }

    #[handler]
    fn quit(&mut self, ctx: &mut Context<Self>) {
        ctx.stop();
    }

    #[handler]
    fn fail(&mut self) {
        panic!("as asked");
    }
}

/// 0, 1, 2.
struct Count(u32);

impl futures_core::Stream for Count {
    type Item = u32;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<u32>> {
        let n = self.0;
        self.0 += 1;
        std::task::Poll::Ready((n < 3).then_some(n))
    }
}

async fn clerk() -> (System, ActorRef<Clerk>) {
    let system = System::start().unwrap();
    let clerk = system.spawn::<Clerk>(()).await.unwrap();
    (system, clerk)
}

async fn pass(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

#[tokio::test(start_paused = true)]
async fn a_timer_fires_once_and_a_cancelled_one_never() {
    let (_system, clerk) = clerk().await;
    clerk.after(20).await.unwrap();
    clerk.after_cancelled(20).await.unwrap();
    assert_eq!(clerk.seen().await, Ok(vec![]));
    pass(100).await;
    assert_eq!(clerk.seen().await, Ok(vec![1]));
}

#[tokio::test(start_paused = true)]
async fn an_interval_fires_every_period_until_the_actor_fails() {
    let (_system, clerk) = clerk().await;
    clerk.every(10).await.unwrap();
    pass(35).await;
    assert_eq!(clerk.seen().await, Ok(vec![1, 2, 3]));
    assert!(clerk.fail().await.is_err());
    pass(1000).await;
    assert_eq!(clerk.seen().await, Ok(vec![]), "timers belong to the incarnation that set them");
}

#[tokio::test(start_paused = true)]
async fn a_pipe_tells_its_outcome_and_a_stream_its_items() {
    let (_system, clerk) = clerk().await;
    clerk.pipe().await.unwrap();
    clerk.attach().await.unwrap();
    pass(20).await;
    assert_eq!(clerk.seen().await, Ok(vec![0, 1, 2, 7]));
}

#[tokio::test(start_paused = true)]
async fn blocking_work_runs_beside_the_workers() {
    let (_system, clerk) = clerk().await;
    assert_eq!(clerk.blocking().await, Ok(42));
}

#[tokio::test(start_paused = true)]
async fn a_watched_actor_that_stops_sends_word() {
    let (_system, clerk) = clerk().await;
    let child = clerk.hire().await.unwrap();
    child.quit().await.unwrap();
    assert_eq!(ActorRef::wait_stopped(&child).await, StopReason::Requested);
    pass(1).await;
    assert_eq!(clerk.seen().await, Ok(vec![99]));
}

#[tokio::test(start_paused = true)]
async fn children_stop_before_their_parent() {
    let (_system, clerk) = clerk().await;
    let child = clerk.hire().await.unwrap();
    ActorRef::stop(&clerk);
    ActorRef::wait_stopped(&clerk).await;
    assert!(ActorRef::stop_reason(&child).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_child_that_is_given_up_fails_its_parent() {
    let (_system, clerk) = clerk().await;
    let child = clerk.hire().await.unwrap();
    clerk.see(See(1)).await.unwrap();
    for _ in 0..6 {
        assert!(child.fail().await.is_err());
    }
    assert!(matches!(ActorRef::wait_stopped(&child).await, StopReason::GaveUp(_)));
    pass(10_000).await;
    assert_eq!(clerk.seen().await, Ok(vec![]), "the parent was restarted with a fresh state");
}
