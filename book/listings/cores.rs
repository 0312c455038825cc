//! Threads on cores.

use std::cell::RefCell;
use std::rc::Rc;

use ostraca::Bound;
use ostraca::prelude::*;

struct Ledger {
    cents: i64,
}

#[actor]
impl Ledger {
    #[start]
    fn start() -> Self {
        Ledger { cents: 0 }
    }

    #[handler]
    fn deposit(&mut self, #[key] _id: u64, cents: i64) -> i64 {
        self.cents += cents;
        self.cents
    }
}

// ANCHOR: bound
struct Scratch {
    /// An `Rc` cannot leave its thread; neither can this actor, then.
    lines: Bound<Rc<RefCell<Vec<String>>>>,
}

#[actor]
impl Scratch {
    #[start]
    fn start(ctx: &mut Context<Self>) -> Result<Self, StartError> {
        Ok(Scratch { lines: Bound::new(ctx, Rc::default())? })
    }

    #[handler]
    fn write(&mut self, line: String) -> usize {
        self.lines.with(|lines| {
            lines.borrow_mut().push(line);
            lines.borrow().len()
        })
    }
}
// ANCHOR_END: bound

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // ANCHOR: cores
    let system = System::builder().pinned_cores_auto(255).start()?; // all that this process may use
    println!("{}", system.cores()); // 2 pinned threads: core 0 (node 0), core 1 (node 0); 1 node, ..
    let ledger = system.shards_pinned::<Ledger>(16, ()).await?;
    ledger.deposit(7, 500).await?;
    // ANCHOR_END: cores

    // ANCHOR: spawn
    let scratch = system.spawn_pinned::<Scratch>(0, ()).await?; // on the first of them
    assert_eq!(scratch.write("a line".into()).await?, 1);
    // ANCHOR_END: spawn
    system.stop().await;
    Ok(())
}

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
