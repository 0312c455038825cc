//! A span a request, in its client's trace (feature `otel`).

use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::header::HeaderMap;
use actix_web::http::{Method, StatusCode};
use opentelemetry::global;
use opentelemetry::propagation::Extractor;
use opentelemetry::trace::TraceContextExt as _;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Runs each request in a span `request` of the target `ostraca::http`, at the level INFO: `.wrap(Trace::default())`.
/// [`serve`](super::serve) has it already.
///
/// What the handler asks of actors is below it, and so on: one trace from the request on. Where the client has sent a
/// trace (`traceparent`, or whatever [`global::set_text_map_propagator`] was given), the span is a part of that. Names and
/// fields are those of OpenTelemetry's conventions for HTTP servers. The service's own pages (`/health`, `/ready`,
/// `/metrics`, `/_ostraca`) have no span.
///
/// Spans are tracing's: without a `tracing_opentelemetry` layer they go where the others go.
///
/// Source: <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Trace;

impl<S, B> Transform<S, ServiceRequest> for Trace
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Transform = TraceService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(TraceService { service }))
    }
}

/// What [`Trace`] makes of a service.
#[derive(Debug)]
pub struct TraceService<S> {
    service: S,
}

impl<S, B> Service<ServiceRequest> for TraceService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        if is_own(request.path()) {
            return Box::pin(self.service.call(request));
        }
        let (span, method) = (begin(&request), request.method().clone());
        // The service makes its future inside, too: a handler that asks at once does it there.
        let response = span.in_scope(|| self.service.call(request));
        let ended = span.clone();
        Box::pin(
            async move {
                let response = response.await;
                match &response {
                    Ok(response) => {
                        let request = response.request();
                        end(&ended, response.status(), request.method(), request.match_pattern());
                    }
                    Err(error) => end(&ended, error.as_response_error().status_code(), &method, None),
                }
                response
            }
            .instrument(span),
        )
    }
}

/// Whether a path is one of [`routes`](super::routes).
fn is_own(path: &str) -> bool {
    matches!(path, "/health" | "/ready" | "/metrics" | "/_ostraca") || path.starts_with("/_ostraca/")
}

fn begin(request: &ServiceRequest) -> Span {
    let method = request.method().as_str();
    let span = tracing::info_span!(
        target: "ostraca::http", "request",
        otel.name = method, otel.kind = "server", otel.status_code = Empty,
        http.request.method = method, http.route = Empty, http.response.status_code = Empty,
        url.path = request.path(), url.scheme = request.connection_info().scheme(),
    );
    let sent = global::get_text_map_propagator(|propagator| propagator.extract(&Headers(request.headers())));
    if sent.span().span_context().is_valid() {
        // Without a layer of OpenTelemetry's there is nothing to be a part of it.
        let _ = span.set_parent(sent);
    }
    span
}

fn end(span: &Span, status: StatusCode, method: &Method, route: Option<String>) {
    span.record("http.response.status_code", status.as_u16());
    if let Some(route) = route {
        // By its own way: a span that has begun does not take `otel.name` from a field any more.
        span.context().span().update_name(format!("{method} {route}"));
        span.record("http.route", route);
    }
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

/// A request's headers, as a propagator reads them.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}
