//! What a cell takes of memory, and where its parts lie.

use std::mem::offset_of;

use super::*;
use crate::actor::{Envelope, Handled, HandlerInfo, Message, NoMethods, Route, StartError, Turn, takes_only};

struct Word(u64);

impl Message for u64 {
    type Reply = u64;
    type Refusal = std::convert::Infallible;
}

takes_only!(u64, Word);

impl Actor for Word {
    type Args = ();
    type Message = Envelope<u64>;
    type Views = ();
    type Methods<R: Route<Self>> = NoMethods<R>;

    const HANDLERS: &'static [HandlerInfo] = &[HandlerInfo::sync("add")];

    fn handler_of(_message: &Envelope<u64>) -> usize {
        0
    }

    async fn start(_ctx: &mut Context<Self>, _args: ()) -> Result<Self, StartError> {
        Ok(Word(0))
    }

    fn handle<'a>(
        &'a mut self,
        message: Envelope<u64>,
        _ctx: &'a mut Context<Self>,
        turn: Turn<'a>,
    ) -> Handled<'a> {
        let (by, reply) = message.open();
        self.0 += by;
        reply.reply(self.0);
        turn.done()
    }
}

#[test]
fn a_cell_with_a_word_of_state_is_four_cache_lines_and_senders_have_one_for_themselves() {
    assert_eq!(size_of::<Cell<Word>>(), 256);
    assert_eq!(offset_of!(Cell<Word>, mailbox), 64);
}
