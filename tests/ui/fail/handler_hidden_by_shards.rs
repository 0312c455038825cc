use ostraca::prelude::*;

struct Ledger;

#[actor]
impl Ledger {
    #[start]
    fn start() -> Self {
        Ledger
    }

    #[handler]
    fn all(&mut self) {}
}

fn main() {}
