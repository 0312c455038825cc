//! Pools of threads for blocking work. Real threads, which wait for each other and never for a clock.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use ostraca::prelude::*;

fn len(len: usize) -> NonZeroUsize {
    NonZeroUsize::new(len).unwrap()
}

#[tokio::test]
async fn work_runs_on_threads_that_keep_their_state() {
    let system = System::start().unwrap();
    let pool = system.blocking_pool(|| Ok(0u64)).concurrency(1).start().await.unwrap();
    for count in 1..=100 {
        let counted = pool.run(|count| {
            *count += 1;
            *count
        });
        assert_eq!(counted.await, Ok(count));
    }
    let numbers = pool.numbers();
    assert_eq!((numbers.picks, numbers.answered, numbers.replicas), (100, 100, 1));
}

#[tokio::test]
async fn work_that_finds_nobody_idle_starts_threads_up_to_the_bound() {
    let system = System::start().unwrap();
    let pool = system.blocking_pool(|| Ok(())).concurrency(1..=4).start().await.unwrap();
    // Each waits for the other three: they can only end side by side.
    let barrier = Arc::new(Barrier::new(4));
    let work = || {
        let (pool, barrier) = (pool.clone(), barrier.clone());
        tokio::spawn(async move { pool.run(move |()| barrier.wait().is_leader()).await })
    };
    let works: Vec<_> = (0..8).map(|_| work()).collect();
    for work in works {
        work.await.unwrap().unwrap();
    }
    let numbers = pool.numbers();
    assert_eq!((numbers.replicas, numbers.grown, numbers.answered), (4, 3, 8));
    pool.stop();
    pool.wait_stopped().await;
    assert_eq!(pool.numbers().replicas, 0);
}

#[tokio::test]
async fn threads_that_nobody_needs_end() {
    let system = System::start().unwrap();
    let keep = Duration::from_millis(1);
    let pool = system.blocking_pool(|| Ok(())).concurrency(1..=4).keep(keep).start().await.unwrap();
    let barrier = Arc::new(Barrier::new(4));
    let works: Vec<_> = (0..4)
        .map(|_| {
            let (pool, barrier) = (pool.clone(), barrier.clone());
            tokio::spawn(async move { pool.run(move |()| barrier.wait().is_leader()).await })
        })
        .collect();
    for work in works {
        work.await.unwrap().unwrap();
    }
    while pool.numbers().replicas > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(pool.numbers().shrunk, 3);
    assert_eq!(pool.run(|()| 7).await, Ok(7));
}

#[tokio::test]
async fn a_panic_is_the_askers_answer_and_the_thread_makes_a_new_state() {
    let system = System::start().unwrap();
    let pool = system.blocking_pool(|| Ok(0u64)).concurrency(1).start().await.unwrap();
    assert_eq!(pool.run(|count| std::mem::replace(count, 5)).await, Ok(0));
    assert_eq!(pool.run(|_| -> u64 { panic!("on purpose") }).await, Err(AskError::Panicked));
    assert_eq!(pool.run(|count| *count).await, Ok(0), "the state is a new one");
    let numbers = pool.numbers();
    assert_eq!((numbers.answered, numbers.failed), (2, 1));
}

/// Keeps the only thread busy until it is let go.
async fn occupied(
    system: &System,
    queue_len_max: usize,
) -> (ostraca::pool::Blocking<Vec<u32>>, mpsc::Sender<()>, mpsc::Receiver<Vec<u32>>) {
    let pool = system
        .blocking_pool(|| Ok(Vec::new()))
        .concurrency(1)
        .queue_len_max(len(queue_len_max))
        .start()
        .await
        .unwrap();
    let (go, gone) = mpsc::channel::<()>();
    let (begun, has_begun) = mpsc::channel();
    let (shown, show) = mpsc::channel();
    let told = pool.tell(move |ran: &mut Vec<u32>| {
        begun.send(()).unwrap();
        // Let go by a message, or by the end of the test.
        let _ = gone.recv();
        shown.send(std::mem::take(ran)).unwrap();
    });
    assert!(told.is_ok());
    has_begun.recv().unwrap();
    (pool, go, show)
}

#[tokio::test]
async fn a_full_queue_gives_work_back_and_lets_askers_wait_until_their_deadline() {
    let system = System::start().unwrap();
    let (pool, go, _show) = occupied(&system, 1).await;
    assert!(pool.tell(|_| ()).is_ok());
    let Err(ostraca::TellError::Full(_work)) = pool.tell(|_| ()) else { panic!("the queue holds one") };
    let within = Duration::from_millis(1);
    assert_eq!(pool.run(|_| ()).within(within).await, Err(AskError::Full));
    assert_eq!(pool.numbers().queue_len, 1);
    go.send(()).unwrap();
    assert_eq!(pool.run(|_| 1).await, Ok(1));
}

#[tokio::test]
async fn work_that_nobody_wants_any_more_does_not_run() {
    let system = System::start().unwrap();
    let (pool, go, show) = occupied(&system, 10).await;
    let late = pool.run(|ran| ran.push(1)).within(Duration::from_millis(1));
    assert_eq!(late.await, Err(AskError::Deadline));
    let gone = tokio::time::timeout(Duration::from_millis(1), async { pool.run(|ran| ran.push(2)).await });
    assert!(gone.await.is_err());
    go.send(()).unwrap();
    assert_eq!(show.recv().unwrap(), [0; 0]);
    pool.run(|ran| ran.push(3)).await.unwrap();
    assert_eq!(pool.run(std::mem::take).await, Ok(vec![3]));
    assert_eq!(pool.numbers().left, 2);
}

#[tokio::test]
async fn a_stop_finishes_what_is_queued_and_takes_no_more() {
    let system = System::start().unwrap();
    let (pool, go, _show) = occupied(&system, 10).await;
    let queued = {
        let pool = pool.clone();
        tokio::spawn(async move { pool.run(|_| 7).await })
    };
    while pool.numbers().queue_len == 0 {
        tokio::task::yield_now().await;
    }
    let stopping = tokio::spawn({
        let system = system.clone();
        async move { system.stop().await }
    });
    go.send(()).unwrap();
    assert_eq!(queued.await.unwrap(), Ok(7));
    assert!(stopping.await.unwrap().is_clean());
    assert_eq!(pool.run(|_| 1).await, Err(AskError::Stopped));
    assert!(matches!(pool.tell(|_| ()), Err(ostraca::TellError::Stopped(_))));
    assert_eq!(pool.numbers().replicas, 0);
}

#[tokio::test]
async fn a_state_that_cannot_be_made_is_an_error_that_says_why() {
    let system = System::start().unwrap();
    let error = system
        .blocking_pool(|| -> Result<(), StartError> { Err(StartError::new("no such file")) })
        .start()
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no such file"), "{error}");
}

#[tokio::test]
async fn work_asked_for_by_a_handler_inherits_its_deadline() {
    struct Front(ostraca::pool::Blocking<Vec<u32>>);

    #[actor]
    impl Front {
        #[start]
        fn start(pool: ostraca::pool::Blocking<Vec<u32>>) -> Self {
            Front(pool)
        }

        #[handler]
        async fn ask(&mut self) -> Result<(), AskError> {
            self.0.run(|_| ()).await
        }
    }

    let system = System::start().unwrap();
    let (pool, _go, _show) = occupied(&system, 10).await;
    let front = system.spawn::<Front>(pool.clone()).await.unwrap();
    let answer = front.ask().within(Duration::from_millis(5)).await;
    // Whichever of the two timers rings first.
    assert!(matches!(answer, Err(AskError::Deadline | AskError::Refused(AskError::Deadline))), "{answer:?}");
    // The handler's own wait has ended too: it takes the next message while the thread is still occupied.
    let answer = front.ask().within(Duration::from_millis(5)).await;
    assert!(matches!(answer, Err(AskError::Deadline | AskError::Refused(AskError::Deadline))), "{answer:?}");
}

/// The state cannot be made anew: nobody will do what is queued, and its asker is told so.
#[tokio::test]
async fn work_that_no_thread_has_a_state_for_is_answered_at_the_stop() {
    let system = System::start().unwrap();
    let made = AtomicUsize::new(0);
    let init = move || match made.fetch_add(1, Ordering::Relaxed) {
        0 => Ok(()),
        _ => Err(StartError::new("no second one")),
    };
    let pool = system.blocking_pool(init).concurrency(1).start().await.unwrap();
    assert_eq!(pool.run(|()| panic!("planned")).await, Err::<(), _>(AskError::Panicked));
    let queued = tokio::spawn({
        let pool = pool.clone();
        async move { pool.run(|()| ()).await }
    });
    while pool.numbers().queue_len == 0 {
        tokio::task::yield_now().await;
    }
    pool.stop();
    let answer = tokio::time::timeout(Duration::from_secs(20), queued).await.expect("it is answered");
    assert_eq!(answer.unwrap(), Err(AskError::Dropped));
    pool.wait_stopped().await;
    system.stop().await;
}
