//! Everything that can be wrong with a setting is tried before anything starts.

use std::error::Error;
use std::net::TcpListener;
use std::path::Path;

use ostraca::http::Dashboard;
use tempfile::TempDir;

use crate::config::Config;
use crate::downloads::Downloads;
use crate::pages::Pages;
use crate::store::{Database, Place};
use crate::trace::{PAGES, Trace};

/// What the settings name, opened.
pub(crate) struct Prepared {
    pub(crate) trace: Option<Trace>,
    /// Has a product for every page of the trace.
    pub(crate) database: Database,
    pub(crate) pages: Pages,
    pub(crate) downloads: Downloads,
    pub(crate) listener: TcpListener,
    pub(crate) dashboard: Dashboard,
    /// The folder of a database that is not to be kept; it goes with this.
    pub(crate) _folder: Option<TempDir>,
}

impl Prepared {
    /// Opens what the settings name.
    ///
    /// # Errors
    ///
    /// In one line: which file, place or address cannot be used, and why.
    pub(crate) fn new(config: &Config) -> Result<Self, Box<dyn Error>> {
        let trace = config.trace.as_deref().map(Trace::open).transpose()?;
        let (place, folder) = match (&config.database, &trace) {
            (Some(place), _) => (place.clone(), None),
            // In sight, and not where a cleaner or the next start of the machine would take orders away.
            (None, None) => (Place::File("storefront.db".into()), None),
            (None, Some(_)) => {
                let folder = TempDir::with_prefix("storefront-")?;
                (Place::File(folder.path().join("storefront.db")), Some(folder))
            }
        };
        let dashboard = config.dashboard_token.as_deref().map(dashboard).transpose()?.unwrap_or_default();
        let listener = TcpListener::bind(config.listen)
            .map_err(|error| format!("--listen {}: {error}", config.listen))?;
        let more = trace.as_ref().map(Trace::distinct).unwrap_or_default();
        let database = Database::open(&place, (0..PAGES).chain(more))?;
        let pages = Pages::open(config, &place)?;
        let downloads = Downloads::open(config, &database)?;
        Ok(Self { trace, database, pages, downloads, listener, dashboard, _folder: folder })
    }
}

/// For whoever has the token in this file: on the command line other users of the machine would see it.
fn dashboard(file: &Path) -> Result<Dashboard, String> {
    let failed = |error: String| format!("--dashboard-token {}: {error}", file.display());
    let token = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    Dashboard::with_token(token.trim()).map_err(|error| failed(error.to_string()))
}
