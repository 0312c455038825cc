//! The page requests that a replay sends: read from a file, or made up from a seed.
//!
//! A trace file is a run of big-endian 32-bit signed numbers, one a request in order of arrival, each the
//! number of a page:
//!
//! ```text
//! byte     0         4         8
//!          | page    | page    | ..        00 00 00 6b is a request for page 107
//! record   1         2         3
//! ```

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::model::ProductId;

/// Page requests in order of arrival; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trace {
    pages: Vec<ProductId>,
}

impl Trace {
    /// Opens what `--trace` names: a file, or `zipf:SEED`.
    ///
    /// # Errors
    ///
    /// Says which file is wrong, and where in it.
    pub(crate) fn open(name: &str) -> Result<Self, TraceError> {
        match name.strip_prefix("zipf:") {
            Some(seed) => match seed.parse() {
                Ok(seed) => Ok(Self::zipf(seed)),
                Err(_) => Err(TraceError::Seed { name: name.to_owned() }),
            },
            None => Self::read(Path::new(name)),
        }
    }

    fn read(path: &Path) -> Result<Self, TraceError> {
        let bytes =
            std::fs::read(path).map_err(|source| TraceError::Unreadable { path: path.to_owned(), source })?;
        Self::decode(&bytes, path)
    }

    fn decode(bytes: &[u8], path: &Path) -> Result<Self, TraceError> {
        let (records, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            let (path, record) = (path.to_owned(), records.len());
            return Err(TraceError::Trailing { path, bytes: rest.len(), record });
        }
        if records.is_empty() {
            return Err(TraceError::Empty { path: path.to_owned() });
        }
        let page = |(index, record): (usize, &[u8; 4])| {
            let page = i32::from_be_bytes(*record);
            ProductId::try_from(page).map_err(|_| TraceError::Negative {
                path: path.to_owned(),
                record: index + 1,
                page,
            })
        };
        Ok(Self { pages: records.iter().enumerate().map(page).collect::<Result<_, _>>()? })
    }

    /// Makes up a trace of the size of web07.trace: every one of [`PAGES`] pages at least once, the others
    /// drawn so that the n-th most asked page is asked in proportion to n to the power of -[`SKEW`].
    pub(crate) fn zipf(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut by_rank: Vec<ProductId> = (0..PAGES).collect();
        random.shuffle(&mut by_rank);
        let reach: Vec<f64> = (1..=PAGES)
            .scan(0.0, |sum, rank| {
                *sum += f64::from(rank).powf(-SKEW);
                Some(*sum)
            })
            .collect();
        let total = reach[reach.len() - 1];
        let mut pages = by_rank.clone();
        pages.resize_with(REQUESTS, || {
            let draw = random.f64() * total;
            by_rank[reach.partition_point(|sum| *sum <= draw).min(by_rank.len() - 1)]
        });
        random.shuffle(&mut pages);
        Self { pages }
    }

    /// The pages asked for, in order.
    pub(crate) fn pages(&self) -> &[ProductId] {
        &self.pages
    }

    /// Every page that occurs, once.
    pub(crate) fn distinct(&self) -> BTreeSet<ProductId> {
        self.pages.iter().copied().collect()
    }
}

/// Requests and pages of web07.trace, which a made-up trace and the generated catalog copy.
const REQUESTS: usize = 76_118;
pub(crate) const PAGES: u32 = 20_484;

/// Fits web07.trace, whose 10th page is asked 458 times, its 100th 67 times and its 1,000th 8 times.
const SKEW: f64 = 0.8;

/// Why a trace cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TraceError {
    #[error("{}: {source}", .path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{}: empty: {FORMAT}", .path.display())]
    Empty { path: PathBuf },
    #[error("{}: {bytes} byte{} after record {record}: {FORMAT}", .path.display(), if *.bytes == 1 { "" } else { "s" })]
    Trailing { path: PathBuf, bytes: usize, record: usize },
    #[error("{}: record {record} is {page}: {FORMAT}", .path.display())]
    Negative { path: PathBuf, record: usize, page: i32 },
    #[error("--trace {name}: write zipf:SEED with a whole number")]
    Seed { name: String },
}

const FORMAT: &str = "a trace is big-endian 32-bit page numbers from 0 up";

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Result<Trace, String> {
        Trace::decode(bytes, Path::new("web.trace")).map_err(|error| error.to_string())
    }

    #[test]
    fn records_are_big_endian() {
        let trace = decode(&[0, 0, 0, 107, 0, 0, 1, 0, 0, 0, 0, 107]).unwrap();
        assert_eq!(trace.pages(), [107, 256, 107]);
        assert_eq!(trace.distinct().into_iter().collect::<Vec<_>>(), [107, 256]);
    }

    #[test]
    fn trailing_bytes_are_refused_with_their_place() {
        let said = decode(&[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 3]).unwrap_err();
        assert_eq!(said, format!("web.trace: 3 bytes after record 2: {FORMAT}"));
        let said = decode(&[0]).unwrap_err();
        assert_eq!(said, format!("web.trace: 1 byte after record 0: {FORMAT}"));
    }

    #[test]
    fn a_negative_page_is_refused_with_its_record() {
        let said = decode(&[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfb]).unwrap_err();
        assert_eq!(said, format!("web.trace: record 2 is -5: {FORMAT}"));
    }

    #[test]
    fn an_empty_or_missing_file_is_named() {
        assert_eq!(decode(&[]).unwrap_err(), format!("web.trace: empty: {FORMAT}"));
        let said = Trace::open("no/such.trace").unwrap_err().to_string();
        assert!(said.starts_with("no/such.trace: "), "{said}");
        assert!(Trace::open("zipf:many").is_err());
    }

    #[test]
    fn a_made_up_trace_has_the_size_of_the_real_one_and_follows_its_seed() {
        let trace = Trace::open("zipf:3").unwrap();
        assert_eq!(trace.pages().len(), REQUESTS);
        assert_eq!(trace.distinct().len(), PAGES as usize);
        assert_eq!(trace, Trace::zipf(3));
        assert_ne!(trace, Trace::zipf(4));
        let mut asked = vec![0_u32; PAGES as usize];
        trace.pages().iter().for_each(|page| asked[*page as usize] += 1);
        let most = asked.into_iter().max().unwrap();
        assert!((1_000..=2_500).contains(&most), "the most asked page was asked {most} times");
    }
}
