//! What lies behind the memory of the catalog's pages: a file on disk.
//!
//! The file is the database's own: pages of another one, or of one that was made anew, are not its pages. It is a cache, so a
//! kill may lose the end of it, a removal too: then a page may be as old as [`DISK`] says.

use std::collections::hash_map::DefaultHasher;
use std::error::Error;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::time::Duration;

use ostraca::SystemBuilder;
use ostraca::cache::{Disk, Lifetime};

use crate::store::Place;

/// How long a page on disk is served.
const DISK: Lifetime = Lifetime::fresh(Duration::from_secs(60));

/// The most that all pages take there.
const DISK_BYTES_MAX: u64 = 256 << 20;

/// The tiers, opened.
pub(crate) struct Pages {
    disk: Disk,
}

impl Pages {
    /// Opens the file for the pages of the database at `place`, in `folder`; or beside the database, of which a server's
    /// is in this folder.
    ///
    /// # Errors
    ///
    /// In one line, when the folder or the file cannot be used.
    pub(crate) fn open(folder: Option<&Path>, place: &Place) -> Result<Self, Box<dyn Error>> {
        let beside = match place {
            Place::File(path) => path.with_extension("cache"),
            Place::Server(_) => "storefront.cache".into(),
        };
        let folder = folder.unwrap_or(&beside);
        fs::create_dir_all(folder).map_err(|error| format!("--cache-dir {}: {error}", folder.display()))?;
        let disk = Disk::open(folder.join(format!("pages-{:016x}.redb", identity(place)?)), DISK_BYTES_MAX)
            .map_err(|error| format!("--cache-dir: {error}"))?;
        Ok(Pages { disk })
    }

    /// The system's tiers, in their order.
    pub(crate) fn behind(self, system: SystemBuilder) -> SystemBuilder {
        system.tier(self.disk, DISK)
    }
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
    use super::*;
    use tempfile::TempDir;

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
        let _opened = [&first, &second, &server].map(|place| Pages::open(Some(&cache), place).unwrap());
        assert_eq!(fs::read_dir(&cache).unwrap().count(), 3);
        let said = Pages::open(Some(&cache), &first).err().unwrap().to_string();
        assert!(said.contains("in use by another process"), "{said}");
        let said = Pages::open(Some(&folder.path().join("first.db")), &first).err().unwrap().to_string();
        assert!(said.starts_with("--cache-dir "), "{said}");
    }
}
