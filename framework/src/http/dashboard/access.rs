//! Who may see the dashboard.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, COOKIE, FORWARDED, HOST, VIA};
use subtle::ConstantTimeEq;
use thiserror::Error;

/// Who may see the dashboard. Registered by `app_data(..)` of the app, as [`DeadlineMax`](crate::http::DeadlineMax) is;
/// where there is none, it is [`Dashboard::default`].
///
/// ```
/// # fn configure(app: &mut actix_web::web::ServiceConfig) -> Result<(), Box<dyn std::error::Error>> {
/// # let secret = "0123456789abcdef";
/// app.app_data(ostraca::http::Dashboard::with_token(secret)?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Dashboard(Who);

#[derive(Clone, Default)]
enum Who {
    /// Requests of this machine, to this machine, by no proxy.
    #[default]
    Loopback,
    Token(Arc<str>),
    Nobody,
}

/// A token that is too easy to guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "the dashboard's token has {len} bytes: give it {TOKEN_LEN_MIN} or more, such as `openssl rand -hex 16` makes"
)]
pub struct TokenError {
    len: usize,
}

/// The shortest token, in bytes.
const TOKEN_LEN_MIN: usize = 16;

/// The cookie that a browser shows after it has given the token, in hexadecimal.
const COOKIE_NAME: &str = "ostraca_dashboard";

/// Why a request is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// There is no dashboard.
    Off,
    /// It has no token, or a wrong one.
    Token,
    /// It is not of this machine, and there is no token that would help.
    NotLocal,
}

impl Dashboard {
    /// Whoever shows this token, from anywhere: in a browser by the form that it gets, elsewhere by the header
    /// `authorization: Bearer ..`. Being on this machine is then not enough.
    ///
    /// # Errors
    ///
    /// When it has less than 16 bytes.
    pub fn with_token(token: impl Into<Arc<str>>) -> Result<Self, TokenError> {
        let token = token.into();
        match token.len() {
            len if len < TOKEN_LEN_MIN => Err(TokenError { len }),
            _ => Ok(Dashboard(Who::Token(token))),
        }
    }

    /// Nobody: its addresses are 404.
    pub fn off() -> Self {
        Dashboard(Who::Nobody)
    }

    pub(super) fn of(request: &HttpRequest) -> Self {
        request.app_data().cloned().unwrap_or_default()
    }

    /// Whether a request may see it.
    pub(super) fn check(&self, request: &HttpRequest) -> Result<(), Denied> {
        match &self.0 {
            Who::Nobody => Err(Denied::Off),
            Who::Loopback if is_local(request) => Ok(()),
            Who::Loopback => Err(Denied::NotLocal),
            Who::Token(token) => {
                let is_shown = bearer(request).is_some_and(|shown| is_same(token, shown))
                    || cookies(request).any(|shown| is_same(&hex(token), shown));
                if is_shown { Ok(()) } else { Err(Denied::Token) }
            }
        }
    }

    /// The cookie for a browser whose user gave this token; `None` if it is not the token.
    pub(super) fn cookie(&self, given: &str, path: &str) -> Option<String> {
        let Who::Token(token) = &self.0 else { return None };
        // Not `Secure`: behind a proxy that ends TLS the browser would be told so by HTTP, and over plain HTTP it would
        // not come back.
        is_same(token, given)
            .then(|| format!("{COOKIE_NAME}={}; Path={path}; HttpOnly; SameSite=Strict", hex(token)))
    }
}

/// In a time that does not tell how much of it is right; it tells whether the length is.
fn is_same(token: &str, shown: &str) -> bool {
    token.as_bytes().ct_eq(shown.as_bytes()).into()
}

fn hex(token: &str) -> String {
    token.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookies(request: &HttpRequest) -> impl Iterator<Item = &str> {
    let headers = request.headers().get_all(COOKIE).filter_map(|header| header.to_str().ok());
    let pairs = headers.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value)
}

/// Whether a request comes from this machine, for this machine, and not by way of a proxy on it.
///
/// The `Host` is looked at because a page from elsewhere can give its own name the address of this machine, and then
/// read what is here as its own (DNS rebinding).
fn is_local(request: &HttpRequest) -> bool {
    let is_loopback = |address: IpAddr| address.to_canonical().is_loopback();
    let is_peer_here = request.peer_addr().is_some_and(|peer| is_loopback(peer.ip()));
    let is_forwarded = ["x-forwarded-for", "x-forwarded-host", "x-real-ip"]
        .iter()
        .any(|name| request.headers().contains_key(*name))
        || request.headers().contains_key(FORWARDED)
        || request.headers().contains_key(VIA);
    // HTTP/2 has it in the address.
    let host = match request.headers().get(HOST) {
        Some(host) => host.to_str().ok(),
        None => request.uri().authority().map(|authority| authority.as_str()),
    };
    let is_for_here = host.map(without_port).is_some_and(|host| {
        host.eq_ignore_ascii_case("localhost")
            || host.to_ascii_lowercase().ends_with(".localhost")
            || host.trim_matches(['[', ']']).parse().is_ok_and(is_loopback)
    });
    is_peer_here && !is_forwarded && is_for_here
}

/// `[::1]:80` and `localhost:80` without the port.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    const TOKEN: &str = "correct horse battery";

    fn from(peer: &str, host: &str) -> TestRequest {
        TestRequest::default().peer_addr(peer.parse().unwrap()).insert_header((HOST, host))
    }

    fn default_check(request: TestRequest) -> Result<(), Denied> {
        Dashboard::default().check(&request.to_http_request())
    }

    #[test]
    fn by_default_it_is_for_this_machine_alone() {
        for (peer, host) in [
            ("127.0.0.1:4", "localhost:8080"),
            ("127.9.9.9:4", "127.0.0.1"),
            ("[::1]:4", "[::1]:8080"),
            ("[::ffff:127.0.0.1]:4", "LOCALHOST"),
            ("127.0.0.1:4", "shop.localhost:80"),
        ] {
            assert_eq!(default_check(from(peer, host)), Ok(()), "{peer} {host}");
        }
        for (peer, host) in [
            ("10.0.0.7:4", "localhost"),
            ("[2001:db8::1]:4", "localhost"),
            ("127.0.0.1:4", "evil.example"),
            ("127.0.0.1:4", "localhost.evil.example:80"),
            ("127.0.0.1:4", "127.0.0.1.evil.example"),
            ("127.0.0.1:4", ""),
        ] {
            assert_eq!(default_check(from(peer, host)), Err(Denied::NotLocal), "{peer} {host}");
        }
        assert_eq!(
            default_check(TestRequest::default().insert_header((HOST, "localhost"))),
            Err(Denied::NotLocal)
        );
    }

    #[test]
    fn a_proxy_on_this_machine_is_not_this_machine() {
        for header in ["x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via"] {
            let request = from("127.0.0.1:4", "localhost").insert_header((header, "127.0.0.1"));
            assert_eq!(default_check(request), Err(Denied::NotLocal), "{header}");
        }
    }

    #[test]
    fn a_token_is_asked_of_everybody() {
        let access = Dashboard::with_token(TOKEN).unwrap();
        let check = |request: TestRequest| access.check(&request.to_http_request());
        let local = || from("127.0.0.1:4", "localhost");
        let far = || from("10.0.0.7:4", "shop.example");
        assert_eq!(check(local()), Err(Denied::Token));
        for wrong in
            ["Bearer nonsense", "Bearer correct horse batter", "Basic correct horse battery", "Bearer"]
        {
            assert_eq!(check(far().insert_header((AUTHORIZATION, wrong))), Err(Denied::Token), "{wrong}");
        }
        assert_eq!(check(far().insert_header((AUTHORIZATION, format!("bearer {TOKEN}")))), Ok(()));
    }

    #[test]
    fn a_browser_that_gave_the_token_is_known_by_its_cookie() {
        let access = Dashboard::with_token(TOKEN).unwrap();
        assert_eq!(access.cookie("correct horse batterz", "/_ostraca"), None);
        let cookie = access.cookie(TOKEN, "/_ostraca").unwrap();
        assert!(cookie.ends_with("; Path=/_ostraca; HttpOnly; SameSite=Strict"), "{cookie}");
        assert!(!cookie.contains(TOKEN), "it may hold what a cookie may not");
        let (pair, _) = cookie.split_once(';').unwrap();
        let check = |header: String| {
            let request = from("10.0.0.7:4", "shop.example").insert_header((COOKIE, header));
            access.check(&request.to_http_request())
        };
        assert_eq!(check(format!("theme=dark; {pair}")), Ok(()));
        assert_eq!(check(format!("{pair}0")), Err(Denied::Token));
        assert_eq!(check(format!("other{pair}")), Err(Denied::Token));
    }

    #[test]
    fn a_short_token_is_refused_and_off_is_off() {
        let error = Dashboard::with_token("short").err().unwrap();
        assert!(error.to_string().contains("5 bytes"), "{error}");
        let request = from("127.0.0.1:4", "localhost").to_http_request();
        assert_eq!(Dashboard::off().check(&request), Err(Denied::Off));
        assert_eq!(Dashboard::default().cookie(TOKEN, "/"), None, "there is no token to give");
    }
}
