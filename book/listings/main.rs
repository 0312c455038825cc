//! The book's code: each file is a chapter's program, shown there and run here to its end.

mod actix;
mod bytes;
mod ch01_first_actor;
mod ch02_forgetful;
mod ch02_journal;
mod ch03_batches;
mod ch03_full;
mod ch03_options;
mod ch04_groups;
mod ch05_overload;
mod ch05_pools;
mod ch06_one_actor;
mod ch06_shards;
mod ch07_reading;
mod ch08_http;
mod ch09_stop;
mod configuration;
mod cores;
mod dashboard;
#[cfg(target_os = "linux")]
mod files;
mod findings;
mod logging;
mod macros;
mod moving;
mod queue_right;
mod queue_wrong;
mod reading;
mod stopping;
mod testing_faults;
mod testing_transfer;
mod tiers;
mod tiers_redis;
mod topics;
mod traces;
mod watching;
