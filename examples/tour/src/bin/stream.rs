//! A stream's items become messages of an actor, and the actor slows the stream to its own pace.
//!
//! ```text
//! 1000 readings, the highest 999
//! the mailbox never held more than 16: true
//! ```

use futures_util::{Stream, StreamExt as _, stream};
use ostraca::prelude::*;

/// What comes out of the stream, as messages.
#[derive(Message)]
enum Event {
    Reading(u32),
    /// The last: a stream's end is no message of its own.
    End,
}

/// What was seen, when the stream has ended.
#[derive(Clone, Copy)]
pub(crate) struct Summary {
    readings: u32,
    highest: u32,
    waiting_max: usize,
}

struct Thermometer {
    seen: Summary,
    reply: Option<ReplyTo<Summary>>,
}

#[actor(mailbox(len_max = 16))]
impl Thermometer {
    #[start]
    fn start() -> Self {
        Thermometer { seen: Summary { readings: 0, highest: 0, waiting_max: 0 }, reply: None }
    }

    /// Answers when the stream has ended. The stream belongs to this incarnation and ends with it.
    #[handler]
    fn follow(&mut self, ctx: &mut Context<Self>, len: u32, reply: ReplyTo<Summary>) {
        self.reply = Some(reply);
        ctx.attach(readings(len), |event| event);
    }

    #[handler]
    fn event(&mut self, ctx: &mut Context<Self>, #[message] event: Event) {
        let seen = &mut self.seen;
        seen.waiting_max = seen.waiting_max.max(ActorRef::mailbox_len(&ctx.me()));
        match event {
            Event::Reading(celsius) => {
                seen.readings += 1;
                seen.highest = seen.highest.max(celsius);
            }
            Event::End => {
                if let Some(reply) = self.reply.take() {
                    reply.reply(self.seen);
                }
            }
        }
    }
}

/// A sensor that is always ready: much quicker than the actor.
fn readings(len: u32) -> impl Stream<Item = Event> {
    stream::iter(0..len).map(Event::Reading).chain(stream::iter([Event::End]))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let thermometer = system.spawn::<Thermometer>(()).await?;
    let Summary { readings, highest, waiting_max } = thermometer.follow(1_000).await?;
    println!("{readings} readings, the highest {highest}");
    println!("the mailbox never held more than 16: {}", waiting_max <= 16);
    system.stop().await;
    Ok(())
}
