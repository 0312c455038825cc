//! One round: a runtime, a system, its actors, those who send, and an end.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use ostraca::prelude::*;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

use super::actors::{Someone, with_any};
use super::chance::Chance;
use super::desk::{Cast, Desk, OnStart};
use super::driver::{Driver, World, block_on_bare, spawn_any};
use super::ledger::Ledger;
use super::watch::Watch;

/// Longer than a token takes to be dropped once nobody runs any more.
const SETTLE_MAX: Duration = Duration::from_secs(if cfg!(ostraca_asan) { 60 } else { 15 });

/// How a round ends, when most of its work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The system is stopped while everybody sends.
    Stop,
    /// Every actor is killed, then the system stopped.
    Kill,
    /// All work is done first.
    Quiet,
    /// The last handle of the system is dropped.
    DropSystem,
    /// The runtime is dropped under the system.
    LoseRuntime,
}

/// The runtime that a system runs on.
enum Home {
    Many(Runtime),
    /// On a thread of its own, until it is told to go.
    One(oneshot::Sender<()>, std::thread::JoinHandle<()>),
}

impl Home {
    fn start(chance: &mut Chance) -> (Self, Handle) {
        if chance.below(3) > 0 {
            let threads = 1 + chance.below(3) as usize;
            let tokio = Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap();
            let handle = tokio.handle().clone();
            return (Home::Many(tokio), handle);
        }
        let tokio = Builder::new_current_thread().enable_all().build().unwrap();
        let handle = tokio.handle().clone();
        let (go, gone) = oneshot::channel();
        // Told to go, or forgotten: both end it.
        let thread = std::thread::spawn(move || drop(tokio.block_on(gone)));
        (Home::One(go, thread), handle)
    }

    fn lose(self, chance: &mut Chance) {
        match self {
            Home::Many(tokio) => match chance.below(3) {
                0 => tokio.shutdown_background(),
                1 => tokio.shutdown_timeout(Duration::from_micros(100)),
                _ => drop(tokio),
            },
            Home::One(go, thread) => {
                drop(go);
                thread.join().expect("a runtime's thread ends in order");
            }
        }
    }
}

/// Plays one round. Complaints are in the ledger.
pub(crate) fn play(seed: u64, watch: &Watch, other: &Handle) -> Arc<Ledger> {
    let mut chance = Chance::new(seed);
    let end = match chance.below(10) {
        0..3 => End::Stop,
        3 => End::Kill,
        4 => End::Quiet,
        5..7 => End::DropSystem,
        _ => End::LoseRuntime,
    };
    let round = format!("round {seed}, which ends by {end:?}");
    let post = watch.post(round.clone());
    let (home, handle) = Home::start(&mut chance);
    let system = System::builder()
        .tokio(handle.clone())
        .workers(1 + chance.below(3) as usize)
        .stop_deadline(Duration::from_secs(8))
        .start()
        .unwrap();
    let world = World {
        ledger: Arc::new(Ledger::new(round)),
        cast: Cast::default(),
        senders: 3 + chance.below(5) as usize,
        is_exact: !chance.one_in(3),
    };
    post.begin("spawns the cast");
    cast(&world, &system, &mut chance);
    let (alive, all_gone) = mpsc::channel();
    let (late, lates) = mpsc::channel();
    for me in 0..world.senders {
        let driver = Driver::new(
            &world,
            me,
            chance.split(),
            watch.post(format!("sender {me} of round {seed}")),
            &system,
            alive.clone(),
        );
        let late = late.clone();
        let steps = 40 + chance.below(300);
        let work = driver.drive(steps, end != End::DropSystem, move || late.send(()).unwrap_or(()));
        start(work, [&handle, other], chance.below(4));
    }
    drop((alive, late));
    post.begin("waits for most of the work");
    let first = 1 + chance.below(world.senders as u64) as usize;
    // Fewer when they go with their runtime, or before it.
    lates.iter().take(first).for_each(drop);
    finish(end, home, system, &world, &all_gone, &mut chance, &|what| post.begin(what));
    world.ledger
}

/// Starts a sender, at one of four places.
fn start(work: impl Future<Output = ()> + Send + 'static, runtimes: [&Handle; 2], place: u64) {
    match place {
        0 | 1 => drop(runtimes[place as usize].spawn(work)),
        2 => drop(std::thread::spawn(move || {
            // Without timers: those of a request are its system's.
            Builder::new_current_thread().build().unwrap().block_on(work);
        })),
        _ => drop(std::thread::spawn(move || block_on_bare(work))),
    }
}

fn cast(world: &World, system: &System, chance: &mut Chance) {
    let mut lower = None;
    for kind in [0, 0, 1, 2, 3, 4, 5, 6, 7, 8] {
        let start = if lower.is_none() || chance.one_in(2) { OnStart::Fine } else { OnStart::Moody };
        let desk = Desk::new(&world.ledger, world.senders, chance.split(), lower.clone(), &world.cast, start);
        if let Some(someone) = block_on_bare(spawn_any(system, kind, desk)) {
            if let Someone::Plain(actor) = &someone {
                lower.get_or_insert(actor.clone());
            }
            world.cast.0.write().unwrap().push(someone);
        }
    }
}

/// Ends the round, and holds the books against what the system counted.
fn finish(
    end: End,
    home: Home,
    system: System,
    world: &World,
    all_gone: &mpsc::Receiver<()>,
    chance: &mut Chance,
    tells: &dyn Fn(&'static str),
) {
    let ledger = &world.ledger;
    let wait_for_senders = || {
        tells("waits for the senders");
        // Nobody sends: it ends when the last of them is dropped.
        while all_gone.recv_timeout(Duration::from_secs(3600)) == Err(RecvTimeoutError::Timeout) {}
        tells("settles");
    };
    let stop = |system: &System| {
        tells("stops the system");
        let report = block_on_bare(system.stop());
        if !report.is_clean() {
            ledger.complain(format!("a stop had to kill {:?}, blocked {:?}", report.killed, report.blocked));
        }
    };
    let mut home = Some(home);
    let mut system = Some(system);
    match (end, &system) {
        (End::DropSystem, _) => system = None,
        (End::LoseRuntime, Some(system)) => {
            // Before the loss, on the way, or after it.
            let system = chance.one_in(2).then(|| system.clone());
            let stopping = system.map(|system| std::thread::spawn(move || block_on_bare(system.stop())));
            home.take().expect("it is there").lose(chance);
            tells("stops a system without a runtime");
            stopping.map(std::thread::JoinHandle::join);
        }
        (End::Stop, Some(system)) => stop(system),
        (End::Kill, Some(system)) => {
            for someone in world.cast.0.read().unwrap().iter() {
                with_any!(someone, actor => ActorRef::kill(actor));
            }
            stop(system);
        }
        _ => {}
    }
    wait_for_senders();
    if let (End::Quiet, Some(system)) = (end, &system) {
        stop(system);
    }
    // The actors hold each other by their cast.
    world.cast.0.write().unwrap().clear();
    let began = Instant::now();
    while !ledger.is_balanced() && began.elapsed() < SETTLE_MAX {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    if !ledger.is_balanced() {
        ledger.complain(format!("tokens are lost, or were dropped twice: {ledger}"));
    } else if let Some(system) = &system {
        ledger.audit(system.dead_letters_total());
    }
    tells("lets go of the system");
    drop(system);
    if let Some(home) = home {
        home.lose(chance);
    }
}
