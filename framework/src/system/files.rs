//! The file lane's place in a system.

use super::handle::System;
use super::stop::Phase;
use crate::actor::{ActorRef, SpawnError};
use crate::files::{FileLane, LaneSpec};

impl System {
    /// Starts a [file lane](crate::files) at the top of the tree, and has the stop end it with the intake, as HTTP, before
    /// any actor stops. Under a supervisor a lane is a child like any other: `.child::<FileLane>(spec)`.
    ///
    /// # Errors
    ///
    /// When its port cannot be used, or the system is stopping.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the lane running, and the stop ends it with the other actors.
    pub async fn serve_files(&self, spec: LaneSpec) -> Result<ActorRef<FileLane>, SpawnError> {
        let lane = self.spawn::<FileLane>(spec).await?;
        let stopped = lane.clone();
        self.on_stop(Phase::Intake, "files", async move {
            ActorRef::stop(&stopped);
            ActorRef::wait_stopped(&stopped).await;
        });
        Ok(lane)
    }
}
