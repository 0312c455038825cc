//! The pages on settings, macros, configuration and logging are whole: every setting has a row, and every default is the
//! code's.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use pulldown_cmark::{Event, Options, Parser};

/// Files with builders: what a method of theirs sets that gives the builder back is a setting.
const BUILDERS: &[&str] = &[
    "actor/settings.rs",
    "buf/object.rs",
    "buf/pool.rs",
    "buf/transfer/network.rs",
    "cache/redis/store.rs",
    "cache/tiered/builder.rs",
    "codec/mod.rs",
    "files/folder.rs",
    "files/lane.rs",
    "files/limits.rs",
    "monitor/settings.rs",
    "monitor/tuning/settings.rs",
    "overload/breaker.rs",
    "overload/limit.rs",
    "pool/blocking/mod.rs",
    "pool/spec.rs",
    "supervisor/plan.rs",
    "supervisor/spec.rs",
    "system/builder.rs",
    "testkit/explore.rs",
];

/// Methods that add somebody, and those of what is no builder of settings.
const NO_SETTINGS: &[&str] = &["child", "child_as", "mailbox", "reads", "supervisor", "supervisor_as"];

/// A row of the page, the file that has the default, and how it stands there.
const DEFAULTS: &[(&str, &str, &str)] = &[
    ("| `stop_deadline` | 10 s |", "system/builder.rs", "STOP_DEADLINE: Duration = Duration::from_secs(10)"),
    ("| `name` | `ostraca` |", "system/builder.rs", "unwrap_or_else(|| \"ostraca\".into())"),
    ("| `mailbox_len_max` | 1,024 |", "actor/settings.rs", "mailbox_len_max: Some(1024)"),
    ("| `overflow` | `reject` |", "actor/settings.rs", "overflow: Overflow::Reject"),
    ("| `inline` | `auto` |", "actor/settings.rs", "inline: Inline::Auto"),
    ("| `restart_max` | 5 |", "actor/settings.rs", "Restart::new(5, Duration::from_secs(10))"),
    ("| `restart_within` | 10 s |", "actor/settings.rs", "Restart::new(5, Duration::from_secs(10))"),
    (
        "| `backoff` | 50 ms to 5 s |",
        "actor/settings.rs",
        ".backoff(Duration::from_millis(50), Duration::from_secs(5))",
    ),
    (
        "| off; 5 ms |",
        "../../macros/src/actor/check_overload.rs",
        "TARGET: Duration = Duration::from_millis(5)",
    ),
    (
        "| off; 100 ms |",
        "../../macros/src/actor/check_overload.rs",
        "INTERVAL: Duration = Duration::from_millis(100)",
    ),
    ("5 ms and 100 ms", "overload/shedder.rs", "TARGET: Duration = Duration::from_millis(5)"),
    ("5 ms and 100 ms", "overload/shedder.rs", "INTERVAL: Duration = Duration::from_millis(100)"),
    ("| `batch(len_max = ..)` | 1,024 |", "../../macros/src/actor/check_batch.rs", "LEN_MAX: usize = 1024"),
    ("| `retry(max = ..)` | 3 |", "../../macros/src/actor/check_batch.rs", "quote! { 3u32 }"),
    ("| `cached(capacity = ..)` | 10,000 |", "../../macros/src/actor/check_cached.rs", "10_000"),
    ("| `ChildSpec::stop` | 5 s |", "supervisor/plan.rs", "STOP_WITHIN: Duration = Duration::from_secs(5)"),
    (
        "`#[start]` makes have 5 s",
        "supervisor/plan.rs",
        "ASK_IN_START_WITHIN: Duration = Duration::from_secs(5)",
    ),
    ("| `balance` | `LeastLoaded` |", "pool/spec.rs", "balance: Balance::LeastLoaded"),
    ("| `ejection` | 5, 1 s, 60 s |", "pool/balance/settings.rs", "failures_max: 5"),
    (
        "| `ejection` | 5, 1 s, 60 s |",
        "pool/balance/settings.rs",
        "ejection_min: nanos(Duration::from_secs(1))",
    ),
    (
        "| `ejection` | 5, 1 s, 60 s |",
        "pool/balance/settings.rs",
        "ejection_max: nanos(Duration::from_secs(60))",
    ),
    ("| `slow_start` | 5 s |", "pool/balance/settings.rs", "slow_start: nanos(Duration::from_secs(5))"),
    ("| `adaptive` | 1 s, 7 s |", "pool/balance/settings.rs", "penalty: nanos(Duration::from_secs(1))"),
    ("| `adaptive` | 1 s, 7 s |", "pool/balance/settings.rs", ".half_life(Duration::from_secs(7))"),
    ("| `queue_len_max` | 1,024 |", "pool/blocking/mod.rs", "QUEUE_LEN_MAX: usize = 1024"),
    ("| `keep` | 10 s |", "pool/blocking/mod.rs", "KEEP: Duration = Duration::from_secs(10)"),
    ("| `bounds` | 1, 1,000 |", "overload/limit.rs", "min: 1, max: 1_000"),
    ("| `tolerance` | 1.25 |", "overload/limit.rs", "tolerance: 1.25"),
    ("| `window` | 100 ms |", "overload/limit.rs", "window: Duration::from_millis(100)"),
    ("| `.failures_in_a_row` | 5 |", "overload/breaker.rs", "in_a_row: 5"),
    ("| `failure_rate` | 0.5, 20, 10 s |", "overload/breaker.rs", "failure_rate: 0.5"),
    ("| `failure_rate` | 0.5, 20, 10 s |", "overload/breaker.rs", "calls_min: 20"),
    ("| `slow_rate` | 0.9, 10 s |", "overload/breaker.rs", "slow_rate: 0.9"),
    ("| `open_for` | 1 s |", "overload/breaker.rs", "open_for: Duration::from_secs(1)"),
    ("| `open_max` | 60 s |", "overload/breaker.rs", "open_max: Duration::from_secs(60)"),
    ("| `trials` | 1 |", "overload/breaker.rs", "trials: 1"),
    ("| `trial_max` | 10 s |", "overload/breaker.rs", "trial_max: Duration::from_secs(10)"),
    ("| `memory` | 10,000, one minute |", "cache/tiered/builder.rs", "CAPACITY: usize = 10_000"),
    (
        "| `tier_within` | 100 ms |",
        "cache/tiered/builder.rs",
        "TIER_TIME_MAX: Duration = Duration::from_millis(100)",
    ),
    ("| `DeadlineMax` | 10 s |", "http/deadline.rs", "DeadlineMax(Duration::from_secs(10))"),
    ("| `JsonLenMax` | 64 KiB |", "http/json.rs", "JsonLenMax(64 * 1024)"),
    ("| `bytes_max` | 64 MiB |", "buf/pool.rs", "bytes_max: 64 << 20"),
    ("| `len_max` | 1,024 | objects |", "buf/object.rs", "len_max: 1_024"),
    ("| `interval` | 1 s |", "monitor/settings.rs", "INTERVAL: Duration = Duration::from_secs(1)"),
    ("| `slice` | 250 ms |", "monitor/tuning/settings.rs", "SLICE: Duration = Duration::from_millis(250)"),
    ("serves on for 250 ms", "http/serve.rs", "LINGER: Duration = Duration::from_millis(250)"),
    ("| `steps_max` | 100,000 |", "testkit/explore.rs", "steps_max: 100_000"),
    ("| `time_max` | 1 h |", "testkit/explore.rs", "time_max: Duration::from_secs(3600)"),
    ("| `shrink_runs_max` | 5,000 |", "testkit/explore.rs", "shrink_runs_max: 5_000"),
    ("| `seeds` | 1,000 |", "testkit/explore.rs", "seeds: 1_000"),
    ("A probe waits 10 s", "testkit/run.rs", "PATIENCE: Duration = Duration::from_secs(10)"),
];

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn source(file: &str) -> String {
    read(&format!("framework/src/{file}"))
}

/// The words in the code of a page: of `` `mailbox(len_max = 4096)` `` there are two.
fn words(page: &str) -> BTreeSet<String> {
    let text = read(&format!("book/src/{page}"));
    let codes = Parser::new_ext(&text, Options::ENABLE_TABLES).filter_map(|event| match event {
        Event::Code(code) => Some(code.to_string()),
        _ => None,
    });
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    codes.flat_map(|code| code.split(|c| !is_part(c)).map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Public methods that take a builder and give it back.
fn setters(source: &str) -> Vec<String> {
    let head = |rest: &str| rest.split('{').next().unwrap_or_default().replace(['\n', ' '], "");
    let starts = source.split("pub fn ").skip(1).chain(source.split("pub const fn ").skip(1));
    starts
        .map(head)
        .filter(|head| head.contains("(self") || head.contains("(mutself"))
        .filter(|head| {
            let gives = head.split("->").nth(1).unwrap_or_default();
            gives.starts_with("Self") || gives.starts_with("PoolSpec")
        })
        .filter_map(|head| head.split(['(', '<']).next().map(str::to_owned))
        .collect()
}

#[track_caller]
fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n  {}\n", complaints.join("\n  "));
}

#[test]
fn every_setting_of_a_builder_has_a_row() {
    // The lane's tables stand on its page, to which this one leads.
    let words = &words("settings.md") | &words("files.md");
    let mut complaints = Vec::new();
    let mut found = 0;
    for file in BUILDERS {
        for setter in setters(&source(file)) {
            found += 1;
            if !words.contains(&setter) && !NO_SETTINGS.contains(&setter.as_str()) {
                complaints.push(format!("settings.md: no row for `{setter}` of {file}"));
            }
        }
    }
    assert!(found > 90, "only {found} settings are seen");
    assert_none(&complaints);
}

#[test]
fn every_default_is_the_codes() {
    let page = read("book/src/settings.md");
    let complaints = DEFAULTS.iter().flat_map(|(row, file, code)| {
        let no_row = (!page.contains(row)).then(|| format!("settings.md: there is no `{row}`"));
        let no_code = (!source(file).contains(code)).then(|| format!("{row}: {file} has no `{code}`"));
        [no_row, no_code]
    });
    assert_none(&complaints.flatten().collect::<Vec<_>>());
}

/// The options that the macros know are listed where they complain of others.
#[test]
fn every_option_of_the_macros_is_on_their_page() {
    let words = words("macros.md");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../macros/src/actor");
    let mut texts = vec![read("macros/src/message.rs")];
    for entry in fs::read_dir(folder).unwrap() {
        texts.push(fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    let mut known = BTreeSet::new();
    for text in &texts {
        for list in text.split("[\"").skip(1) {
            let list = list.split(']').next().unwrap_or_default();
            known.extend(list.split('"').map(str::to_owned));
        }
    }
    let is_option =
        |word: &&String| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let options: Vec<_> = known.iter().filter(is_option).collect();
    assert!(options.len() > 35, "only {options:?} are seen");
    let missing = options.into_iter().filter(|option| !words.contains(*option) && *option != "doc");
    assert_none(&missing.map(|option| format!("macros.md: no `{option}`")).collect::<Vec<_>>());
}

#[test]
fn every_key_of_the_configuration_is_on_its_page() {
    let page = read("book/src/configuration.md");
    let keys = source("system/config/keys.rs");
    let (system, actor) = keys.split_once("const ACTOR").unwrap();
    let (system, monitor) = system.split_once("const MONITOR").unwrap();
    let names = |text: &str| -> Vec<String> {
        text.split("name: \"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
    };
    let within = |text, path: &'static str| names(text).into_iter().map(move |key| format!("{path}{key}"));
    let rows: Vec<_> =
        within(system, "").chain(within(monitor, "monitor.")).chain(within(actor, "actor.Type.")).collect();
    assert!(rows.len() >= 10, "only {rows:?} are seen");
    let missing = rows.iter().filter(|key| !page.contains(&format!("| `{key}` |")));
    assert_none(&missing.map(|key| format!("configuration.md: no row for `{key}`")).collect::<Vec<_>>());
}

/// The targets that the sources below a folder log to.
fn targets(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder of the sources") {
        let path = entry.expect("an entry of a folder").path();
        if path.is_dir() {
            targets(&path, found);
        } else {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let named = text.split("target: \"").skip(1).filter_map(|rest| rest.split('"').next());
            found.extend(named.map(str::to_owned));
        }
    }
}

#[test]
fn every_target_of_the_log_has_a_row() {
    let page = read("book/src/logging.md");
    let mut found = BTreeSet::new();
    targets(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../framework/src"), &mut found);
    assert!(found.len() > 12, "only {found:?} are seen");
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| `ostraca::")).collect();
    let missing = found.iter().filter(|target| !rows.iter().any(|row| row.contains(&format!("`{target}`"))));
    assert_none(&missing.map(|target| format!("logging.md: no row for `{target}`")).collect::<Vec<_>>());
}

#[test]
fn a_setter_is_seen_and_what_is_none_is_not() {
    let source = "pub fn name(mut self, name: &str) -> Self {\npub fn start(self) -> Result<System, E> {\n\
                  pub(crate) fn x(self) -> Self {\npub const fn stop(mut self) -> Self {\npub fn of() -> Self {";
    assert_eq!(setters(source), ["name", "stop"]);
}
