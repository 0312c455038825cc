//! Tests in virtual time: a seed decides the order of everything, and a failure prints the seed that replays it.

use ostraca::testkit::{Explore, Run};

use crate::open;

#[test]
fn a_count_outlives_its_system() {
    Explore::new().seeds(20).run(async |run: Run| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("counters.log");
        for round in 1..=2 {
            let system = run.new_system(&format!("round {round}"));
            let counters = open(&system, path.clone(), 4).await.unwrap();
            assert_eq!(counters.add("apples".to_owned()).await.unwrap(), round);
            assert_eq!(counters.count("apples".to_owned()).await.unwrap(), round);
            system.stop().await;
        }
    });
}

#[test]
fn nobodys_count_is_lost_when_many_count_at_once() {
    Explore::new().seeds(20).run(async |run: Run| {
        let folder = tempfile::tempdir().unwrap();
        let counters = open(&run.system(), folder.path().join("counters.log"), 4).await.unwrap();
        let tasks = [0, 1, 2].map(|task| {
            let counters = counters.clone();
            run.spawn(&format!("task {task}"), async move { counters.add("pears".to_owned()).await })
        });
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(counters.count("pears".to_owned()).await.unwrap(), 3);
    });
}
