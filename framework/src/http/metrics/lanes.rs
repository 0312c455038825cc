//! Of the file lanes.

use super::Source;
use super::page::Samples;
use super::table::Family;
use super::table::Kind::{Counter, Gauge};
use crate::monitor::LaneNumbers;

fn lanes(source: &Source<'_>, out: &mut Samples<'_>, number: fn(&LaneNumbers) -> u64) {
    for lane in &source.snapshot.lanes {
        out.add(&[&lane.address.to_string()], number(lane) as f64);
    }
}

const OF_LANE: &[&str] = &["lane"];

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "ostraca_lane_connections",
        kind: Gauge,
        labels: OF_LANE,
        unit: "connections",
        help: "Open connections of a file lane.",
        samples: |source, out| lanes(source, out, |lane| lane.connections),
    },
    Family {
        name: "ostraca_lane_connections_accepted_total",
        kind: Counter,
        labels: OF_LANE,
        unit: "connections",
        help: "Connections accepted.",
        samples: |source, out| lanes(source, out, |lane| lane.accepted),
    },
    Family {
        name: "ostraca_lane_connections_turned_away_total",
        kind: Counter,
        labels: OF_LANE,
        unit: "connections",
        help: "Connections told 503 because there were too many.",
        samples: |source, out| lanes(source, out, |lane| lane.turned_away),
    },
    Family {
        name: "ostraca_lane_connections_evicted_total",
        kind: Counter,
        labels: OF_LANE,
        unit: "connections",
        help: "Idle connections that made room for others.",
        samples: |source, out| lanes(source, out, |lane| lane.evicted),
    },
    Family {
        name: "ostraca_lane_connections_late_total",
        kind: Counter,
        labels: OF_LANE,
        unit: "connections",
        help: "Connections closed because a request's head took too long.",
        samples: |source, out| lanes(source, out, |lane| lane.late),
    },
    Family {
        name: "ostraca_lane_connections_stalled_total",
        kind: Counter,
        labels: OF_LANE,
        unit: "connections",
        help: "Connections closed because the client read too slowly.",
        samples: |source, out| lanes(source, out, |lane| lane.stalled),
    },
    Family {
        name: "ostraca_lane_connections_truncated_total",
        kind: Counter,
        labels: OF_LANE,
        unit: "connections",
        help: "Connections closed because a file was truncated while it was sent.",
        samples: |source, out| lanes(source, out, |lane| lane.truncated),
    },
    Family {
        name: "ostraca_lane_connections_panicked_total",
        kind: Counter,
        labels: OF_LANE,
        unit: "connections",
        help: "Connections that ended by a panic.",
        samples: |source, out| lanes(source, out, |lane| lane.panicked),
    },
    Family {
        name: "ostraca_lane_files_sent_total",
        kind: Counter,
        labels: OF_LANE,
        unit: "answers",
        help: "Answers with a file or a part of one.",
        samples: |source, out| lanes(source, out, |lane| lane.sent),
    },
    Family {
        name: "ostraca_lane_files_not_modified_total",
        kind: Counter,
        labels: OF_LANE,
        unit: "answers",
        help: "Answers that the client has the file already.",
        samples: |source, out| lanes(source, out, |lane| lane.not_modified),
    },
    Family {
        name: "ostraca_lane_requests_refused_total",
        kind: Counter,
        labels: OF_LANE,
        unit: "requests",
        help: "Requests refused with a status of 400 and above.",
        samples: |source, out| lanes(source, out, |lane| lane.refused),
    },
    Family {
        name: "ostraca_lane_sent_bytes_total",
        kind: Counter,
        labels: OF_LANE,
        unit: "bytes",
        help: "Bytes of files that the kernel took.",
        samples: |source, out| lanes(source, out, |lane| lane.bytes),
    },
];
