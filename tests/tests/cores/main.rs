//! Where pinned threads stand: by the kernel's word, on machines that are, and on machines in files.
#![allow(clippy::unwrap_used, reason = "tests")]

mod bound;
mod places;
mod support;
