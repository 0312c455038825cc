//! What is below the folder, and what is not.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use ostraca::files::{Folder, LaneSpec, Limits, Network};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::client::get;
use crate::place::Place;

#[tokio::test(flavor = "multi_thread")]
async fn links_in_the_folder_are_followed_and_those_out_of_it_refused() {
    let place = Place::new().await;
    fs::write(place.above().join("secret"), "secret").unwrap();
    place.put("dir/a.txt", "a");
    for (to, name) in [
        ("dir/a.txt", "inside"),
        ("../served/dir/a.txt", "out_and_in"),
        ("../secret", "outside"),
        ("dir", "folder"),
        ("..", "above"),
        ("/etc/passwd", "absolute"),
        ("loop", "loop"),
        ("none", "dangling"),
        ("/proc/self/root/etc/passwd", "magic"),
    ] {
        symlink(to, place.path(name)).unwrap();
    }
    for (status, path) in [
        (200, "/inside"),
        (200, "/folder/a.txt"),
        (403, "/out_and_in"),
        (403, "/outside"),
        (403, "/above/secret"),
        (403, "/absolute"),
        (403, "/loop"),
        (404, "/dangling"),
        (403, "/magic"),
    ] {
        let answer = get(place.address(), path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(!answer.text().contains("secret") && !answer.text().contains("root:"), "{path}");
    }
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_regular_file_is_refused_and_not_waited_for() {
    let place = Place::new().await;
    let pipe = place.path("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
    let _socket = UnixListener::bind(place.path("socket")).unwrap();
    fs::create_dir(place.path("dir")).unwrap();
    place.put("unreadable", "x");
    fs::set_permissions(place.path("unreadable"), fs::Permissions::from_mode(0o0)).unwrap();
    // Root reads it all the same.
    let unreadable = if rustix::process::geteuid().is_root() { 200 } else { 403 };
    for (status, path) in [
        (403, "/pipe"),
        (403, "/socket"),
        (404, "/dir"),
        (404, "/dir/"),
        (404, "/"),
        (404, "/pipe/a"),
        (unreadable, "/unreadable"),
    ] {
        assert_eq!(get(place.address(), path).await.status, status, "{path}");
    }
    // With a writer a pipe would be read from.
    let _writer = fs::File::options().read(true).write(true).open(pipe).unwrap();
    assert_eq!(get(place.address(), "/pipe").await.status, 403);
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_the_kernel_makes_up_and_devices_are_refused() {
    let place = Place::new().await;
    for (folder, paths) in [
        ("/proc", &["/self/status", "/version", "/self/fd/0", "/kmsg", "/1/environ"][..]),
        ("/sys", &["/kernel/uevent_seqnum"]),
        ("/dev", &["/null", "/zero", "/full", "/random"]),
    ] {
        let spec =
            LaneSpec::listen("127.0.0.1:0", Network::default(), Folder::open(folder).unwrap()).unwrap();
        place.system.serve_files(spec.clone()).await.unwrap();
        for path in paths {
            let answer = get(spec.address(), path).await;
            assert_eq!((answer.status, answer.text().as_str()), (403, "403 Forbidden\n"), "{folder}{path}");
        }
    }
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_means_its_new_file_when_its_time_is_over_and_at_once_when_the_old_one_is_gone() {
    let place =
        Place::with(Limits::default(), |folder| folder.look_up_every(Duration::from_secs(3600))).await;
    place.put("a", "one");
    assert_eq!(get(place.address(), "/a").await.text(), "one");
    fs::write(place.path("b"), "two").unwrap();
    // The old file has no name any more.
    fs::rename(place.path("b"), place.path("a")).unwrap();
    assert_eq!(get(place.address(), "/a").await.text(), "two");
    fs::remove_file(place.path("a")).unwrap();
    assert_eq!(get(place.address(), "/a").await.status, 404);
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_stands_for_its_folder_and_a_folder_ends_with_a_slash() {
    let place =
        Place::with(Limits::default(), |folder| folder.index("index.html").cache_control("max-age=60")).await;
    place.put("index.html", "top");
    place.put("a b/index.html", "below");
    fs::create_dir(place.path("empty")).unwrap();
    assert_eq!(get(place.address(), "/").await.text(), "top");
    let below = get(place.address(), "/a%20b/").await;
    assert_eq!((below.text().as_str(), below.field("cache-control")), ("below", Some("max-age=60")));
    let moved = get(place.address(), "/a%20b").await;
    assert_eq!((moved.status, moved.field("location")), (301, Some("./a%20b/")));
    assert_eq!(get(place.address(), "/empty/").await.status, 404);
    assert_eq!(get(place.address(), "/index.html/").await.status, 404);
    place.close().await;
}
