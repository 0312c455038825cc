//! Writing the page.

use std::fmt::Write;
use std::time::Duration;

use super::Source;
use super::table::{Family, Kind};
use crate::monitor::{Distribution, Times};

const INFALLIBLE: &str = "writing to a string does not fail";

/// Up to where histograms of times count, in seconds: three steps a decade, from a microsecond to ten seconds.
const SECONDS: [f64; 22] = [
    1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1,
    0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// And those of lengths.
const LENGTHS: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

/// A page that is being written, family by family.
#[derive(Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    pub(super) fn write(&mut self, family: &'static Family, source: &Source<'_>) {
        let before = self.text.len();
        let help = family.help.replace('\\', r"\\").replace('\n', r"\n");
        let Family { name, kind, .. } = family;
        writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {}", kind.name()).expect(INFALLIBLE);
        let head = self.text.len();
        (family.samples)(source, &mut Samples { page: self, family });
        if self.text.len() == head {
            self.text.truncate(before);
        }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// The samples of one family.
pub(super) struct Samples<'a> {
    page: &'a mut Page,
    family: &'static Family,
}

impl Samples<'_> {
    /// One sample, with the values of the family's labels.
    pub(super) fn add(&mut self, labels: &[&str], value: f64) {
        debug_assert!(matches!(self.family.kind, Kind::Counter | Kind::Gauge), "{}", self.family.name);
        self.line("", labels, None, value);
    }

    /// The same, if there is one.
    pub(super) fn add_some(&mut self, labels: &[&str], value: Option<f64>) {
        if let Some(value) = value {
            self.add(labels, value);
        }
    }

    /// The same of a time, in seconds.
    pub(super) fn add_time(&mut self, labels: &[&str], value: Option<Duration>) {
        self.add_some(labels, value.map(|time| time.as_secs_f64()));
    }

    /// A histogram of times in nanoseconds, if there is one.
    pub(super) fn add_times(&mut self, labels: &[&str], times: Option<&Distribution>) {
        if let Some(times) = times {
            self.add_histogram(labels, times, &SECONDS, 1e-9);
        }
    }

    /// A histogram of lengths.
    pub(super) fn add_lengths(&mut self, labels: &[&str], lengths: &Distribution) {
        self.add_histogram(labels, lengths, &LENGTHS, 1.0);
    }

    fn add_histogram(&mut self, labels: &[&str], values: &Distribution, bounds: &[f64], scale: f64) {
        debug_assert_eq!(self.family.kind, Kind::Histogram);
        let mut ranges = values.buckets().peekable();
        let mut count = 0;
        for bound in bounds {
            // By the last value of each range: one that lies across a bound is counted in the next.
            while let Some((_, more)) = ranges.next_if(|(last, _)| *last as f64 * scale <= *bound) {
                count += more;
            }
            self.line("_bucket", labels, Some(("le", &bound.to_string())), count as f64);
        }
        self.line("_bucket", labels, Some(("le", "+Inf")), values.count() as f64);
        self.line("_sum", labels, None, values.sum() as f64 * scale);
        self.line("_count", labels, None, values.count() as f64);
    }

    /// The quantiles of the last interval, and the sum and count of all; if there are any.
    pub(super) fn add_summary(&mut self, labels: &[&str], times: Option<&Times>) {
        debug_assert_eq!(self.family.kind, Kind::Summary);
        let Some(times) = times else { return };
        if let Some(recent) = &times.recent {
            let quantiles =
                [("0.5", recent.p50), ("0.9", recent.p90), ("0.99", recent.p99), ("0.999", recent.p999)];
            for (part, time) in quantiles.into_iter().chain([("1", recent.max)]) {
                self.line("", labels, Some(("quantile", part)), time.as_secs_f64());
            }
        }
        self.line("_sum", labels, None, times.all.sum() as f64 * 1e-9);
        self.line("_count", labels, None, times.all.count() as f64);
    }

    fn line(&mut self, suffix: &str, labels: &[&str], more: Option<(&str, &str)>, value: f64) {
        let Family { name, labels: names, .. } = self.family;
        debug_assert_eq!(names.len(), labels.len(), "{name}");
        let text = &mut self.page.text;
        write!(text, "{name}{suffix}").expect(INFALLIBLE);
        let mut before = '{';
        for (name, label) in names.iter().copied().zip(labels.iter().copied()).chain(more) {
            let label = label.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
            write!(text, "{before}{name}=\"{label}\"").expect(INFALLIBLE);
            before = ',';
        }
        let end = if before == '{' { "" } else { "}" };
        writeln!(text, "{end} {value}").expect(INFALLIBLE);
    }
}
