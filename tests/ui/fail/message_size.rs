//! What is to give a message's size is no function of it.

use ostraca::prelude::*;

#[derive(Message)]
#[message(size = 8)]
struct Put(u64);

#[derive(Message)]
#[message(size)]
struct Add(u64);

fn main() {}
