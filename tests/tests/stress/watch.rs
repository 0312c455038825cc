//! Who waits for what, so that one who waits for ever is named.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine: actors nap for milliseconds, and some hundred messages wait.
const WAIT_MAX: Duration = Duration::from_secs(if cfg!(ostraca_asan) { 90 } else { 20 });

/// Ends the process when somebody waits too long.
#[derive(Clone)]
pub(crate) struct Watch(Arc<Mutex<Vec<Arc<Post>>>>);

/// One who works and waits.
pub(crate) struct Post {
    name: String,
    busy: Mutex<Option<(Instant, String)>>,
}

impl Watch {
    /// Starts the thread that looks.
    pub(crate) fn start(seed: u64) -> Self {
        let watch = Watch(Arc::default());
        let posts = Arc::downgrade(&watch.0);
        std::thread::spawn(move || {
            while let Some(watch) = posts.upgrade().map(Watch) {
                watch.look(seed);
                drop(watch);
                std::thread::park_timeout(Duration::from_millis(200));
            }
        });
        watch
    }

    fn look(&self, seed: u64) {
        let mut posts = self.0.lock().unwrap();
        posts.retain(|post| Arc::strong_count(post) > 1);
        if posts.iter().any(|post| post.waits_for() > WAIT_MAX) {
            println!("HANG, seed {seed}: nothing here takes {} s", WAIT_MAX.as_secs());
            posts.iter().for_each(|post| post.tell());
            std::process::abort();
        }
    }

    pub(crate) fn post(&self, name: impl Into<String>) -> Arc<Post> {
        let post = Arc::new(Post { name: name.into(), busy: Mutex::new(None) });
        self.0.lock().unwrap().push(post.clone());
        post
    }
}

impl Post {
    /// Begins something that has an end.
    pub(crate) fn begin(&self, what: impl Into<String>) {
        *self.busy.lock().unwrap() = Some((Instant::now(), what.into()));
    }

    pub(crate) fn end(&self) {
        *self.busy.lock().unwrap() = None;
    }

    fn waits_for(&self) -> Duration {
        self.busy.lock().unwrap().as_ref().map_or(Duration::ZERO, |(since, _)| since.elapsed())
    }

    pub(crate) fn tell(&self) {
        if let Some((since, what)) = &*self.busy.lock().unwrap() {
            println!("  {} waits for {} ms: {what}", self.name, since.elapsed().as_millis());
        }
    }
}
