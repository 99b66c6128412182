//! Asks the service itself, with the business's own credential, or reads what it says of itself on its status page.

use jiff::Timestamp;
use reqwest::Client;

use crate::io::probe::page;
use crate::io::probe::trouble::Trouble;
use crate::outage::Layer;
use crate::outage::fault::Fault;
use crate::outage::probe::Probe;
use crate::outage::reading::Answered;

/// Status pages of whole companies are long.
const LARGEST: usize = 1024 * 1024;

/// One outcome for each service that the answer speaks of; the credential stands in no outcome.
pub(super) async fn ask(client: &Client, probe: &Probe) -> Result<Vec<(Option<String>, Result<(), Trouble>)>, Trouble> {
    let mut request = client.get(probe.filled_target());
    if let Some(token) = probe.bearer() {
        request = request.bearer_auth(&token.0);
    }
    let page = page::fetch(request, LARGEST).await?;
    let Some(reading) = probe.reads else {
        return Ok(vec![(None, without_reading(probe, &page))]);
    };
    let answered =
        Answered { status: page.status, body: &page.body, service: probe.service.as_deref(), wall: Timestamp::now() };
    let findings = reading.read(&answered).map_err(|unreadable| Trouble::new(Fault::WrongBody, unreadable.0))?;
    let outcomes = findings.into_iter().map(|finding| {
        let is = finding.is.map_err(|(fault, why)| Trouble::new(fault, why));
        (finding.service, is)
    });
    Ok(outcomes.collect())
}

/// Whoever is asked with a credential and refuses it is there.
fn without_reading(probe: &Probe, page: &page::Page) -> Result<(), Trouble> {
    let said = format!("status {}", page.status);
    match page.status {
        401 | 403 if probe.layer == Layer::Api && probe.status.is_empty() => {
            Err(Trouble::new(Fault::CredentialRefused, said))
        }
        429 if probe.status.is_empty() => Err(Trouble::new(Fault::Throttled, said)),
        _ => page::judge(probe, page),
    }
}
