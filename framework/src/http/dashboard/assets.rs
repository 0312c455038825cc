//! The files of the page, which are in the binary.

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};

/// The page may load what this server has beside it, and nothing else; no inline script or style, no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const JS: &str = "text/javascript; charset=utf-8";

macro_rules! files {
    ($($name:literal, $kind:expr;)*) => {
        &[$(($name, $kind, include_str!(concat!("page/", $name)))),*]
    };
}

/// Name, type and text of each file below `_ostraca/`.
pub(super) const FILES: &[(&str, &str, &str)] = files! {
    "style.css", "text/css; charset=utf-8";
    "icon.svg", "image/svg+xml";
    "main.js", JS;
    "actors.js", JS;
    "charts.js", JS;
    "dom.js", JS;
    "format.js", JS;
    "handlers.js", JS;
    "machine.js", JS;
    "overview.js", JS;
    "stores.js", JS;
};

const PAGE: &str = include_str!("page/index.html");
const DOOR: &str = include_str!("page/door.html");

/// The page itself.
pub(super) fn page() -> HttpResponse {
    guarded(HttpResponse::Ok()).content_type(ContentType::html()).body(PAGE)
}

/// The form for the token, with what there is to say.
pub(super) fn door(says: &str) -> HttpResponse {
    guarded(HttpResponse::Unauthorized())
        .insert_header(("www-authenticate", "Bearer"))
        .content_type(ContentType::html())
        .body(DOOR.replace("{says}", says))
}

/// A file by its name. They hold nothing of the system, so that everybody may have them: the form needs some.
pub(super) fn file(name: &str) -> Option<HttpResponse> {
    let (_, kind, text) = FILES.iter().find(|(known, _, _)| *known == name)?;
    Some(guarded(HttpResponse::Ok()).content_type(*kind).body(*text))
}

/// With the headers that everything here has.
pub(super) fn guarded(mut response: actix_web::HttpResponseBuilder) -> actix_web::HttpResponseBuilder {
    response
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header(("cross-origin-resource-policy", "same-origin"))
        // An update of the service is seen at once, and no number is kept anywhere.
        .insert_header((CACHE_CONTROL, "no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_weighs_less_than_150_kilobytes() {
        let files: usize = FILES.iter().map(|(_, _, text)| text.len()).sum();
        let weight = PAGE.len() + files;
        assert!(weight <= 150_000, "{weight} bytes");
    }

    #[test]
    fn the_page_names_only_files_that_there_are_and_no_other_host() {
        let texts =
            FILES.iter().map(|(name, _, text)| (*name, *text)).chain([("page", PAGE), ("door", DOOR)]);
        for (name, text) in texts {
            for line in text.lines() {
                let is_a_reference =
                    line.trim_start().starts_with("//") || line.contains("http://www.w3.org/");
                assert!(is_a_reference || !line.contains("://"), "{name}: {line}");
                assert!(!line.contains("style=") && !line.contains("onclick="), "{name}: {line}: inline");
                if let Some((_, from)) = line.split_once(" from \"./") {
                    let file = from.split('"').next().unwrap();
                    assert!(FILES.iter().any(|(known, ..)| *known == file), "{name}: there is no {file}");
                }
            }
        }
    }
}
