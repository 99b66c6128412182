//! Does the service answer: any status below 500 is a sign of life, since an API without credentials rightly says 400 or 401,
//! unless the operator says what a healthy answer looks like.
//!
//! Over plain HTTP anybody on the way can answer in the service's name. A redirect to somebody else, or another page than the
//! expected one, is then taken as what it mostly is: the page of a hotel or of a provider who wants a password or money.

use std::error::Error;
use std::io;

use reqwest::Client;
use reqwest::RequestBuilder;
use reqwest::Response;
use reqwest::header::LOCATION;
use reqwest::redirect::Attempt;
use reqwest::redirect::Policy;
use rustls::ClientConfig;

use crate::io::http::innermost;
use crate::io::probe::ProbeError;
use crate::io::probe::names::LookupError;
use crate::io::probe::names::Names;
use crate::io::probe::trouble::Trouble;
use crate::outage::fault::Fault;
use crate::outage::probe::Probe;
use crate::outage::probe::Via;

/// Enough of a page to know that it comes.
const ENOUGH: usize = 64 * 1024;

const REDIRECTS: usize = 5;

/// RFC 6585 §6.
const NETWORK_AUTHENTICATION_REQUIRED: u16 = 511;

/// What was answered, as far as it was read.
pub(super) struct Page {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    /// Where it leads, when that is somebody else.
    leads_to: Option<String>,
}

#[derive(Debug, thiserror::Error)]
#[error("too many redirects")]
struct TooManyRedirects;

pub(super) fn client(mut tls: ClientConfig, names: Names, via: Option<&Via>) -> Result<Client, ProbeError> {
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(names)
        .http1_only()
        // A connection that stayed open says nothing about new ones.
        .pool_max_idle_per_host(0)
        .redirect(Policy::custom(follow))
        .user_agent(concat!("desvio/", env!("CARGO_PKG_VERSION")));
    let builder = match via {
        Some(Via::Proxy(proxy)) => builder.proxy(reqwest::Proxy::all(format!("http://{proxy}"))?),
        Some(Via::Address(address)) => builder.no_proxy().local_address(*address),
        None => builder.no_proxy(),
    };
    Ok(builder.build()?)
}

/// Within one house; who is sent elsewhere is told so.
fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let before = attempt.previous().first().and_then(|first| first.host_str());
    let stays = before.is_none_or(|before| same_house(before, attempt.url().host_str().unwrap_or_default()));
    match attempt.previous().len() > REDIRECTS {
        _ if !stays => attempt.stop(),
        true => attempt.error(TooManyRedirects),
        false => attempt.follow(),
    }
}

fn same_house(one: &str, other: &str) -> bool {
    let inside = |inner: &str, outer: &str| inner.strip_suffix(outer).is_some_and(|rest| rest.ends_with('.'));
    let bare = |host: &str| host.strip_prefix("www.").unwrap_or(host).to_owned();
    let (one, other) = (bare(one), bare(other));
    one == other || inside(&one, &other) || inside(&other, &one)
}

pub(super) async fn visit(client: &Client, probe: &Probe) -> Result<(), Trouble> {
    let page = fetch(client.get(&probe.target), ENOUGH).await?;
    judge(probe, &page)
}

/// Bounded in bytes; the time is bounded by whoever waits.
pub(super) async fn fetch(request: RequestBuilder, most: usize) -> Result<Page, Trouble> {
    let mut response = request.send().await.map_err(|error| trouble_of(&error))?;
    let (status, leads_to) = (response.status(), leads_to(&response));
    let mut body = Vec::new();
    while body.len() < most {
        let chunk = response.chunk().await;
        let broken = |error: reqwest::Error| {
            let trouble = trouble_of(&error);
            Trouble { why: format!("the page breaks off: {}", trouble.why), ..trouble }
        };
        match chunk.map_err(broken)? {
            Some(chunk) => body.extend_from_slice(&chunk[..chunk.len().min(most - body.len())]),
            None => break,
        }
    }
    Ok(Page { status: status.as_u16(), body, leads_to })
}

pub(super) fn judge(probe: &Probe, page: &Page) -> Result<(), Trouble> {
    let plain = probe.target.starts_with("http://");
    let strange = |fault: Fault, why: String| {
        let fault = if plain { Fault::CaptivePortal } else { fault };
        Err(Trouble::new(fault, why))
    };
    if page.status == NETWORK_AUTHENTICATION_REQUIRED {
        return Err(Trouble::new(Fault::CaptivePortal, "the network wants a sign-in first: status 511"));
    }
    if let Some(elsewhere) = &page.leads_to
        && (plain || probe.contains.is_some())
    {
        return strange(Fault::Redirect, format!("it leads to {elsewhere} instead"));
    }
    let accepted = match probe.status.is_empty() {
        true => page.status < 500,
        false => probe.status.contains(&page.status),
    };
    if !accepted {
        let why = format!("status {}", page.status);
        return match page.status < 500 {
            true => strange(Fault::Status(page.status), why),
            false => Err(Trouble::new(Fault::Status(page.status), why)),
        };
    }
    match &probe.contains {
        Some(wanted) if !has(&page.body, wanted.as_bytes()) => {
            strange(Fault::WrongBody, format!("the page does not contain `{wanted}`"))
        }
        _ => Ok(()),
    }
}

fn leads_to(response: &Response) -> Option<String> {
    let location = response.headers().get(LOCATION).filter(|_| response.status().is_redirection())?;
    let there = response.url().join(location.to_str().ok()?).ok()?;
    let there = there.host_str()?;
    let elsewhere = !same_house(response.url().host_str().unwrap_or_default(), there);
    elsewhere.then(|| there.to_owned())
}

fn has(body: &[u8], wanted: &[u8]) -> bool {
    wanted.is_empty() || body.windows(wanted.len()).any(|window| window == wanted)
}

/// What is at the bottom of it: the lookup, the connection, the handshake, or the answer.
fn trouble_of(error: &reqwest::Error) -> Trouble {
    let mut cause: &dyn Error = error;
    loop {
        if let Some(LookupError(trouble)) = cause.downcast_ref() {
            return trouble.clone();
        }
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return Trouble::of_tls(tls);
        }
        if cause.is::<TooManyRedirects>() {
            return Trouble::new(Fault::Redirect, cause.to_string());
        }
        match (cause.source(), cause.downcast_ref::<io::Error>()) {
            // An io::Error that wraps another does not show it as its source.
            (None, Some(io)) => return Trouble::of_io(io),
            (Some(deeper), _) => cause = deeper,
            (None, None) => break,
        }
    }
    let fault = if error.is_connect() { Fault::Other } else { Fault::WrongBody };
    Trouble::new(fault, innermost(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_house_is_a_name_and_what_lies_below_it() {
        assert!(same_house("www.a.example", "a.example"));
        assert!(same_house("a.example", "login.a.example"));
        assert!(same_house("login.a.example", "a.example"));
        assert!(!same_house("a.example", "portal.hotel.example"));
        assert!(!same_house("nota.example", "a.example"));
    }
}
