//! What somebody else has put under our keys.

use super::*;

const KEY: &str = "ostraca:{s/0}kk";
const HEAD: &str = "ostraca:{s/0}h";

fn set(server: &RedisServer, key: &str, bytes: &[u8]) {
    redis::cmd("SET").arg(key).arg(bytes).query::<()>(&mut server.connection().unwrap()).unwrap();
}

fn stored(server: &RedisServer, key: &str) -> Vec<u8> {
    server.command(&["GET", key]).unwrap()
}

#[tokio::test]
async fn hostile_bytes_under_a_key_are_corrupt_and_do_not_keep_better_ones_out() {
    let Some(server) = RedisServer::start("hostile bytes in the Redis tier") else { return };
    let tier = connected(builder(&server).len_max(1 << 20)).await.tier("s");
    put(&tier, "k", &entry(5, "value")).await;
    let whole = stored(&server, KEY);
    let generation = &whole[..16];
    let changed = |at: usize, bytes: &[u8]| {
        let mut record = whole.clone();
        record[at..at + bytes.len()].copy_from_slice(bytes);
        record
    };
    let cases = [
        ("truncated in its record", whole[..20].to_vec()),
        ("truncated in its frame", whole[..whole.len() - 1].to_vec()),
        ("newest for ever", changed(16, &[0xFF; 16])),
        ("kept for ever", changed(33, &[0xFF; 8])),
        ("of a kind that there is not", changed(32, b"x")),
        ("of another version", changed(45, &[9])),
        ("no entry", [generation, &[0xAB; 300]].concat()),
        (
            "a length of 2^60 where the tags are",
            [&whole[..41], b"OSTE\x01\x02\xFF\xFF", &[0xFF; 60][..]].concat(),
        ),
        ("longer than is read", [generation, &vec![b'k'; 2 << 20]].concat()),
        ("one byte", vec![0]),
    ];
    for (what, bytes) in cases {
        set(&server, KEY, &bytes);
        let read = tier.get(b"k", NOW).await;
        assert!(matches!(read, Err(TierError::Corrupt(_))), "{what}: {read:?}");
        assert_eq!(put(&tier, "k", &entry(5, "value")).await, Put::Stored, "{what}");
        assert_eq!(get(&tier, "k").await, Some(entry(5, "value")), "{what}");
    }
}

#[tokio::test]
async fn what_is_no_string_is_corrupt_and_is_replaced() {
    let Some(server) = RedisServer::start("hostile values in the Redis tier") else { return };
    let tier = connected(builder(&server).settle(Duration::ZERO)).await.tier("s");
    put(&tier, "k", &entry(5, "value")).await;
    for key in [KEY, HEAD] {
        server.command::<()>(&["DEL", key]).unwrap();
        server.command::<u64>(&["LPUSH", key, "a", "list"]).unwrap();
        let read = tier.get(b"k", NOW).await;
        assert!(matches!(read, Err(TierError::Corrupt(_))), "{key}: {read:?}");
        assert_eq!(put(&tier, "k", &entry(6, "value")).await, Put::Stored, "{key}");
        // A new generation is met only when the next one is drawn.
        put(&tier, "k", &entry(6, "value")).await;
        assert_eq!(get(&tier, "k").await, Some(entry(6, "value")), "{key}");
    }
}

#[tokio::test]
async fn random_bytes_for_heads_entries_and_floors_never_panic() {
    let Some(server) = RedisServer::start("random bytes in the Redis tier") else { return };
    let tier = connected(builder(&server).settle(Duration::ZERO)).await.tier("s");
    let tagged = Entry { tags: vec!["t".into()], ..entry(5, "value") };
    let mut state = 20_261_125_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    for _ in 0..1_000 {
        put(&tier, "k", &tagged).await;
        let key = [KEY, HEAD, "ostraca:{s/0}tt"][random() % 3];
        let mut bytes = stored(&server, if key == HEAD { HEAD } else { KEY });
        bytes.truncate(random() % 120);
        for _ in 0..random() % 4 {
            let at = random() % bytes.len().max(1);
            bytes.resize(bytes.len().max(at + 1), 0);
            bytes[at] = random() as u8;
        }
        set(&server, key, &bytes);
        match tier.get(b"k", NOW).await {
            Ok(Some(read)) => assert_eq!(read, tagged),
            Ok(None) | Err(TierError::Corrupt(_)) => {}
            Err(other) => panic!("{other}"),
        }
        server.command::<()>(&["DEL", KEY, HEAD, "ostraca:{s/0}tt"]).unwrap();
    }
}
