//! The lane's actor: seen by the monitor, restarted, stopped in order; and its limits.

use std::time::Duration;

use ostraca::files::{FileLane, Folder, LaneSpec, Limits, Network, ReadNumbers};
use ostraca::{ActorRef, Restart, Strategy, System};
use tokio::net::TcpStream;

use crate::client::{Client, get};
use crate::place::{Place, eventually};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn the_monitor_sees_the_lane_and_a_killed_one_is_restarted_on_its_port() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), "x").unwrap();
    let system = System::start().unwrap();
    let spec =
        LaneSpec::listen("127.0.0.1:0", Network::default(), Folder::open(folder.path()).unwrap()).unwrap();
    let restart = Restart::new(5, 10 * SECOND);
    let supervisor = system.supervisor(Strategy::OneForOne, restart).child::<FileLane>(spec.clone());
    let supervisor = supervisor.start().await.unwrap();
    for restarts in 0..4 {
        let mut kept = Client::connect(spec.address()).await;
        kept.send("GET /a HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert_eq!(kept.answer(false).await.unwrap().text(), "x");
        let lane = supervisor.actor::<FileLane>().unwrap();
        // That the last client has gone is not seen at once.
        eventually(|| spec.numbers().connections == 1).await;
        let numbers = ActorRef::request(&lane, ReadNumbers).await.unwrap();
        assert_eq!((numbers.connections, numbers.sent), (1, 2 * restarts + 1));
        let snapshot = system.monitor().latest().await;
        assert_eq!(snapshot.of_type("FileLane").unwrap().running, 1);
        // One lane, however often it was started.
        assert_eq!(snapshot.lanes, [numbers]);
        assert_eq!(numbers.address, spec.address());
        if restarts % 2 == 0 {
            ActorRef::kill(&lane);
        } else {
            // A stop closes the port, and the start after it opens it again.
            ActorRef::stop(&lane);
        }
        assert!(kept.is_closed().await, "a connection goes with its lane");
        drop(lane);
        let open = async {
            while TcpStream::connect(spec.address()).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(20 * SECOND, open).await.expect("the port is open again");
        assert_eq!(get(spec.address(), "/a").await.text(), "x");
    }
    assert!(system.stop().await.is_clean());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_idle_connections_and_waits_for_answers_under_way() {
    let place = Place::new().await;
    let large = vec![7; 8 << 20];
    place.put("large", &large);
    place.put("a", "x");
    let mut idle = Client::connect(place.address()).await;
    idle.send("GET /a HTTP/1.1\r\nhost: a\r\n\r\n").await;
    idle.answer(false).await.unwrap();
    let mut busy = Client::connect(place.address()).await;
    busy.send("GET /large HTTP/1.1\r\nhost: a\r\n\r\n").await;
    // It is under way when its first byte is here; the rest does not fit into the sockets.
    busy.socket.readable().await.unwrap();
    let (address, system) = (place.address(), place.system.clone());
    let stopping = tokio::spawn(async move { system.stop().await });
    assert!(idle.is_closed().await);
    assert!(TcpStream::connect(address).await.is_err(), "the port is closed");
    assert_eq!(busy.answer(false).await.unwrap().body, large);
    assert!(busy.is_closed().await);
    assert!(stopping.await.unwrap().is_clean());
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_a_client_that_does_not_read() {
    let place = Place::limited(Limits::default().drain_wait_max(SECOND / 10)).await;
    place.put("large", vec![7; 64 << 20]);
    let mut busy = Client::connect(place.address()).await;
    busy.send("GET /large HTTP/1.1\r\nhost: a\r\n\r\n").await;
    busy.socket.readable().await.unwrap();
    let report = place.system.stop().await;
    assert!(report.took < 3 * SECOND, "{report:?}");
    drop(busy);
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_heads_and_idle_connections_are_ended() {
    let limits = Limits::default().head_wait_max(SECOND / 5).idle_wait_max(SECOND / 5);
    let place = Place::limited(limits).await;
    place.put("a", "x");
    let mut slow = Client::connect(place.address()).await;
    slow.send("GET /a HT").await;
    assert_eq!(slow.answer(false).await.unwrap().status, 408);
    assert!(slow.is_closed().await);
    let mut silent = Client::connect(place.address()).await;
    assert!(silent.is_closed().await);
    let mut idle = Client::connect(place.address()).await;
    idle.send("GET /a HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(idle.answer(false).await.unwrap().text(), "x");
    assert!(idle.is_closed().await);
    assert_eq!(place.spec.numbers().late, 1);
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_too_many_takes_an_idle_ones_place_or_is_told_so() {
    let place = Place::limited(Limits::default().connections_len_max(2)).await;
    place.put("a", "x");
    place.put("large", vec![7; 64 << 20]);
    let mut idle = Client::connect(place.address()).await;
    idle.send("GET /a HTTP/1.1\r\nhost: a\r\n\r\n").await;
    idle.answer(false).await.unwrap();
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut client = Client::connect(place.address()).await;
        client.send("GET /large HTTP/1.1\r\nhost: a\r\n\r\n").await;
        client.socket.readable().await.unwrap();
        busy.push(client);
    }
    assert!(idle.is_closed().await);
    let mut one_more = Client::connect(place.address()).await;
    assert_eq!(one_more.answer(false).await.unwrap().status, 503);
    let numbers = place.spec.numbers();
    assert_eq!((numbers.evicted, numbers.turned_away, numbers.connections), (1, 1, 2));
    drop(busy);
    place.close().await;
}
