//! A start that makes no actor.

use ostraca::prelude::*;

struct Counter;

#[actor]
impl Counter {
    #[start]
    async fn start(ctx: &mut Context<Self>) {
        let _ = ctx;
    }
}

fn main() {}
