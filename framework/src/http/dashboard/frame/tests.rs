//! What is in a frame, and that it stays small.

use serde_json::Value;

use super::*;
use crate::actor::{
    Actor, ActorRef, Context, Envelope, Handled, HandlerInfo, Message, NoMethods, Route, Settings,
    StartError, Turn, takes_only,
};
use crate::monitor::{Capacity, Law, TypeCapacity, Utilisation};

struct Idle;

struct Fall;

impl Message for Fall {
    type Reply = ();
    type Refusal = std::convert::Infallible;
}

takes_only!(Fall, Idle);

impl Actor for Idle {
    type Args = ();
    type Message = Envelope<Fall>;
    type Views = ();
    type Methods<R: Route<Self>> = NoMethods<R>;

    const HANDLERS: &'static [HandlerInfo] = &[HandlerInfo::sync("fall")];

    fn settings() -> Settings {
        Settings::default().restart_max(5)
    }

    fn handler_of(_message: &Envelope<Fall>) -> usize {
        0
    }

    async fn start(_ctx: &mut Context<Self>, _args: ()) -> Result<Self, StartError> {
        Ok(Idle)
    }

    fn handle<'a>(
        &'a mut self,
        _message: Envelope<Fall>,
        _ctx: &'a mut Context<Self>,
        _turn: Turn<'a>,
    ) -> Handled<'a> {
        panic!("{}", "it fell. ".repeat(100));
    }
}

fn made(system: &System, before: Option<&Snapshot>, now: &Snapshot) -> (Value, usize) {
    let bytes = frame(system, &Between::new(before, now), &Wrong::default());
    (serde_json::from_slice(&bytes).unwrap(), bytes.len())
}

fn nodes(tree: &Value) -> usize {
    1 + tree["children"].as_array().map_or(0, |children| children.iter().map(nodes).sum())
}

#[tokio::test(start_paused = true)]
async fn thousands_of_actors_make_a_small_frame() {
    let system = System::builder().name("many").start().unwrap();
    let mut kept = Vec::new();
    for _ in 0..9_000 {
        kept.push(system.spawn::<Idle>(()).await.unwrap());
    }
    let shards = system.shards::<Idle>(100, ()).await.unwrap();
    let fallen = ActorRef::request(&kept[7_000], Fall).await;
    assert!(fallen.is_err());
    let snapshot = system.monitor().latest().await;
    let (page, len) = made(&system, None, &snapshot);
    assert!(len < 40_000, "{len} bytes");
    assert_eq!(page["total"]["actors"], 9_101, "with the monitor");
    assert!(page["actors"].as_array().unwrap().len() <= 60);
    let group =
        page["tree"][0]["children"].as_array().unwrap().iter().find(|node| node["label"] == "Idle × 9100");
    let group = group.unwrap();
    assert_eq!(group["more"], 9_100 - 64);
    let members = group["children"].as_array().unwrap();
    let label = ActorRef::label(&kept[7_000]).to_string();
    assert!(members.iter().any(|member| member["label"] == label), "one that fell is among those shown");
    assert!(nodes(&page["tree"][0]) < 100);
    let panic = &page["panics"][0];
    assert_eq!(panic["actor"], label);
    assert!(panic["text"].as_str().unwrap().contains("it fell."), "{panic}");
    assert_eq!(panic["text"].as_str().unwrap().chars().count(), 400);
    drop(shards);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_measured_is_null_and_two_readings_make_a_rate() {
    let system = System::start().unwrap();
    let first = (*system.monitor().latest().await).clone();
    let (page, _) = made(&system, None, &first);
    assert_eq!(page["cpu"], Value::Null);
    assert_eq!(page["total"]["restart_rate"], Value::Null);
    let mut second = first.clone();
    second.taken_at += Duration::from_secs(2);
    second.total.restarts += 3;
    second.process = crate::monitor::Process::default();
    let (page, _) = made(&system, Some(&first), &second);
    assert_eq!(page["total"]["restart_rate"], 1.5);
    assert_eq!(page["memory"], Value::Null);
    let groups = page["process"].as_array().unwrap();
    assert!(groups.iter().all(|group| group["name"] != "Process"), "nothing could be read of it");
    let mut late = second.clone();
    late.taken_at += APART_MAX * 2;
    let (page, _) = made(&system, Some(&second), &late);
    assert_eq!(page["total"]["restart_rate"], Value::Null, "an average over a pause is no rate");
}

#[tokio::test(start_paused = true)]
async fn a_type_says_how_many_a_load_needs_and_where_no_number_does() {
    let system = System::start().unwrap();
    let snapshot = system.monitor().latest().await;
    let of_type = |type_name, law| TypeCapacity {
        type_name,
        running: 4,
        per_second: 100.0,
        work: Utilisation { used: 1.0, available: 4.0 },
        law,
        saturates_at: None,
        concurrency_max: Some(4.0),
        skew: 1.0,
        shards: Vec::new(),
    };
    let law = Law { lambda: 100.0, sigma: 0.0, kappa: 0.0 };
    let capacity = Capacity {
        at: snapshot.taken_at,
        per_second: 200.0,
        saturates_at: None,
        first: None,
        processors: None,
        types: vec![of_type("Ledger", Some(law)), of_type("Unknown", None)],
    };
    let wrong = Wrong { capacity: Some(capacity), decisions: Vec::new() };
    let bytes = frame(&system, &Between::new(None, &snapshot), &wrong);
    let page: Value = serde_json::from_slice(&bytes).unwrap();
    let needs = |at: usize| page["capacity"]["types"][at]["needs"].clone();
    // At work for 70 % of their time: one needs two, two need three, and five are more than the processors take.
    assert_eq!((needs(0), needs(1)), (serde_json::json!([2, 3, null, null]), Value::Null));
}

#[test]
fn numbers_have_four_figures() {
    assert_eq!(
        [0.0, 1.0, 0.000_012_345_6, 98_765_432.0, -5.432_18, f64::NAN].map(short),
        [0.0, 1.0, 0.000_012_35, 98_770_000.0, -5.432, 0.0]
    );
    assert_eq!(per_second(Some(0.000_4)), Some(0.0), "a rate that fades has ended");
}
