//! The journal: a file with a line for each change, written in batches.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use actix_web::ResponseError;
use ostraca::prelude::*;
use thiserror::Error;

/// The change was not written. It answers every message of its batch, so it is `Clone`.
#[derive(Clone, Debug, Error)]
#[error("the journal cannot be written: {0}")]
pub struct WriteError(Arc<io::Error>);

/// 500 over HTTP.
impl ResponseError for WriteError {}

/// One more of a name; answered when it is on the disk.
#[derive(Message)]
#[message(reply = Result<(), WriteError>)]
pub struct Append {
    pub name: String,
}

pub struct Journal {
    file: Arc<File>,
}

#[actor(mailbox(len_max = 10_000))]
impl Journal {
    #[start]
    fn start(path: PathBuf) -> Result<Self, StartError> {
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Journal { file: Arc::new(file) })
    }

    /// One write, and one wait for the disk, for all that is queued.
    #[handler(batch(len_max = 1024))]
    pub async fn append(&mut self, ctx: &mut Context<Self>, batch: Batch<Append>) -> Result<(), WriteError> {
        let lines: String = batch.iter().map(|append| format!("{}\n", append.name)).collect();
        let file = self.file.clone();
        // Not on a thread that runs actors: it waits for the disk.
        let written = ctx.blocking(move || {
            (&*file).write_all(lines.as_bytes())?;
            file.sync_data()
        });
        written.await.map_err(|error| WriteError(Arc::new(error)))?;
        batch.into_iter().for_each(|append| append.reply(()));
        Ok(())
    }
}

/// The names in a journal, oldest first; none if it is not there yet.
pub fn read(path: &Path) -> io::Result<Vec<String>> {
    match std::fs::read_to_string(path) {
        Ok(lines) => Ok(lines.lines().map(str::to_owned).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
