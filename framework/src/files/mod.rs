//! The file lane: files over HTTP/1.1 without a copy in this process (feature `files`, Linux).
//!
//! ```text
//!   FileLane (actor) ── owns ──> port, connections          restarted by its supervisor, seen by the monitor
//!                                   |
//!                        one task each: head -> target -> open file -> answer -> sendfile
//! ```
//!
//! **What it is.** An actor beside the HTTP server, with a port of its own: actix-web owns its sockets and copies each
//! body through a buffer, so it cannot send a file by `sendfile`. It answers GET and HEAD for the files of a [`Folder`],
//! with single and multiple ranges, conditional requests, strong entity tags, keep-alive and pipelining. The same folder
//! is served without the lane by `http::files`, a responder for actix-web, with the same answers.
//!
//! **Guarantees.** A body is what its length says, byte for byte, or the connection is closed before its end (a file that
//! was truncated). What is refused: paths out of the folder, links out of it, hidden files, devices, pipes, files of `/proc`
//! ([`Folder`]); requests with a body or a `Transfer-Encoding`, two lengths, a bare line feed, a folded field, a second
//! host, after each of which the connection is closed. A request that cannot be answered never ends anything but its own
//! connection. Nothing that waits for the disk runs on the system's workers. A connection is not closed before the client
//! has acknowledged its last answer, or takes it too slowly.
//!
//! **Stop.** The port closes, idle connections close, answers under way end within
//! [`drain_wait_max`](Limits::drain_wait_max); each says `connection: close`. Under
//! [`System::serve_files`](crate::System::serve_files) that is before any actor stops, as HTTP does. After a failure the
//! lane is restarted on its port, without its connections.
//!
//! **Cost.** `compare files`: CPU and requests a second beside nginx and actix-files. A connection that rests holds its
//! socket and about 1 KiB; one that is served 8 KiB more, whatever the file's length. A file that is asked for again
//! within a second is found open.
//!
//! **Bad at.** TLS, HTTP/2, compression, listings: put a proxy before it that is good at them. One client that opens
//! [`connections_len_max`](Limits::connections_len_max) connections and is busy on each shuts the others out: limits by
//! address are the proxy's, too. Two contents of one length that are written into one file within one tick of the kernel's
//! clock (4 ms; none since Linux 6.13 if the first was asked for in between) have the same tag.
//!
//! ```no_run
//! use ostraca::files::{Folder, LaneSpec, Limits, Network};
//! use ostraca::prelude::*;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let system = System::start()?;
//! let folder = Folder::open("/srv/downloads")?;
//! let lane = LaneSpec::listen("127.0.0.1:8081", Network::default(), folder)?
//!     .mount("/downloads")
//!     .limits(Limits::default().connections_len_max(2_000));
//! system.serve_files(lane.clone()).await?;
//! println!("http://{}/downloads/", lane.address());
//! system.run_until_signal().await?;
//! println!("{} files sent", lane.numbers().sent);
//! # Ok(())
//! # }
//! ```

mod accept;
mod answer;
mod conditions;
mod connection;
mod connections;
mod folder;
mod lane;
mod limits;
mod numbers;
mod open;
mod parts;
mod range;
mod request;
mod status;
mod target;

#[cfg(feature = "http")]
pub(crate) use answer::{Answer, Body};
#[cfg(feature = "http")]
pub(crate) use conditions::Conditions;
#[cfg(feature = "http")]
pub(crate) use status::Status;
#[cfg(feature = "http")]
pub(crate) use target::Target;

pub use crate::buf::transfer::{KeepAlive, Network, Readahead};
pub use crate::stats::LaneNumbers;
pub use folder::Folder;
pub use lane::{FileLane, LaneSpec, ReadNumbers};
pub use limits::Limits;
