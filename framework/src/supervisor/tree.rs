//! A group's actor: its start is the start of the children, its stop is theirs.

use std::convert::Infallible;
use std::sync::Arc;

use super::group::Group;
use crate::actor::{
    Actor, Context, Handled, HandlerInfo, Inline, NoMethods, Route, Settings, StartError, StopReason, Turn,
};

/// The actor that a [`SupervisorSpec`](super::SupervisorSpec) becomes. It takes no messages; see
/// [`SupervisorRef`](super::SupervisorRef) for what can be asked of it.
pub struct Supervisor {
    group: Arc<Group>,
}

/// What a supervisor is made of.
#[derive(Clone)]
pub struct SupervisorArgs(pub(super) Arc<Group>);

impl Actor for Supervisor {
    type Args = SupervisorArgs;
    type Message = Infallible;
    type Views = ();
    type Methods<R: Route<Self>> = NoMethods<R>;

    const HANDLERS: &'static [HandlerInfo] = &[];

    fn settings() -> Settings {
        Settings::default().mailbox_len_max(1).inline(Inline::Never)
    }

    fn handler_of(message: &Infallible) -> usize {
        match *message {}
    }

    async fn start(ctx: &mut Context<Self>, args: SupervisorArgs) -> Result<Self, StartError> {
        // Made before the children start: one that is dropped half way takes them along.
        let supervisor = Supervisor { group: args.0 };
        supervisor.group.begin(ctx.owner()).await?;
        Ok(supervisor)
    }

    async fn stop(&mut self, _ctx: &mut Context<Self>, reason: &StopReason) {
        self.group.end(reason).await;
    }

    fn handle<'a>(
        &'a mut self,
        message: Infallible,
        _ctx: &'a mut Context<Self>,
        _turn: Turn<'a>,
    ) -> Handled<'a> {
        match message {}
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.group.kill();
    }
}
