//! References to actors as arguments of actix-web's handlers.

use std::any::type_name;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{Error, FromRequest, HttpRequest};

use super::status::failure;
use crate::actor::{Actor, ActorRef};
use crate::pool::{By, Pool};
use crate::shard::Shards;

/// The reference registered by `app_data(reference)`; 500 if there is none.
impl<A: Actor> FromRequest for ActorRef<A> {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(registered(request, "ActorRef", type_name::<A>(), "system.spawn"))
    }
}

/// The shards registered by `app_data(shards)`; 500 if there are none.
impl<A: Actor> FromRequest for Shards<A> {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(registered(request, "Shards", type_name::<A>(), "system.shards"))
    }
}

/// The pool registered by `app_data(pool)`; 500 if there is none.
impl<A: Actor, B: By> FromRequest for Pool<A, B> {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(registered(request, "Pool", type_name::<A>(), "system.pool"))
    }
}

fn registered<T: Clone + 'static>(
    request: &HttpRequest,
    reference: &str,
    actor: &str,
    made_by: &str,
) -> Result<T, Error> {
    request.app_data::<T>().cloned().ok_or_else(|| {
        let text = format!(
            "no {reference}<{actor}> is registered: give the one that `{made_by}` made to \
             `.app_data(..)` of the app or the scope, as it is (not in `web::Data`)",
        );
        tracing::error!(target: "ostraca::http", path = request.path(), "{text}");
        failure(StatusCode::INTERNAL_SERVER_ERROR, text)
    })
}
