//! Pulls as they come, the history, and who does the most.

use std::time::Duration;

use ostraca::monitor::{By, MonitorSettings, Resolution};
use ostraca::prelude::*;

use crate::shop::{Fate, Shop};

#[tokio::test(start_paused = true)]
async fn each_pull_is_watched_until_the_system_stops() {
    let system = System::start().unwrap();
    let mut watch = system.monitor().watch();
    let mut uptimes = Vec::new();
    for _ in 0..3 {
        uptimes.push(watch.next().await.unwrap().uptime.as_secs());
    }
    assert_eq!(uptimes, [1, 2, 3]);
    system.stop().await;
    assert!(watch.next().await.is_none(), "there are no more");
}

#[tokio::test(start_paused = true)]
async fn history_is_kept_by_total_type_and_handler_at_each_resolution() {
    let system = System::start().unwrap();
    let (monitor, shop) = (system.monitor(), system.spawn::<Shop>(()).await.unwrap());
    for second in 0..120u32 {
        for _ in 0..second % 3 {
            shop.plain(if second >= 60 { Fate::Refuse } else { Fate::Accept }).await.ok();
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let history = monitor.history();
    let of_shop = history.of_handler("Shop", "plain", Resolution::Second);
    let counted: u64 = of_shop.iter().map(|point| point.handled).sum();
    assert_eq!(counted, 120);
    assert!(of_shop.iter().all(|point| (1..=2).contains(&point.handled)));
    assert!(of_shop[0].handling.is_some() && of_shop[0].waiting.is_some());
    let minutes = history.of_type("Shop", Resolution::Minute);
    let by_minute: Vec<_> = minutes.iter().map(|point| (point.handled, point.refused)).collect();
    assert_eq!(by_minute[0], (60, 0));
    assert_eq!(by_minute[1], (60, 60));
    assert!(history.total(Resolution::TenSeconds).len() >= 12);
    let process = history.process(Resolution::Second);
    assert!(process.len() >= 119 && process[50].resident_bytes.is_some());
    assert_eq!(history.of_handler("Shop", "nothing", Resolution::Second), []);
    assert!(history.bytes() > 10_000);
}

#[tokio::test(start_paused = true)]
async fn the_first_by_what_they_did_lately_are_not_those_that_have_done_the_most() {
    let system = System::start().unwrap();
    let monitor = system.monitor();
    let old = system.spawn::<Shop>(()).await.unwrap();
    let new = system.spawn::<Shop>(()).await.unwrap();
    for _ in 0..500 {
        old.sure().await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    for _ in 0..50 {
        new.sure().await.unwrap();
        new.plain(Fate::Panic).await.unwrap_err();
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let top = |by, window| monitor.top(1, by, Duration::from_secs(window)).pop().map(|top| top.actor.id());
    assert_eq!(top(By::Handled, 5), Some(ActorRef::id(&new)));
    assert_eq!(top(By::Handled, 60), Some(ActorRef::id(&old)));
    assert_eq!(top(By::Errors, 5), Some(ActorRef::id(&new)));
    assert_eq!(top(By::Restarts, 5), Some(ActorRef::id(&new)));
    assert_eq!(top(By::Mailbox, 5), None, "none has any waiting");
    let restarts = monitor.top(5, By::Restarts, Duration::from_secs(5));
    assert_eq!((restarts.len(), restarts[0].value), (1, 50.0));
}

#[tokio::test(start_paused = true)]
async fn the_interval_is_a_setting_and_history_can_be_left_out() {
    let settings = MonitorSettings::default().interval(Duration::from_millis(250)).history(false);
    let system = System::builder().monitor(settings).start().unwrap();
    let mut watch = system.monitor().watch();
    let first = watch.next().await.unwrap().uptime;
    assert_eq!(watch.next().await.unwrap().uptime - first, Duration::from_millis(250));
    assert_eq!(system.monitor().history().total(Resolution::Second), []);
}
