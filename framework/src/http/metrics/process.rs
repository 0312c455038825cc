//! Of the process, its container, the machine and tokio.
//!
//! The process's are under the names that all of Prometheus' clients use.

use super::Source;
use super::table::Family;
use super::table::Kind::{Counter, Gauge};
use crate::monitor::{Container, Pressure, Process, Stall, TokioNumbers};

fn some(number: Option<u64>) -> Option<f64> {
    number.map(|number| number as f64)
}

fn process<'a>(source: &Source<'a>) -> &'a Process {
    &source.snapshot.process
}

fn container<'a>(source: &Source<'a>) -> &'a Container {
    &source.snapshot.container
}

fn tokio<'a>(source: &Source<'a>) -> &'a TokioNumbers {
    &source.snapshot.tokio
}

/// Each wait that the kernel tells of, with what is waited for and by whom.
fn stalls(pressure: &Pressure) -> [(&'static str, &'static str, Option<Stall>); 5] {
    [
        ("cpu", "some", pressure.cpu_some),
        ("memory", "some", pressure.memory_some),
        ("memory", "full", pressure.memory_full),
        ("io", "some", pressure.io_some),
        ("io", "full", pressure.io_full),
    ]
}

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "process_cpu_seconds_total",
        kind: Counter,
        labels: &[],
        unit: "seconds",
        help: "Processor time used, user and system.",
        samples: |source, out| out.add_time(&[], process(source).cpu),
    },
    Family {
        name: "process_resident_memory_bytes",
        kind: Gauge,
        labels: &[],
        unit: "bytes",
        help: "Memory in RAM.",
        samples: |source, out| out.add_some(&[], some(process(source).resident_bytes)),
    },
    Family {
        name: "process_threads",
        kind: Gauge,
        labels: &[],
        unit: "threads",
        help: "Threads.",
        samples: |source, out| out.add_some(&[], some(process(source).threads)),
    },
    Family {
        name: "process_open_fds",
        kind: Gauge,
        labels: &[],
        unit: "file descriptors",
        help: "File descriptors that are open.",
        samples: |source, out| out.add_some(&[], some(process(source).fds)),
    },
    Family {
        name: "process_max_fds",
        kind: Gauge,
        labels: &[],
        unit: "file descriptors",
        help: "The most file descriptors that may be open.",
        samples: |source, out| out.add_some(&[], some(process(source).fds_max)),
    },
    Family {
        name: "process_context_switches_total",
        kind: Counter,
        labels: &["kind"],
        unit: "switches",
        help: "Times that a thread gave the processor up (voluntary), or was taken from it.",
        samples: |source, out| {
            out.add_some(&["voluntary"], some(process(source).switches_voluntary));
            out.add_some(&["involuntary"], some(process(source).switches_involuntary));
        },
    },
    Family {
        name: "ostraca_container_limit_cpus",
        kind: Gauge,
        labels: &[],
        unit: "processors",
        help: "How many processors' time the container may use.",
        samples: |source, out| out.add_some(&[], container(source).cpus_max),
    },
    Family {
        name: "ostraca_container_cpu_seconds_total",
        kind: Counter,
        labels: &[],
        unit: "seconds",
        help: "Processor time used by the container.",
        samples: |source, out| out.add_time(&[], container(source).cpu),
    },
    Family {
        name: "ostraca_container_periods_total",
        kind: Counter,
        labels: &[],
        unit: "periods",
        help: "Periods in which the container could have run out of processor time.",
        samples: |source, out| out.add_some(&[], some(container(source).periods)),
    },
    Family {
        name: "ostraca_container_throttled_periods_total",
        kind: Counter,
        labels: &[],
        unit: "periods",
        help: "Periods in which it did.",
        samples: |source, out| out.add_some(&[], some(container(source).periods_throttled)),
    },
    Family {
        name: "ostraca_container_throttled_seconds_total",
        kind: Counter,
        labels: &[],
        unit: "seconds",
        help: "How long the container was kept waiting for processor time.",
        samples: |source, out| out.add_time(&[], container(source).throttled),
    },
    Family {
        name: "ostraca_container_memory_bytes",
        kind: Gauge,
        labels: &[],
        unit: "bytes",
        help: "Memory of the container, with the page cache that it caused.",
        samples: |source, out| out.add_some(&[], some(container(source).memory_bytes)),
    },
    Family {
        name: "ostraca_container_limit_memory_bytes",
        kind: Gauge,
        labels: &[],
        unit: "bytes",
        help: "The most memory that the container may have.",
        samples: |source, out| out.add_some(&[], some(container(source).memory_max_bytes)),
    },
    Family {
        name: "ostraca_container_oom_kills_total",
        kind: Counter,
        labels: &[],
        unit: "kills",
        help: "Times that a process of the container was killed for want of memory.",
        samples: |source, out| out.add_some(&[], some(container(source).oom_kills)),
    },
    Family {
        name: "ostraca_pressure_stalled_seconds_total",
        kind: Counter,
        labels: &["resource", "tasks"],
        unit: "seconds",
        help: "How long some, or all, tasks of the machine waited for a resource.",
        samples: |source, out| {
            for (resource, tasks, stall) in stalls(&source.snapshot.pressure) {
                out.add_time(&[resource, tasks], stall.map(|stall| stall.total));
            }
        },
    },
    Family {
        name: "ostraca_pressure_stalled_ratio",
        kind: Gauge,
        labels: &["resource", "tasks"],
        unit: "ratio",
        help: "The same as a part of the last ten seconds.",
        samples: |source, out| {
            for (resource, tasks, stall) in stalls(&source.snapshot.pressure) {
                out.add_some(&[resource, tasks], stall.map(|stall| stall.part_10s));
            }
        },
    },
    Family {
        name: "ostraca_tokio_workers",
        kind: Gauge,
        labels: &[],
        unit: "threads",
        help: "Worker threads of tokio.",
        samples: |source, out| out.add_some(&[], tokio(source).workers.map(|workers| workers as f64)),
    },
    Family {
        name: "ostraca_tokio_tasks",
        kind: Gauge,
        labels: &[],
        unit: "tasks",
        help: "Tasks of tokio that have not ended.",
        samples: |source, out| out.add_some(&[], tokio(source).tasks.map(|tasks| tasks as f64)),
    },
    Family {
        name: "ostraca_tokio_queue_tasks",
        kind: Gauge,
        labels: &[],
        unit: "tasks",
        help: "Tasks that wait in tokio's global queue.",
        samples: |source, out| out.add_some(&[], tokio(source).queue_len.map(|len| len as f64)),
    },
    Family {
        name: "ostraca_tokio_busy_seconds_total",
        kind: Counter,
        labels: &[],
        unit: "seconds",
        help: "Time that tokio's worker threads were not parked.",
        samples: |source, out| out.add_time(&[], tokio(source).busy),
    },
    Family {
        name: "ostraca_tokio_parks_total",
        kind: Counter,
        labels: &[],
        unit: "parks",
        help: "Times that a worker thread of tokio parked.",
        samples: |source, out| out.add_some(&[], some(tokio(source).parks)),
    },
];
