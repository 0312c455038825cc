use super::super::entry::Body;
use super::super::tier_contract;
use super::*;

const NOW: Timestamp = Timestamp(1_000_000);

fn file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.redb");
    (folder, path)
}

fn entry(version: u64, value: &[u8]) -> Entry {
    Entry {
        stamp: Stamp::new(0, version),
        made_at: NOW,
        fresh_until: NOW.after(Duration::from_secs(60)),
        keep_until: NOW.after(Duration::from_secs(60)),
        tags: Vec::new(),
        body: Body::Value(value.into()),
    }
}

#[tokio::test]
async fn a_disk_keeps_the_contract() {
    let (_folder, path) = file();
    tier_contract::holds(&Disk::open(path, 1 << 30).unwrap()).await;
}

#[tokio::test]
async fn what_was_put_is_there_when_the_file_is_opened_again_and_so_is_what_was_cleared() {
    let (_folder, path) = file();
    let disk = Disk::open(&path, 1 << 20).unwrap();
    let tier = disk.tier("prices");
    tier.put(b"k", &entry(5, b"five"), NOW).await.unwrap();
    disk.tier("others").clear(Stamp::new(0, 9), NOW).await.unwrap();
    let usage = tier.usage();
    drop((disk, tier));
    let disk = Disk::open(&path, 1 << 20).unwrap();
    let tier = disk.tier("prices");
    assert_eq!(tier.get(b"k", NOW).await, Ok(Some(entry(5, b"five"))));
    assert_eq!(tier.usage(), usage);
    let late = disk.tier("others").put(b"k", &entry(8, b""), NOW).await;
    assert_eq!(late, Ok(Put::Outdated(Stamp::new(0, 9))));
}

#[tokio::test]
async fn what_was_put_first_makes_room() {
    let (_folder, path) = file();
    let disk = Disk::open(path, 10_000).unwrap();
    let (tier, other) = (disk.tier("prices"), disk.tier("others"));
    other.put(b"first", &entry(1, &[7; 1_000]), NOW).await.unwrap();
    for key in 0..100u64 {
        tier.put(&key.to_be_bytes(), &entry(1, &[7; 1_000]), NOW).await.unwrap();
    }
    // Put again: it is not the oldest any more.
    assert_eq!(other.get(b"first", NOW).await, Ok(None), "over all spaces");
    assert!(tier.get(&99u64.to_be_bytes(), NOW).await.unwrap().is_some());
    let usage = tier.usage();
    assert!(usage.bytes.unwrap() <= 10_000, "{usage:?}");
    assert_eq!(usage.len.unwrap() + usage.evictions.unwrap(), 100);
    assert_eq!(other.usage().evictions, Some(1));
}

#[tokio::test]
async fn a_damaged_file_is_replaced() {
    let (_folder, path) = file();
    std::fs::write(&path, "no database of any kind. ".repeat(1_000)).unwrap();
    let disk = Disk::open(&path, 10_000).unwrap();
    disk.tier("prices").put(b"k", &entry(1, b"one"), NOW).await.unwrap();
}

#[tokio::test]
async fn a_file_in_use_and_one_that_cannot_be_made_are_named() {
    let (folder, path) = file();
    let disk = Disk::open(&path, 10_000).unwrap();
    let said = Disk::open(&path, 10_000).unwrap_err().to_string();
    assert!(said.contains("cache.redb: in use by another process"), "{said}");
    drop(disk);
    let said = Disk::open(folder.path().join("no/such/folder"), 1).unwrap_err().to_string();
    assert!(said.contains("no/such/folder: "), "{said}");
}

#[tokio::test]
async fn a_frame_that_was_changed_is_told_apart_and_gives_way() {
    let (_folder, path) = file();
    let disk = Disk::open(&path, 10_000).unwrap();
    let tier = disk.tier("prices");
    tier.put(b"k", &entry(5, b"five"), NOW).await.unwrap();
    table::damage(&disk.shared.database, "prices", b"k");
    assert!(matches!(tier.get(b"k", NOW).await, Err(TierError::Corrupt(_))));
    assert_eq!(tier.put(b"k", &entry(1, b"one"), NOW).await, Ok(Put::Stored));
    assert_eq!(tier.get(b"k", NOW).await, Ok(Some(entry(1, b"one"))));
}
