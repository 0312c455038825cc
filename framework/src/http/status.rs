//! What an error of a request is as an HTTP response.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};

use crate::actor::{AskError, SendError, TellError};

/// What a client that met a full mailbox or a stopping actor is asked to wait.
const RETRY_AFTER_SECONDS: u64 = 1;

impl<E: ResponseError> ResponseError for AskError<E> {
    fn status_code(&self) -> StatusCode {
        match self {
            AskError::Refused(refusal) => refusal.status_code(),
            AskError::Full | AskError::Stopped | AskError::Dropped | AskError::Shed => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            AskError::Deadline => StatusCode::GATEWAY_TIMEOUT,
            AskError::Panicked | AskError::Unanswered | AskError::WouldDeadlock => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            AskError::Refused(refusal) => refusal.error_response(),
            failure => answer(failure.status_code(), failure.to_string()),
        }
    }
}

impl<M> ResponseError for TellError<M> {
    fn status_code(&self) -> StatusCode {
        match self {
            TellError::Full(_) | TellError::Stopped(_) | TellError::Shed(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    fn error_response(&self) -> HttpResponse {
        answer(self.status_code(), self.to_string())
    }
}

impl<M> ResponseError for SendError<M> {
    fn status_code(&self) -> StatusCode {
        match self {
            SendError::Full(_) | SendError::Stopped(_) | SendError::Shed(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            SendError::WouldDeadlock(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        answer(self.status_code(), self.to_string())
    }
}

/// `{"error": text}`; a 503 says when to try again.
pub(super) fn answer(status: StatusCode, text: String) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.insert_header((RETRY_AFTER, RETRY_AFTER_SECONDS));
    }
    response.json(BTreeMap::from([("error", text)]))
}

/// An actix-web error that is answered so.
pub(super) fn failure(status: StatusCode, text: String) -> actix_web::Error {
    Failure { status, text }.into()
}

#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Failure {
    status: StatusCode,
    text: String,
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        answer(self.status, self.text.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;
    use std::convert::Infallible;

    #[derive(Debug, thiserror::Error)]
    #[error("the balance is {0}")]
    struct Insufficient(i64);

    impl ResponseError for Insufficient {
        fn status_code(&self) -> StatusCode {
            StatusCode::CONFLICT
        }
    }

    /// Status, Retry-After and body, after the way that `?` in a handler takes.
    async fn seen(error: impl Into<actix_web::Error>) -> (u16, Option<String>, String) {
        let response = error.into().error_response();
        let retry = response.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body()).await.unwrap();
        (status, retry, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn what_did_not_run_is_503_and_says_when_to_try_again() {
        for error in [AskError::<Infallible>::Full, AskError::Stopped, AskError::Dropped, AskError::Shed] {
            let (status, retry, body) = seen(error).await;
            assert_eq!((status, retry.as_deref()), (503, Some("1")));
            assert_eq!(body, format!(r#"{{"error":"{error}"}}"#));
        }
        assert_eq!(seen(TellError::Full(())).await.0, 503);
        assert_eq!(seen(TellError::Stopped(())).await.0, 503);
        assert_eq!(seen(SendError::Full(())).await.0, 503);
        assert_eq!(seen(SendError::Stopped(())).await.0, 503);
    }

    #[tokio::test]
    async fn a_missed_deadline_is_504() {
        let (status, retry, _) = seen(AskError::<Infallible>::Deadline).await;
        assert_eq!((status, retry), (504, None));
    }

    #[tokio::test]
    async fn a_failure_of_the_service_is_500() {
        for error in [AskError::<Infallible>::Panicked, AskError::Unanswered, AskError::WouldDeadlock] {
            assert_eq!(seen(error).await.0, 500);
        }
        assert_eq!(seen(SendError::WouldDeadlock(())).await.0, 500);
    }

    #[tokio::test]
    async fn a_refusal_is_the_users_own_response() {
        let (status, _, body) = seen(AskError::Refused(Insufficient(7))).await;
        assert_eq!((status, body.as_str()), (409, "the balance is 7"));
    }
}
