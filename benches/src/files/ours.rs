//! The file lane.

use ostraca::System;
use ostraca::files::{Folder as Served, LaneSpec, Network};

use super::server::{Folder, Server};
use crate::actors::peers::two_workers;

/// With its default settings, on a runtime of two threads.
pub(super) fn lane(folder: &Folder) -> Server {
    let runtime = two_workers();
    let port = runtime.block_on(async {
        let system = System::start().expect("a system");
        let served = Served::open(folder.path()).expect("the folder");
        let spec = LaneSpec::listen("127.0.0.1:0", Network::default(), served).expect("a port");
        system.serve_files(spec.clone()).await.expect("a lane");
        // It runs until the process ends.
        std::mem::forget(system);
        spec.address().port()
    });
    Server::here(port, Some(runtime))
}
