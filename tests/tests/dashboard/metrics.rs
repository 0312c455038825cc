//! The page's numbers against those of `/metrics`.

use std::collections::HashMap;
use std::net::SocketAddr;

use ostraca_tests::http;

/// What `/metrics` says, by series.
pub(crate) struct Metrics(HashMap<String, f64>);

impl Metrics {
    pub(crate) fn read(address: SocketAddr) -> Self {
        let page = http::get(address, "/metrics", &[("host", "localhost")]).body;
        let samples =
            page.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
        Metrics(samples.map(|(series, value)| (series.to_owned(), value.parse().unwrap())).collect())
    }

    #[track_caller]
    pub(crate) fn of(&self, series: &str) -> f64 {
        *self.0.get(series).unwrap_or_else(|| panic!("/metrics has no {series}"))
    }

    /// The sum of a family over all its series that have this label.
    pub(crate) fn sum(&self, family: &str, label: &str) -> f64 {
        let of_family = self.0.iter().filter(|(series, _)| {
            series.strip_prefix(family).is_some_and(|rest| rest.starts_with('{')) && series.contains(label)
        });
        of_family.map(|(_, value)| value).sum()
    }
}

/// A number as the page writes it: `1,234`, `43.6 k`, `64.2 MiB`, `97.1 %`.
#[track_caller]
pub(crate) fn parse(text: &str) -> f64 {
    let text = text.trim().replace([',', '\u{202f}', '\n'], "");
    let end =
        text.find(|letter: char| !(letter.is_ascii_digit() || ".<>-".contains(letter))).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let value: f64 =
        number.trim_matches(['<', '>']).parse().unwrap_or_else(|_| panic!("no number: {text:?}"));
    let scale = match unit.trim().split(['/', ' ']).next().unwrap() {
        "k" => 1e3,
        "M" => 1e6,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        "%" => 0.01,
        "ns" => 1e-9,
        "µs" => 1e-6,
        "ms" => 1e-3,
        _ => 1.0,
    };
    value * scale
}

/// What is wrong with the page's numbers, each against one of `/metrics`, but for their rounding to three figures.
#[derive(Default)]
pub(crate) struct Complaints(pub(crate) Vec<String>);

impl Complaints {
    pub(crate) fn compare(&mut self, what: &str, shown: &str, measured: f64) {
        let is_same = (parse(shown) - measured).abs() <= measured.abs() * 0.006 + 1e-9;
        if !is_same {
            self.0.push(format!("{what}: the page shows {shown:?}, /metrics has {measured}"));
        }
    }
}
