//! What the command line asks for, and the one-line errors for what it cannot have.

use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::chaos::Chance;
use crate::store::Place;

/// A shop's product pages, carts and orders over HTTP, built on ostraca.
#[derive(Debug, Clone, Parser)]
#[command(name = "storefront", version, allow_negative_numbers = true)]
pub(crate) struct Config {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,

    /// The SQLite file, or postgres://USER@HOST/NAME [default: storefront.db here; with --trace a temporary file]
    #[arg(long, value_name = "FILE|URL")]
    pub(crate) database: Option<Place>,

    /// Where pages are kept on disk [default: a folder beside the database, named after it]
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,

    /// A Redis or Valkey server behind the disk, as redis://host:6379
    #[arg(long, value_name = "URL", conflicts_with = "redis_cluster")]
    pub(crate) redis: Option<String>,

    /// A Redis Cluster behind the disk: some of its nodes
    #[arg(long, value_name = "URLS", value_delimiter = ',')]
    pub(crate) redis_cluster: Vec<String>,

    /// The folder whose files are at /downloads [default: a temporary one that holds the catalog]
    #[arg(long, value_name = "DIR")]
    pub(crate) downloads: Option<PathBuf>,

    /// The port of the file lane, to which /downloads leads; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value = "0")]
    pub(crate) downloads_port: u16,

    /// Show the dashboard to whoever has the token in this file [default: to this machine alone]
    #[arg(long, value_name = "FILE")]
    pub(crate) dashboard_token: Option<PathBuf>,

    /// Shards of the catalog, and as many of the carts
    #[arg(long, value_name = "N", default_value = "16", value_parser = parse_shards)]
    pub(crate) shards: NonZeroUsize,

    /// Replay these page requests over real connections and report; `zipf:SEED` makes them up
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<String>,

    /// Connections of the replay
    #[arg(long, value_name = "N", default_value = "32", value_parser = parse_connections)]
    pub(crate) connections: NonZeroU16,

    /// Requests under way that are never refused for there being too many; above, as many as are answered in time
    #[arg(long, value_name = "N", default_value = "64")]
    pub(crate) limit_min: NonZeroU32,

    /// Seed of the replay's writes and of --chaos
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) seed: u64,

    /// Let handlers panic: `panic=0.001` is one message in a thousand
    #[arg(long, value_name = "panic=P")]
    pub(crate) chaos: Option<Chance>,

    /// Leave after the replay: with 0 if nothing was lost, duplicated or wrongly answered
    #[arg(long, requires = "trace")]
    pub(crate) exit: bool,

    /// Print the replay's report as one JSON object
    #[arg(long, requires = "trace")]
    pub(crate) json: bool,

    /// How long a graceful stop may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parse_seconds)]
    pub(crate) stop_deadline: Duration,
}

impl Config {
    /// Reads the command line.
    ///
    /// # Errors
    ///
    /// Gives the exit code to leave with, after saying why: `--help` and `--version` leave with 0, a bad
    /// setting with [`BAD_SETTING`] and one line on stderr.
    pub(crate) fn from_args<I, T>(args: I) -> Result<Self, ExitCode>
    where
        I: IntoIterator<Item = T>,
        T: Into<std::ffi::OsString> + Clone,
    {
        Self::try_parse_from(args).map_err(|error| {
            if error.use_stderr() {
                eprintln!("storefront: {}", one_line(&error.to_string()));
                return ExitCode::from(BAD_SETTING);
            }
            print!("{error}");
            ExitCode::SUCCESS
        })
    }
}

/// The exit code for a setting, a trace or a database that cannot be used.
pub(crate) const BAD_SETTING: u8 = 2;

/// What clap says before its usage lines, without their breaks.
fn one_line(message: &str) -> String {
    let said = message.split("\n\n").next().unwrap_or(message);
    let words: Vec<&str> = said.trim_start_matches("error: ").split_whitespace().collect();
    words.join(" ")
}

fn parse_shards(text: &str) -> Result<NonZeroUsize, String> {
    match text.parse::<NonZeroUsize>() {
        Ok(shards) if shards.get() <= SHARDS_MAX => Ok(shards),
        _ => Err(format!("a number from 1 to {SHARDS_MAX}")),
    }
}

fn parse_connections(text: &str) -> Result<NonZeroU16, String> {
    text.parse().map_err(|_| format!("a number from 1 to {}", u16::MAX))
}

/// Each shard of the catalog holds a database connection open, so this bounds open files.
const SHARDS_MAX: usize = 256;

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let wrong = || "seconds above 0, such as 10 or 0.5".to_owned();
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(seconds).ok().filter(|deadline| !deadline.is_zero()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(args: &[&str]) -> String {
        let error = Config::try_parse_from(std::iter::once(&"storefront").chain(args)).unwrap_err();
        one_line(&error.to_string())
    }

    #[test]
    fn no_argument_is_needed() {
        let config = Config::try_parse_from(["storefront"]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.stop_deadline, Duration::from_secs(10));
    }

    #[test]
    fn a_bad_setting_is_named_in_one_line() {
        for (args, named) in [
            (&["--listen", "here"][..], "--listen"),
            (&["--shards", "0"], "from 1 to 256"),
            (&["--connections", "0"], "from 1 to 65535"),
            (&["--seed", "-1"], "--seed"),
            (&["--stop-deadline", "-1"], "--stop-deadline"),
            (&["--chaos", "panic=2"], "panic=2"),
            (&["--stop-deadline", "0"], "seconds above 0"),
            (&["--json"], "--trace"),
            (&["--redis", "redis://a", "--redis-cluster", "redis://b"], "--redis-cluster"),
            (&["--colour"], "--colour"),
        ] {
            let line = refusal(args);
            assert!(line.contains(named), "{line}");
            assert!(!line.contains('\n') && !line.contains("Usage"), "{line}");
        }
    }
}
