//! The file lane over real sockets: what it answers, that what arrives is what lies in the folder, what it refuses, and
//! that it stands hostile and slow clients.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod bytes;
mod client;
mod conformance;
mod fuzz;
mod life;
mod paths;
mod place;
mod responder;
mod settings;
mod transfers;
