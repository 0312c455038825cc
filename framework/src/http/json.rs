//! A JSON body whose mistakes are answered with the field they are in.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, rt, web};
use serde::de::DeserializeOwned;

use super::DeadlineMax;
use super::status::failure;

/// A request's body, read as JSON.
///
/// Unlike `actix_web::web::Json` it answers every mistake with `{"error": ".."}`: 400 that names the field
/// (`items[2].cents: invalid type: string "x", expected i64 at line 1 column 40`), 408 for a body that is not there
/// within [`DeadlineMax`], 413 for one longer than [`JsonLenMax`], 415 for a content type that is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Json<T>(pub T);

/// The longest JSON body, in bytes. Registered by `app_data(JsonLenMax(..))` of the app, a scope or a resource;
/// 64 KiB where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonLenMax(pub usize);

impl Default for JsonLenMax {
    fn default() -> Self {
        JsonLenMax(64 * 1024)
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = is_json(request.content_type());
        let JsonLenMax(len_max) = request.app_data().copied().unwrap_or_default();
        let DeadlineMax(time_max) = request.app_data().copied().unwrap_or_default();
        let body = web::Payload::from_request(request, payload).into_inner();
        Box::pin(async move {
            if !is_json {
                let text = "the body is to be JSON: send `content-type: application/json`".to_owned();
                return Err(failure(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
            }
            // Else a client that sends a byte now and then holds its connection, and a graceful stop, for ever.
            let body = rt::time::timeout(time_max, body?.to_bytes_limited(len_max)).await.map_err(|_| {
                let text = format!("the body was not there within {time_max:?}");
                failure(StatusCode::REQUEST_TIMEOUT, text)
            })?;
            let body = body.map_err(|_| {
                let text = format!("the body is longer than {len_max} bytes");
                failure(StatusCode::PAYLOAD_TOO_LARGE, text)
            })?;
            parse(&body?).map(Json).map_err(|text| failure(StatusCode::BAD_REQUEST, text))
        })
    }
}

/// `application/json`, or a kind of it such as `application/merge-patch+json`.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        match field.as_str() {
            // The body as a whole, or an end before a field's name. A field that is missing is named in the
            // error's own text.
            "." | "?" => error.into_inner().to_string(),
            field => format!("{field}: {}", error.inner()),
        }
    })?;
    json.end().map_err(|error| error.to_string())?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;
    use std::collections::BTreeMap;

    type Prices = Json<BTreeMap<String, Vec<u32>>>;

    /// What was read, or the status and the text.
    async fn read(body: &str, content_type: &str, len_max: usize) -> Result<Prices, (u16, String)> {
        let request = TestRequest::default()
            .insert_header(("content-type", content_type))
            .app_data(JsonLenMax(len_max))
            .set_payload(body.to_owned());
        let (request, mut payload) = request.to_http_parts();
        Prices::from_request(&request, &mut payload)
            .await
            .map_err(|error| (error.as_response_error().status_code().as_u16(), error.to_string()))
    }

    async fn read_json(body: &str) -> Result<Prices, (u16, String)> {
        read(body, "application/json; charset=utf-8", 1_000).await
    }

    #[tokio::test]
    async fn a_body_is_read() {
        let expected = BTreeMap::from([("a".to_owned(), vec![1, 2])]);
        assert_eq!(read_json(r#"{"a": [1, 2]}"#).await, Ok(Json(expected)));
        assert!(read("{}", "application/merge-patch+json", 2).await.is_ok());
    }

    #[tokio::test]
    async fn a_mistake_is_400_and_names_its_field() {
        let (status, text) = read_json(r#"{"a": [1, "two"]}"#).await.unwrap_err();
        assert_eq!(status, 400);
        assert!(text.starts_with("a[1]: invalid type: string \"two\", expected u32"), "{text}");
        let (status, text) = read_json(r#"{"a": [1], "#).await.unwrap_err();
        assert!(status == 400 && text.starts_with("EOF while parsing a value at line 1"), "{text}");
        assert_eq!(read_json("[").await.unwrap_err().0, 400);
        assert_eq!(read_json("").await.unwrap_err().0, 400);
        let (status, text) = read_json("{} more").await.unwrap_err();
        assert!(status == 400 && text.starts_with("trailing characters"), "{text}");
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_413() {
        let body = r#"{"a": [1, 2]}"#;
        assert!(read(body, "application/json", body.len()).await.is_ok());
        let (status, text) = read(body, "application/json", body.len() - 1).await.unwrap_err();
        assert_eq!((status, text.as_str()), (413, "the body is longer than 12 bytes"));
    }

    #[tokio::test]
    async fn another_content_type_is_415() {
        assert_eq!(read("{}", "text/plain", 100).await.unwrap_err().0, 415);
    }
}
