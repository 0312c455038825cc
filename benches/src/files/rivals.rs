//! nginx and actix-files.

use std::process::{Command, Stdio};
use std::sync::mpsc;

use actix_web::{App, HttpServer};

use super::server::{Folder, Server, free_port};

pub(super) fn nginx_nopush(folder: &Folder) -> Server {
    nginx(folder, "tcp_nopush on;", "")
}

pub(super) fn nginx_plain(folder: &Folder) -> Server {
    nginx(folder, "tcp_nopush off;", "")
}

pub(super) fn nginx_reuseport(folder: &Folder) -> Server {
    nginx(folder, "tcp_nopush on;", "reuseport")
}

fn nginx(folder: &Folder, settings: &str, listen: &str) -> Server {
    let (path, port) = (folder.path().display(), free_port());
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    let config = format!(
        "daemon off; {user} pid {path}/pid; error_log {path}/log; worker_processes 2;
        events {{ worker_connections 1024; }}
        http {{
            access_log off; sendfile on; {settings} tcp_nodelay on;
            keepalive_timeout 60; keepalive_requests 1000000000;
            open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s;
            client_body_temp_path {path}/1; proxy_temp_path {path}/2; fastcgi_temp_path {path}/3;
            uwsgi_temp_path {path}/4; scgi_temp_path {path}/5;
            server {{ listen 127.0.0.1:{port} {listen}; root {path}; }}
        }}"
    );
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, config).expect("nginx's settings");
    let mut nginx = Command::new("nginx");
    nginx.arg("-c").arg(file).arg("-e").arg(folder.path().join("log")).arg("-p").arg(folder.path());
    nginx.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
    Server::of(port, nginx.spawn().expect("nginx: install it (`sudo apt-get install nginx`)"))
}

/// With as many workers, on a thread that goes with the process.
pub(super) fn actix_files(folder: &Folder) -> Server {
    let path = folder.path().to_owned();
    let (tx, rx) = mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let app = move || App::new().service(actix_files::Files::new("/", &path));
            let server = HttpServer::new(app).workers(2).disable_signals();
            let server = server.bind(("127.0.0.1", 0)).expect("a port");
            tx.send(server.addrs()[0].port()).expect("somebody waits");
            server.run().await.expect("a server");
        });
    });
    Server::here(rx.recv().expect("a port"), None)
}
