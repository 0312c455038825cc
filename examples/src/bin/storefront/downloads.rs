//! What can be downloaded: the files of a folder, through the file lane.
//!
//! The lane has a port of its own; `/downloads` on the shop's port sends clients there.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::net::SocketAddr;

use ostraca::files::{Folder, LaneSpec, Network};
use tempfile::TempDir;

use crate::config::Config;
use crate::model::Product;
use crate::store::Database;

/// Where the files are found, on either port.
pub(crate) const MOUNT: &str = "/downloads";

/// The lane, and a folder that goes with it.
pub(crate) struct Downloads {
    pub(crate) lane: LaneSpec,
    _made: Option<TempDir>,
}

impl Downloads {
    /// Opens the folder of the settings, or makes one that holds the catalog.
    ///
    /// # Errors
    ///
    /// When the folder or the port cannot be used.
    pub(crate) fn open(config: &Config, database: &Database) -> Result<Self, Box<dyn Error>> {
        let (folder, made) = match &config.downloads {
            Some(folder) => (folder.clone(), None),
            None => {
                let made = TempDir::with_prefix("storefront-downloads-")?;
                write_catalog(&made, &database.reader()?.products()?)?;
                (made.path().to_owned(), Some(made))
            }
        };
        let opened =
            Folder::open(&folder).map_err(|error| format!("--downloads {}: {error}", folder.display()))?;
        let address = SocketAddr::new(config.listen.ip(), config.downloads_port);
        let lane = LaneSpec::listen(address, Network::default(), opened.index("index.txt"));
        let lane = lane.map_err(|error| format!("--downloads-port {}: {error}", config.downloads_port))?;
        Ok(Downloads { lane: lane.mount(MOUNT), _made: made })
    }
}

/// As a spreadsheet opens it.
fn write_catalog(folder: &TempDir, products: &[Product]) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create_new(folder.path().join("catalog.csv"))?);
    writeln!(file, "id,name,cents")?;
    for Product { id, name, cents } in products {
        writeln!(file, "{id},\"{}\",{cents}", name.replace('"', "\"\""))?;
    }
    file.flush()
}
