//! A limit of requests under way, as middleware.

use std::fmt;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::StatusCode;

use super::status::answer;
use crate::overload::{Limit, LimitPermit, Priority};

/// Refuses requests with 503 and `Retry-After` when more are under way than its [`Limit`] allows: `.wrap(..)` it around
/// an app, a scope or a resource. Clones share the limit, so make it once, outside the factory that each of the server's
/// threads runs.
///
/// ```
/// use actix_web::web;
/// use ostraca::http::Overload;
/// use ostraca::overload::{Limit, Priority};
///
/// let overload = Overload::new(Limit::default()).priority(|request| match request.path() {
///     path if path.starts_with("/checkout") => Priority::High,
///     path if path.ends_with("/recommendations") => Priority::Low,
///     _ => Priority::Normal,
/// });
/// let configure = move |app: &mut web::ServiceConfig| {
///     app.service(web::scope("/shop").wrap(overload.clone()));
/// };
/// # let _ = configure;
/// ```
///
/// A request is under way until its handler has made the response; what becomes of the body after that is not counted.
/// Answers of 503 and 504 tell the limit that something further on has too much to do. A client that goes counts for
/// nothing. Routes that probes ask (`/health`, `/ready`) belong outside of it.
#[derive(Clone)]
pub struct Overload {
    limit: Limit,
    priority: Arc<dyn Fn(&ServiceRequest) -> Priority + Send + Sync>,
}

impl Overload {
    /// All requests of a normal priority.
    pub fn new(limit: Limit) -> Self {
        Overload { limit, priority: Arc::new(|_| Priority::Normal) }
    }

    /// Says which requests are refused first, and which last.
    #[must_use]
    pub fn priority(
        mut self,
        priority: impl Fn(&ServiceRequest) -> Priority + Send + Sync + 'static,
    ) -> Self {
        self.priority = Arc::new(priority);
        self
    }
}

impl fmt::Debug for Overload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overload").field("limit", &self.limit.numbers()).finish_non_exhaustive()
    }
}

impl<S, B> Transform<S, ServiceRequest> for Overload
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = OverloadService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(OverloadService { service, overload: self.clone() }))
    }
}

/// What [`Overload`] makes of a service.
#[derive(Debug)]
pub struct OverloadService<S> {
    service: S,
    overload: Overload,
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T>>>;

impl<S, B> Service<ServiceRequest> for OverloadService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = BoxFuture<Result<Self::Response, Error>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let priority = (self.overload.priority)(&request);
        let Some(permit) = self.overload.limit.try_acquire(priority) else {
            let refused = answer(StatusCode::SERVICE_UNAVAILABLE, REFUSED.to_owned());
            return Box::pin(ready(Ok(request.into_response(refused).map_into_right_body())));
        };
        let response = self.service.call(request);
        Box::pin(async move {
            let response = response.await;
            let status = match &response {
                Ok(response) => response.status(),
                Err(error) => error.as_response_error().status_code(),
            };
            end(permit, status);
            response.map(ServiceResponse::map_into_left_body)
        })
    }
}

const REFUSED: &str = "overloaded: the request was refused before it ran";

fn end(permit: LimitPermit, status: StatusCode) {
    match status {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => permit.overloaded(),
        _ => permit.answered(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::http::header::RETRY_AFTER;
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::{App, HttpResponse, rt, web};

    use super::*;
    use crate::overload::LimitSettings;

    fn narrow() -> Limit {
        Limit::new(LimitSettings::default().bounds(2, 2))
    }

    async fn slow() -> HttpResponse {
        rt::time::sleep(Duration::from_millis(10)).await;
        HttpResponse::Ok().body("done")
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_the_limit_a_request_is_503_at_once_and_says_when_to_try_again() {
        let limit = narrow();
        let overload = Overload::new(limit.clone()).priority(|request| match request.path() {
            "/high" => Priority::High,
            "/low" => Priority::Low,
            _ => Priority::Normal,
        });
        let app = App::new().wrap(overload).default_service(web::to(slow));
        let app = init_service(app).await;
        let ask = |path: &'static str| call_service(&app, TestRequest::with_uri(path).to_request());
        let local = async {
            let first = ask("/normal");
            let second = ask("/normal");
            let third = async {
                let refused = ask("/normal").await;
                assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
                assert_eq!(refused.headers().get(RETRY_AFTER).unwrap(), "1");
                let body = read_body(refused).await;
                assert_eq!(body, r#"{"error":"overloaded: the request was refused before it ran"}"#);
                assert_eq!(ask("/low").await.status(), StatusCode::SERVICE_UNAVAILABLE);
                limit.numbers().in_flight
            };
            tokio::join!(first, second, third)
        };
        let (first, second, in_flight) = local.await;
        assert_eq!((first.status(), second.status(), in_flight), (StatusCode::OK, StatusCode::OK, 2));
        assert_eq!(ask("/high").await.status(), StatusCode::OK);
        let numbers = limit.numbers();
        assert_eq!((numbers.in_flight, numbers.admitted, numbers.refused), (0, 3, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_goes_gives_its_place_back() {
        let limit = narrow();
        let app = App::new().wrap(Overload::new(limit.clone())).default_service(web::to(slow));
        let app = init_service(app).await;
        for _ in 0..10 {
            let gone = call_service(&app, TestRequest::default().to_request());
            assert!(tokio::time::timeout(Duration::from_millis(1), gone).await.is_err());
        }
        assert_eq!(limit.numbers().in_flight, 0);
    }
}
