//! Does the service answer: any status below 500 is a sign of life, since an API without credentials rightly says 400 or 401.

use reqwest::Client;
use reqwest::redirect::Policy;
use rustls::ClientConfig;

use crate::io::http::innermost;
use crate::io::probe::ProbeError;
use crate::io::probe::dns::Names;

/// Enough of a page to know that it comes.
const ENOUGH: usize = 64 * 1024;

const REDIRECTS: usize = 5;

pub(super) fn client(mut tls: ClientConfig, names: Names) -> Result<Client, ProbeError> {
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let client = Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(names)
        .no_proxy()
        .http1_only()
        // A connection that stayed open says nothing about new ones.
        .pool_max_idle_per_host(0)
        .redirect(Policy::limited(REDIRECTS))
        .user_agent(concat!("desvio/", env!("CARGO_PKG_VERSION")))
        .build()?;
    Ok(client)
}

pub(super) async fn fetch(client: &Client, url: &str) -> Result<(), String> {
    let sent = client.get(url).send().await;
    let mut response = sent.map_err(|error| innermost(&error))?;
    let status = response.status();
    if status.is_server_error() {
        return Err(format!("status {}", status.as_u16()));
    }
    let mut read = 0;
    while read < ENOUGH {
        let chunk = response.chunk().await;
        match chunk.map_err(|error| format!("the page breaks off: {}", innermost(&error)))? {
            Some(chunk) => read += chunk.len(),
            None => break,
        }
    }
    Ok(())
}
