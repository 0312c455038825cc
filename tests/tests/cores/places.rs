//! Threads on cores, shards on threads.

use std::fs;

use ostraca::cores::CpuSet;
use ostraca::prelude::*;
use ostraca::{Home, SpawnError};

use crate::support::{Stander, allowed, log, machine, two_nodes};

/// Of the threads of this process with such a name: what the kernel lets them run on.
fn masks(name: &str) -> Vec<CpuSet> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let of_task = |task: std::path::PathBuf| {
        // A thread may end meanwhile.
        let status = fs::read_to_string(task.join("status")).ok()?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        (field("Name:")? == name).then(|| field("Cpus_allowed_list:").unwrap().parse().unwrap())
    };
    tasks.filter_map(of_task).collect()
}

#[tokio::test]
async fn the_mask_of_a_pinned_thread_is_read_back_from_the_kernel() {
    let core = *allowed().last().unwrap();
    let system = System::builder().pinned_cores([core]).start().unwrap();
    let thread = &system.cores().threads[0];
    let only: CpuSet = [core].into_iter().collect();
    assert!(thread.is_pinned() && thread.refusal.is_none() && !thread.is_arbiter);
    assert_eq!((thread.core, thread.mask.as_ref()), (core, Some(&only)));
    assert!(masks(&format!("ostraca-core-{core}")).contains(&only), "another thread sees the same");
    let stander = system.spawn_pinned::<Stander>(0, ()).await.unwrap();
    assert_eq!(ActorRef::home(&stander), Home::Pinned(0));
    for standing in [stander.made_on().await.unwrap(), stander.runs_on().await.unwrap()] {
        assert_eq!((standing.thread, standing.mask), (format!("ostraca-core-{core}"), only.clone()));
    }
    system.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_stays_on_the_pinned_thread() {
    let system = System::builder().pinned_cores_auto(1).start().unwrap();
    let stander = system.spawn_pinned::<Stander>(0, ()).await.unwrap();
    let before = stander.made_on().await.unwrap();
    assert!(stander.fail().await.is_err());
    assert_eq!(stander.made_on().await.unwrap(), before);
    assert_eq!(stander.runs_on().await.unwrap(), before);
}

/// Two nodes, which are this machine's first two cores where it has them: then the kernel's word counts too.
#[tokio::test]
async fn shards_are_placed_node_by_node() {
    let cores = allowed();
    let [a, b] = [cores[0], *cores.get(1).unwrap_or(&(cores[0] + 1))];
    let nodes = [a, b].map(|core| [core].into_iter().collect::<CpuSet>());
    let root = two_nodes([&nodes[0], &nodes[1]]);
    let system = System::builder().pinned_cores_auto(255).machine_root(root.path()).start().unwrap();
    let known = system.cores();
    assert_eq!(
        known.threads.iter().map(|thread| (thread.core, thread.node)).collect::<Vec<_>>(),
        [(a, Some(0)), (b, Some(1))]
    );
    let shards = system.shards_pinned::<Stander>(8, ()).await.unwrap();
    for shard in 0..8 {
        let node = usize::from(shard >= 4);
        assert_eq!(ActorRef::home(&shards.shard(shard)), Home::Pinned(node));
        let made_on = shards.shard(shard).made_on().await.unwrap();
        if known.threads[node].is_pinned() {
            assert_eq!(made_on.mask, nodes[node], "shard {shard} is made on its node");
        }
    }
    for key in 0..100 {
        let owner = ActorRef::home(&Shards::owner(&shards, &key));
        let (answered, standing) = shards.runs_for(key).await.unwrap();
        let Home::Pinned(node) = owner else { panic!("a shard at {owner}") };
        assert_eq!((answered, standing.thread), (key, format!("ostraca-core-{}", known.threads[node].core)));
    }
    system.stop().await;
}

/// The kernel has no such cores, and says so.
#[tokio::test]
async fn a_machine_that_refuses_runs_on_unpinned_with_one_warning() {
    let log = log();
    let nodes = ["1000-1001", "1002-1003"].map(|cores| cores.parse::<CpuSet>().unwrap());
    let root = two_nodes([&nodes[0], &nodes[1]]);
    let builder = System::builder().name("refused").pinned_cores_auto(3).machine_root(root.path());
    let system = builder.start().unwrap();
    let known = system.cores();
    assert_eq!(known.threads.len(), 3);
    let all: CpuSet = allowed().into_iter().collect();
    for thread in &known.threads {
        assert!(!thread.is_pinned() && thread.refusal.is_some());
        assert_eq!(thread.mask.as_ref(), Some(&all), "it may run anywhere");
    }
    let shards = system.shards_pinned::<Stander>(6, ()).await.unwrap();
    for shard in 0..6 {
        let standing = shards.shard(shard).runs_on().await.unwrap();
        assert_eq!(standing.thread, format!("ostraca-core-{}", 1000 + shard / 2));
        assert_eq!(standing.mask, all);
    }
    assert!(system.stop().await.is_clean());
    let lines = log("refused");
    let [info, warning] = &lines[..] else { panic!("{lines:#?}") };
    let said =
        "3 pinned threads: core 1000 (not pinned), core 1001 (not pinned), core 1002 (not pinned); 2 nodes";
    assert!(info.contains("INFO") && info.contains(said), "{info}");
    let said = "the kernel refused to pin 3 of 3 threads (Invalid argument";
    assert!(warning.contains("WARN") && warning.contains(said), "{warning}");
}

#[tokio::test]
async fn the_log_says_what_was_done() {
    let log = log();
    let core = allowed()[0];
    let only: CpuSet = [core].into_iter().collect();
    let none = CpuSet::default();
    let root = two_nodes([&only, &none]);
    let builder = System::builder().name("shop").pinned_cores([core]).machine_root(root.path());
    builder.start().unwrap().stop().await;
    let lines = log("shop");
    let said = format!(
        "1 pinned threads: core {core} (node 0); 2 nodes, 1 cores, 1 allowed ({core}) system=\"shop\""
    );
    assert!(lines.len() == 1 && lines[0].ends_with(&said), "{lines:#?}");

    System::builder().name("plain").start().unwrap().stop().await;
    assert_eq!(log("plain"), [""; 0], "nothing is said of a system without pinned threads");
}

#[tokio::test]
async fn no_more_threads_are_started_than_the_control_group_has_time_for() {
    let root = machine(&[
        ("sys/devices/system/cpu/online", "0-7".into()),
        ("proc/self/status", "Cpus_allowed_list:\t0-7\n".into()),
        ("proc/self/cgroup", "0::/shop\n".into()),
        ("sys/fs/cgroup/shop/cpu.max", "100000 100000\n".into()),
    ]);
    let system = System::builder().pinned_cores_auto(8).machine_root(root.path()).start().unwrap();
    assert_eq!(system.cores().threads.len(), 1);
    assert_eq!(system.cores().machine.quota, Some(1.0));
    let text = system.cores().to_string();
    assert!(
        text.ends_with("nodes unknown, 8 cores, 8 allowed (0-7), the time of 1 by the control group"),
        "{text}"
    );
}

#[tokio::test]
async fn a_core_that_is_not_there_is_named() {
    let error = System::builder().pinned_cores([1_000]).start().unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("no thread can be pinned to core 1000: the machine has 0"), "{text}");

    let system = System::builder().pinned_cores_auto(1).start().unwrap();
    let error = system.spawn_pinned::<Stander>(1, ()).await.unwrap_err();
    assert!(matches!(error, SpawnError::NoCore { core: 1, pinned: 1 }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "there is no pinned core 1: the system has 1; name them by `pinned_cores` in its builder"
    );
    let error = System::start().unwrap().shards_pinned::<Stander>(2, ()).await.unwrap_err();
    assert!(matches!(error, SpawnError::NoCore { core: 0, pinned: 0 }), "{error:?}");
}

#[tokio::test]
async fn the_threads_are_gone_when_the_system_has_stopped() {
    let core = allowed()[0];
    let builder = System::builder().pinned_cores([core, core]);
    let system = builder.start().unwrap();
    let shards = system.shards_pinned::<Stander>(4, ()).await.unwrap();
    let threads = shards.all().runs_on().await.into_iter().map(|standing| standing.unwrap().thread);
    assert_eq!(threads.collect::<Vec<_>>(), [(); 4].map(|()| format!("ostraca-core-{core}")));
    assert!(system.stop().await.is_clean());
    // Joined: other tests of this process may have such threads, so the shards are asked.
    assert!(shards.shard(0).runs_on().await.is_err());
}
