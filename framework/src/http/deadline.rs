//! How long a client waits for its answer.

use std::future::{Ready, ready};
use std::time::{Duration, Instant};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{Error, FromRequest, HttpRequest, rt};

use super::status::failure;

/// The header in which a client says how many milliseconds it waits: `x-request-timeout-ms: 250`.
pub const TIMEOUT_HEADER: &str = "x-request-timeout-ms";

/// The longest that a request may take, for requests that say nothing and for those that say more. Registered
/// by `app_data(DeadlineMax(..))` of the app, a scope or a resource; 10 s where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadlineMax(pub Duration);

impl Default for DeadlineMax {
    fn default() -> Self {
        DeadlineMax(Duration::from_secs(10))
    }
}

/// Until when a request is to be answered: the client's [`TIMEOUT_HEADER`], but no later than [`DeadlineMax`],
/// from the moment of extraction. A header that is no number of milliseconds is 400.
///
/// `ledger.withdraw(id, 500).by(deadline).await?` is 504 when it is missed; asks that the handler makes in turn
/// inherit it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl From<Deadline> for Instant {
    fn from(deadline: Deadline) -> Instant {
        deadline.0
    }
}

impl FromRequest for Deadline {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let DeadlineMax(max) = request.app_data().copied().unwrap_or_default();
        // tokio's clock, which is the system's: paused where a test has paused it.
        let now = rt::time::Instant::now().into_std();
        ready(timeout(request).map(|timeout| Deadline(now + timeout.map_or(max, |timeout| timeout.min(max)))))
    }
}

fn timeout(request: &HttpRequest) -> Result<Option<Duration>, Error> {
    let Some(value) = request.headers().get(TIMEOUT_HEADER) else { return Ok(None) };
    let millis = value.to_str().ok().and_then(|value| value.trim().parse().ok());
    millis.map(|millis| Some(Duration::from_millis(millis))).ok_or_else(|| {
        let text = format!("{TIMEOUT_HEADER}: expected milliseconds, such as 250, not {value:?}");
        failure(StatusCode::BAD_REQUEST, text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    /// What is left at the moment of extraction; the clock is paused.
    async fn left(request: TestRequest) -> Result<Duration, u16> {
        let extracted = Deadline::extract(&request.to_http_request()).await;
        let now = tokio::time::Instant::now().into_std();
        extracted
            .map(|deadline| Instant::from(deadline) - now)
            .map_err(|error| error.as_response_error().status_code().as_u16())
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_may_wait_less_than_the_default() {
        let request = || TestRequest::default();
        assert_eq!(left(request()).await, Ok(Duration::from_secs(10)));
        assert_eq!(
            left(request().insert_header((TIMEOUT_HEADER, "250"))).await,
            Ok(Duration::from_millis(250))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_cannot_wait_more_than_the_service_allows() {
        let max = DeadlineMax(Duration::from_millis(100));
        for timeout in ["5000", "18446744073709551615"] {
            let request = TestRequest::default().app_data(max).insert_header((TIMEOUT_HEADER, timeout));
            assert_eq!(left(request).await, Ok(max.0));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeout_that_is_no_number_is_400() {
        for timeout in ["soon", "-1", "2.5", ""] {
            let request = TestRequest::default().insert_header((TIMEOUT_HEADER, timeout));
            assert_eq!(left(request).await, Err(400), "{timeout:?}");
        }
    }
}
