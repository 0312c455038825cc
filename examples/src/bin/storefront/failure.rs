//! Errors as the shop's clients see them: a status and `{"error": ".."}`.
//!
//! What can go wrong with asking an actor has its status from [`ostraca::http`]; here are the actors' refusals and
//! what the routes say themselves.

use std::fmt::Display;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

use crate::carts::{AddError, CheckOutError};
use crate::catalog::RepriceError;
use crate::orders::PlaceError;
use crate::recommendations::LikeError;
use crate::store::StoreError;

/// A request that no actor was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// There is nothing of this name.
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    BadRequest(String),
    #[error("{path} takes {allow}, not {method}")]
    MethodNotAllowed { path: String, method: String, allow: &'static str },
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = answer(self.status_code(), self);
        if let Self::MethodNotAllowed { allow, .. } = self {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

impl ResponseError for StoreError {
    fn error_response(&self) -> HttpResponse {
        answer(StatusCode::INTERNAL_SERVER_ERROR, self)
    }
}

impl ResponseError for RepriceError {
    fn error_response(&self) -> HttpResponse {
        match self {
            Self::NoSuchProduct(_) => answer(StatusCode::NOT_FOUND, self),
            Self::Store(error) => error.error_response(),
        }
    }
}

impl ResponseError for LikeError {
    fn error_response(&self) -> HttpResponse {
        match self {
            Self::NoSuchProduct(_) => answer(StatusCode::NOT_FOUND, self),
            Self::Catalog(error) => error.error_response(),
        }
    }
}

impl ResponseError for AddError {
    fn error_response(&self) -> HttpResponse {
        match self {
            Self::NoSuchProduct(_) => answer(StatusCode::NOT_FOUND, self),
            Self::Full => answer(StatusCode::CONFLICT, self),
            Self::Store(error) => error.error_response(),
        }
    }
}

impl ResponseError for CheckOutError {
    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Orders(error) => error.error_response(),
            Self::Store(error) => error.error_response(),
        }
    }
}

impl ResponseError for PlaceError {
    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Refused(_) => answer(StatusCode::CONFLICT, self),
            Self::Store(error) => error.error_response(),
        }
    }
}

fn answer(status: StatusCode, error: &impl Display) -> HttpResponse {
    HttpResponse::build(status).json(json!({ "error": error.to_string() }))
}
