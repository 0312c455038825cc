//! What lies behind the memory of the catalog's pages: a file on disk and, if one was named, a Redis server or cluster.
//!
//! Both are the database's own: pages of another one, or of one that was made anew, are not its pages. The file is a cache, so a
//! kill may lose the end of it, a removal too: then a page may be as old as [`DISK`] says.

use std::collections::hash_map::DefaultHasher;
use std::error::Error;
use std::fs;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use ostraca::SystemBuilder;
use ostraca::cache::{Disk, Lifetime, RedisBuilder, RedisStore};

use crate::config::Config;
use crate::store::Place;

/// How long a page on disk is served.
const DISK: Lifetime = Lifetime::fresh(Duration::from_secs(60));

/// And one in Redis, where other storefronts of the database find it.
const REDIS: Lifetime = Lifetime::fresh(Duration::from_secs(600));

/// The most that all pages take there.
const DISK_BYTES_MAX: u64 = 256 << 20;

/// The tiers, opened.
pub(crate) struct Pages {
    disk: Disk,
    redis: Option<RedisBuilder>,
}

impl Pages {
    /// Opens the file for the pages of the database at `place`, in `--cache-dir`; or beside the database, of which a
    /// server's is in this folder. Redis is connected later.
    ///
    /// # Errors
    ///
    /// In one line, when the folder or the file cannot be used, or an address is none.
    pub(crate) fn open(config: &Config, place: &Place) -> Result<Self, Box<dyn Error>> {
        let beside = match place {
            Place::File(path) => path.with_extension("cache"),
            Place::Server(_) => "storefront.cache".into(),
        };
        let folder = config.cache_dir.as_deref().unwrap_or(&beside);
        fs::create_dir_all(folder).map_err(|error| format!("--cache-dir {}: {error}", folder.display()))?;
        let identity = identity(place)?;
        let disk = Disk::open(folder.join(format!("pages-{identity:016x}.redb")), DISK_BYTES_MAX)
            .map_err(|error| format!("--cache-dir: {error}"))?;
        let redis = match (&config.redis, &config.redis_cluster[..]) {
            (Some(url), _) => Some(redis("--redis", std::slice::from_ref(url), identity)?),
            (None, []) => None,
            (None, urls) => Some(redis("--redis-cluster", urls, identity)?.cluster()),
        };
        Ok(Pages { disk, redis })
    }

    /// The system's tiers, in their order.
    pub(crate) fn behind(self, system: SystemBuilder) -> SystemBuilder {
        let system = system.tier(self.disk, DISK);
        match self.redis {
            Some(redis) => system.tier(redis.start(), REDIS),
            None => system,
        }
    }
}

fn redis(argument: &str, urls: &[String], identity: u64) -> Result<RedisBuilder, Box<dyn Error>> {
    let redis = RedisStore::builder(urls).map_err(|error| format!("{argument}: {error}"))?;
    Ok(redis.prefix(format!("storefront-{identity:016x}")))
}

/// Tells databases apart: a file by its place, and by when it was made where the file system knows it; a server's by
/// its URL.
fn identity(place: &Place) -> std::io::Result<u64> {
    let mut hasher = DefaultHasher::new();
    match place {
        Place::File(path) => {
            path.canonicalize()?.hash(&mut hasher);
            path.metadata()?.created().ok().hash(&mut hasher);
        }
        Place::Server(url) => url.hash(&mut hasher),
    }
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser as _;
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn each_database_has_pages_of_its_own_and_a_folder_that_cannot_be_is_named() {
        let folder = TempDir::new().unwrap();
        let [first, second] = ["first.db", "second.db"].map(|name| {
            let path = folder.path().join(name);
            fs::write(&path, "").unwrap();
            Place::File(path)
        });
        let server = Place::Server("postgres://127.0.0.1/shop".to_owned());
        let cache = folder.path().join("cache");
        let at = |folder: &Path| Config {
            cache_dir: Some(folder.to_owned()),
            ..Config::try_parse_from(["storefront"]).unwrap()
        };
        let _opened = [&first, &second, &server].map(|place| Pages::open(&at(&cache), place).unwrap());
        assert_eq!(fs::read_dir(&cache).unwrap().count(), 3);
        let said = Pages::open(&at(&cache), &first).err().unwrap().to_string();
        assert!(said.contains("in use by another process"), "{said}");
        let said = Pages::open(&at(&folder.path().join("first.db")), &first).err().unwrap().to_string();
        assert!(said.starts_with("--cache-dir "), "{said}");
        let wrong = Config { redis: Some("there".into()), ..at(&folder.path().join("other")) };
        let said = Pages::open(&wrong, &first).err().unwrap().to_string();
        assert!(said.starts_with("--redis: ") && said.contains("there"), "{said}");
    }
}
