//! Pinned threads in an actix system are arbiters, where actors of both kinds share what is not `Send`.

use std::cell::RefCell;
use std::rc::Rc;

use actix::Actor;
use ostraca::Bound;
use ostraca::cores::{CpuSet, Machine};
use ostraca::prelude::*;
use ostraca_tests::process::mask_of_this_thread;

type Book = Rc<RefCell<Vec<u64>>>;

/// Actix's: reads the book.
struct Reader(Book);

impl Actor for Reader {
    type Context = actix::Context<Self>;
}

struct Sum;

impl actix::Message for Sum {
    type Result = (u64, String);
}

impl actix::Handler<Sum> for Reader {
    type Result = actix::MessageResult<Sum>;

    fn handle(&mut self, _sum: Sum, _ctx: &mut Self::Context) -> Self::Result {
        actix::MessageResult((self.0.borrow().iter().sum(), thread()))
    }
}

fn thread() -> String {
    std::thread::current().name().unwrap().to_owned()
}

/// Ours: writes the book.
struct Writer {
    book: Bound<Book>,
    reader: actix::Addr<Reader>,
}

#[actor]
impl Writer {
    #[start]
    fn start(ctx: &mut Context<Self>) -> Result<Self, StartError> {
        let book = Book::default();
        // It starts on the arbiter that this runs on.
        let reader = Reader(book.clone()).start();
        Ok(Writer { book: Bound::new(ctx, book)?, reader })
    }

    #[handler]
    fn write(&mut self, number: u64) {
        self.book.with(|book| book.borrow_mut().push(number));
    }

    #[handler]
    async fn read(&mut self) -> (u64, String, String) {
        let (sum, reader) = self.reader.send(Sum).await.unwrap();
        (sum, reader, thread())
    }

    #[handler]
    fn mask(&mut self) -> CpuSet {
        mask_of_this_thread()
    }
}

#[test]
fn an_actor_of_ours_and_one_of_actixs_share_an_rc_on_a_pinned_arbiter() {
    let core = Machine::read().allowed.unwrap().iter().next().unwrap();
    actix::System::new().block_on(async {
        let system = System::builder().pinned_cores([core, core]).start().unwrap();
        assert!(
            system.cores().to_string().starts_with("2 pinned threads (arbiters): core"),
            "{}",
            system.cores()
        );
        for thread in &system.cores().threads {
            assert!(thread.is_arbiter && thread.is_pinned(), "{thread:?}");
        }
        let writers = system.shards_pinned::<Writer>(4, ()).await.unwrap();
        let only: CpuSet = [core].into_iter().collect();
        for shard in 0..4 {
            let writer = writers.shard(shard);
            for number in 1..=100 {
                writer.write(number).send().await.unwrap();
            }
            let (sum, reader, us) = writer.read().await.unwrap();
            assert_eq!((sum, &reader), (5_050, &us));
            assert!(us.starts_with("actix-rt|system:"), "{us}");
            assert_eq!(writer.mask().await.unwrap(), only);
        }
        let threads = writers.all().read().await.into_iter().map(|read| read.unwrap().2);
        let threads: Vec<_> = threads.collect();
        assert!(
            threads[0] == threads[1] && threads[2] == threads[3] && threads[1] != threads[2],
            "{threads:?}"
        );
        let report = system.stop().await;
        assert!(report.is_clean(), "{report:?}");
        actix::System::current().stop();
    });
}

/// Actix's stop takes the arbiters along. Who asks is told.
#[test]
fn an_actix_system_that_stops_first_leaves_no_ask_hanging() {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let runner = actix::System::new();
    let builder = System::builder().tokio(tokio.handle().clone()).pinned_cores_auto(1);
    let system = runner.block_on(async { builder.start().unwrap() });
    let writer = tokio.block_on(system.spawn_pinned::<Writer>(0, ())).unwrap();
    tokio.block_on(writer.write(1).send()).unwrap();
    runner.block_on(async { actix::System::current().stop() });
    runner.run().unwrap();
    tokio.block_on(async {
        // Until the arbiter has heard of it, it answers.
        let error = loop {
            match writer.read().await {
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => break error,
            }
        };
        assert!(matches!(
            error,
            AskError::Stopped | AskError::Dropped | AskError::Unanswered | AskError::Panicked
        ));
        system.stop().await;
    });
}
