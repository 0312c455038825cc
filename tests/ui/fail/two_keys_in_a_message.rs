//! A message with two keys.

use ostraca::prelude::*;

#[derive(Message)]
struct Add {
    #[key]
    region: u32,
    #[key]
    name: String,
}

fn main() {
    let _ = Add { region: 1, name: String::new() };
}
