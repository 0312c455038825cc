use super::*;
use crate::actor::Settings;
use crate::monitor::Sampler;

struct Ledger;

fn read(variables: &[(&str, &str)], files: &[&str]) -> Result<Outside, String> {
    let actors = [("Ledger", TypeId::of::<Ledger>())];
    let mut reader = Reader::new(&actors);
    #[cfg(feature = "toml")]
    for (at, text) in files.iter().enumerate().rev() {
        let name = if at == 0 { "shop.toml".into() } else { "defaults.toml".into() };
        File::Text { name, text: (*text).into() }.read(&mut reader);
    }
    let _unused = files;
    environment::read(variables.iter().map(|(name, value)| (name.into(), value.into())), &mut reader);
    reader.finish().map_err(|error| error.to_string())
}

fn ledger(outside: &Outside) -> Settings {
    outside.actors.apply(TypeId::of::<Ledger>(), Settings::default())
}

#[test]
fn the_environment_sets_every_key() {
    let outside = read(
        &[
            ("OSTRACA_NAME", "shop"),
            ("OSTRACA_WORKERS", "3"),
            ("OSTRACA_STOP_DEADLINE", "1500ms"),
            ("OSTRACA_PINNED_CORES", "2, 3"),
            ("OSTRACA_ACTOR__Ledger__MAILBOX__LEN_MAX", "unbounded"),
            ("OSTRACA_ACTOR__Ledger__MAILBOX__OVERFLOW", "drop_oldest"),
            ("OSTRACA_ACTOR__Ledger__RESTART__MAX", "0"),
            ("OSTRACA_ACTOR__Ledger__RESTART__WITHIN", "1m"),
            ("OSTRACA_ACTOR__Ledger__RESTART__BACKOFF", "1ms..2ms"),
            ("OSTRACA_ACTOR__Ledger__INLINE", "never"),
            ("OSTRACA_SEED", "the test kit's"),
            ("PATH", "not ours"),
        ],
        &[],
    )
    .unwrap();
    assert_eq!(outside.name.as_deref(), Some("shop"));
    assert_eq!(outside.workers, Some(3));
    assert_eq!(outside.pinned_cores, Some(Wanted::These(vec![2, 3])));
    assert_eq!(outside.stop_deadline, Some(Duration::from_millis(1500)));
    let expected = Settings::default()
        .mailbox_unbounded()
        .overflow(crate::mailbox::Overflow::DropOldest)
        .restart_max(0)
        .restart_within(Duration::from_secs(60))
        .backoff(Duration::from_millis(1), Duration::from_millis(2))
        .inline(crate::actor::Inline::Never);
    assert_eq!(format!("{:?}", ledger(&outside)), format!("{expected:?}"));
}

#[test]
fn a_mistake_in_the_environment_names_the_variable_and_what_is_allowed() {
    let mistakes = read(
        &[
            ("OSTRACA_ACTOR__Leger__INLINE", "auto"),
            ("OSTRACA_STOP_DEADLINE", "10"),
            ("OSTRACA_WORKER", "2"),
            ("OSTRACA_WORKERS", "0"),
        ],
        &[],
    );
    let expected = "\
OSTRACA_ACTOR__Leger__INLINE: `Leger` is no actor type that is configured here, did you mean `Ledger`? (allowed: `Ledger`)
OSTRACA_STOP_DEADLINE: `stop_deadline` is `10`: expected a duration of a whole number and ns, us, ms, s, m or h, such as \"10s\"
OSTRACA_WORKER: unknown key `worker`, did you mean `workers`? (allowed: `name`, `workers`, `pinned_cores`, `stop_deadline`, `monitor`, `actor`)
OSTRACA_WORKERS: `workers` is `0`: expected a whole number from 1, such as 4";
    assert_eq!(mistakes.err().unwrap(), expected);
}

#[cfg(feature = "toml")]
#[test]
fn the_environment_wins_over_the_first_file_and_that_over_the_next() {
    let first = "workers = 2\nstop_deadline = \"2s\"\n[actor.Ledger]\nrestart = { max = 2 }\n";
    let second = "pinned_cores = [0, 1]\nname = \"second\"\nworkers = 3\nstop_deadline = \"3s\"\nactor.Ledger.restart.max = 3\n";
    let outside = read(&[("OSTRACA_WORKERS", "1")], &[first, second]).unwrap();
    assert_eq!(outside.workers, Some(1));
    assert_eq!(outside.stop_deadline, Some(Duration::from_secs(2)));
    assert_eq!(outside.name.as_deref(), Some("second"));
    assert_eq!(outside.pinned_cores, Some(Wanted::These(vec![0, 1])));
    assert_eq!(ledger(&outside).restart.max, 2);
}

#[test]
fn the_machine_chooses_pinned_cores_where_the_configuration_says_so() {
    let all = Some(Wanted::Most(crate::actor::PINNED_MAX));
    assert_eq!(read(&[("OSTRACA_PINNED_CORES", "auto")], &[]).unwrap().pinned_cores, all);
    #[cfg(feature = "toml")]
    assert_eq!(read(&[], &["pinned_cores = \"auto\""]).unwrap().pinned_cores, all);
    let mistake = read(&[("OSTRACA_PINNED_CORES", "all")], &[]).err().unwrap();
    let expected = "OSTRACA_PINNED_CORES: `pinned_cores` is `all`: expected a list of at most 255 processor cores, such as \
        [2, 3], or 2,3 in the environment; or \"auto\"";
    assert_eq!(mistake, expected);
}

#[cfg(feature = "toml")]
#[test]
fn a_mistake_in_a_file_names_its_line_and_column() {
    let file = "\
workers = \"many\"
stop_deadlin = \"1s\"

[actor.Ledger]
mailbox = { len_max = 0, overflo = \"reject\" }
restart.within = 10.5

[system]
";
    let expected = "\
shop.toml:1:11: `workers` is `\"many\"`: expected a whole number from 1, such as 4
shop.toml:2:1: unknown key `stop_deadlin`, did you mean `stop_deadline`? (allowed: `name`, `workers`, `pinned_cores`, `stop_deadline`, `monitor`, `actor`)
shop.toml:5:23: `actor.Ledger.mailbox.len_max` is `0`: expected a whole number of messages from 1, such as 4096, or \"unbounded\"
shop.toml:5:26: unknown key `actor.Ledger.mailbox.overflo`, did you mean `mailbox.overflow`? (allowed: `mailbox.len_max`, `mailbox.overflow`, `restart.max`, `restart.within`, `restart.backoff`, `inline`)
shop.toml:6:18: `actor.Ledger.restart.within` is a number with a fraction: expected a duration of a whole number and ns, us, ms, s, m or h, such as \"10s\"
shop.toml:8:2: unknown key `system` (allowed: `name`, `workers`, `pinned_cores`, `stop_deadline`, `monitor`, `actor`)";
    assert_eq!(read(&[], &[file]).err().unwrap(), expected);
}

#[cfg(feature = "toml")]
#[test]
fn what_is_no_toml_and_what_cannot_be_read_is_said() {
    let mistakes = read(&[], &["workers = 4\nname = \n"]).err().unwrap();
    assert!(mistakes.starts_with("shop.toml:2:8: not TOML: "), "{mistakes}");
    assert_eq!(mistakes.lines().count(), 1, "{mistakes}");
    let mut reader = Reader::new(&[]);
    File::At("no/such/file.toml".into()).read(&mut reader);
    let error = reader.finish().err().unwrap();
    assert_eq!(error.mistakes()[0].place(), "no/such/file.toml");
    assert!(error.to_string().contains("cannot be read: No such file"), "{error}");
}

#[test]
fn durations_are_read_as_the_macro_reads_them() {
    assert_eq!(units::duration("10s"), Some(Duration::from_secs(10)));
    assert_eq!(units::duration(" 5 ms "), Some(Duration::from_millis(5)));
    assert_eq!(units::duration("24h"), Some(Duration::from_secs(86_400)));
    for wrong in ["", "s", "10", "-1s", "10sec", "1.5s", "18446744073709551615s"] {
        assert_eq!(units::duration(wrong), None, "{wrong}");
    }
    assert_eq!(units::range("1s .. 1s"), Some((Duration::from_secs(1), Duration::from_secs(1))));
    assert_eq!(units::range("5s..1s"), None);
    assert_eq!(units::range("5s.."), None);
}

#[test]
fn two_types_of_one_name_are_refused() {
    let actors = [("Ledger", TypeId::of::<Ledger>()), ("Ledger", TypeId::of::<u8>())];
    let error = Reader::new(&actors).finish().err().unwrap();
    assert_eq!(
        error.to_string(),
        "configures: two actor types are called `Ledger`: configure one of them in code"
    );
}

#[test]
fn the_monitor_is_configured_and_what_it_does_not_know_is_said() {
    let read = |key: &str, value: &str| {
        let mut reader = Reader::new(&[]);
        let path: Vec<_> = key.split('.').map(str::to_owned).collect();
        reader.set(&path, &Raw::Word(value), key, key);
        reader.finish().map(|outside| outside.monitor).map_err(|error| error.to_string())
    };
    let default = MonitorSettings::default;
    assert_eq!(read("monitor.interval", "5s"), Ok(default().interval(Duration::from_secs(5))));
    assert_eq!(read("monitor.history", "off"), Ok(default().history(false)));
    for sampler in Sampler::ALL {
        let off = read(&format!("monitor.{}", sampler.name()), "off");
        assert_eq!(off, Ok(default().sampler(sampler, false)), "{sampler:?}");
    }
    let wrong = read("monitor.interval", "1ms").unwrap_err();
    assert_eq!(
        wrong,
        "monitor.interval: `monitor.interval` is `1ms`: expected a duration from 10 ms, such as \"1s\""
    );
    let unknown = read("monitor.wating", "on").unwrap_err();
    assert!(unknown.contains("unknown key `monitor.wating`, did you mean `waiting`?"), "{unknown}");
}
