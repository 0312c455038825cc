//! A folder's files by actix-web: the lane's answers without the lane.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse, Resource};

use super::routes;
use crate::buf::transfer::Source;
use crate::files::{Answer, Body, Conditions, Folder, Status, Target};

/// How much of a file is read at a time.
const CHUNK_LEN: u64 = 64 << 10;

/// Serves the files of a folder below a path: `app.service(http::files("/downloads", folder))`.
///
/// The answers are those of the [lane](crate::files): the same statuses, tags, ranges and refusals. The bytes pass
/// through buffers of the folder's pool and, once more, through actix-web's own: it owns its sockets, and `sendfile` is
/// not to be had. `compare files` has what that costs. It is for
/// who wants files on the same port, or by TLS and HTTP/2.
pub fn files(mount: &str, folder: Folder) -> Resource {
    let mount = mount.trim_matches('/').to_owned();
    let path = if mount.is_empty() { "/{file:.*}".to_owned() } else { format!("/{mount}/{{file:.*}}") };
    let refusing = folder.clone();
    let serve = move |request: HttpRequest| {
        let (mount, folder) = (mount.clone(), folder.clone());
        async move { respond(&request, &mount, &folder).await }
    };
    let refuse = move || {
        let response = response(Answer::refusal(Status::METHOD_NOT_ALLOWED), &refusing, false);
        async move { response }
    };
    web::resource(path).route(routes::read().to(serve)).default_service(web::to(refuse))
}

async fn respond(request: &HttpRequest, mount: &str, folder: &Folder) -> HttpResponse<Chunks> {
    let is_head = request.method() == actix_web::http::Method::HEAD;
    let mut conditions = Conditions::default();
    for (name, value) in request.headers() {
        conditions.take(name.as_str(), value.as_bytes());
    }
    // As it came: actix-web's own path is decoded in part.
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    let answer = match Target::parse(target, mount) {
        Ok(target) => Answer::of(folder, &target, &conditions, is_head).await,
        Err(status) => Answer::refusal(status),
    };
    response(answer, folder, is_head)
}

fn response(answer: Answer, folder: &Folder, is_head: bool) -> HttpResponse<Chunks> {
    let Status(code) = answer.status;
    let status = StatusCode::from_u16(code).expect("the lane's statuses are HTTP's");
    let mut response = HttpResponse::build(status);
    answer.fields(folder, |name, value| {
        response.append_header((name, value));
    });
    response.message_body(Chunks::of(answer, is_head)).expect("the lane's fields are HTTP's")
}

/// The body: pieces of memory and of a file, one after the other.
struct Chunks {
    size: BodySize,
    pieces: VecDeque<Piece>,
    reading: Option<Reading>,
}

type Reading = Pin<Box<dyn Future<Output = io::Result<Bytes>> + Send>>;

enum Piece {
    Bytes(Bytes),
    Range(Source, Range<u64>),
}

impl Chunks {
    fn of(answer: Answer, is_head: bool) -> Self {
        let size = answer.content_len().map_or(BodySize::None, BodySize::Sized);
        let mut pieces = VecDeque::new();
        match (&answer.body, answer.file()) {
            _ if is_head => {}
            (Body::None, _) => {}
            (Body::Range(range), Some(file)) => {
                pieces.push_back(Piece::Range(file.source().clone(), range.clone()));
            }
            (Body::Parts(parts), Some(file)) => {
                for (head, range) in parts.iter() {
                    pieces.push_back(Piece::Bytes(Bytes::copy_from_slice(head)));
                    pieces.push_back(Piece::Range(file.source().clone(), range.clone()));
                }
                pieces.push_back(Piece::Bytes(Bytes::copy_from_slice(parts.end())));
            }
            _ => pieces.push_back(Piece::Bytes(format!("{}\n", answer.words()).into())),
        }
        Chunks { size, pieces, reading: None }
    }

    /// The next piece of memory, or a read that has begun.
    fn begin(&mut self) -> Option<Bytes> {
        match self.pieces.front_mut() {
            Some(Piece::Range(source, range)) if range.start < range.end => {
                let (source, at) = (source.clone(), range.start);
                let len = CHUNK_LEN.min(range.end - at);
                range.start += len;
                self.reading = Some(Box::pin(async move { read(source, at, len as usize).await }));
                None
            }
            Some(Piece::Range(..)) => {
                self.pieces.pop_front();
                self.begin()
            }
            Some(Piece::Bytes(bytes)) => {
                let bytes = bytes.clone();
                self.pieces.pop_front();
                Some(bytes)
            }
            None => None,
        }
    }
}

async fn read(source: Source, at: u64, len: usize) -> io::Result<Bytes> {
    let mut chunk = source.pool().get(len);
    if source.append_to(&mut chunk, at, len).await? < len {
        // actix-web closes the connection: nothing is made up.
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file was truncated while it was sent"));
    }
    Ok(chunk.freeze())
}

impl MessageBody for Chunks {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, io::Error>>> {
        if self.reading.is_none()
            && let Some(bytes) = self.begin()
        {
            return Poll::Ready(Some(Ok(bytes)));
        }
        let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
        let read = ready!(reading.as_mut().poll(cx));
        self.reading = None;
        Poll::Ready(Some(read))
    }
}
