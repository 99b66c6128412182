//! Who we are and whom we believe when SIP speaks TLS: read from files, replaced as a whole when they change.
//!
//! A connection uses what was in force at its handshake, and keeps it to its end.

pub mod files;
pub(super) mod keeper;
mod verify;
mod x509;

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::server::ClientHello;
use rustls::server::NoClientAuth;
use rustls::server::ResolvesServerCert;
use rustls::server::VerifierBuilderError;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;

use crate::io::sip::tls::files::FileFault;
use crate::io::sip::tls::files::Files;
use crate::io::sip::tls::files::Setting;
use crate::io::sip::tls::files::Shown;
use crate::io::sip::tls::files::TrunkFiles;
use crate::io::sip::tls::verify::Clients;
use crate::io::sip::tls::verify::Pinned;
use crate::io::sip::tls::verify::Servers;
use crate::io::sip::tls::x509::Facts;
use crate::io::trust;
use crate::io::trust::TrustError;
use crate::sip::config::ClientCertificates;

/// RFC 7301 and the registry of its names.
const SIP: &[u8] = b"sip";
const HTTP: &[u8] = b"http/1.1";

/// What is spoken within TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    Sip,
    /// Before it becomes a WebSocket.
    Http,
}

/// Everything that handshakes need.
#[derive(Debug)]
pub struct Tls {
    /// None without a certificate.
    server: Option<Server>,
    by_trunk: BTreeMap<String, Met>,
    expiries: Vec<Expiry>,
}

#[derive(Debug)]
struct Server {
    plain: Arc<ServerConfig>,
    sip: Arc<ServerConfig>,
    http: Arc<ServerConfig>,
}

/// How a trunk is called.
#[derive(Debug, Clone)]
pub(super) struct Met {
    /// None: its host is neither a name nor an address.
    pub(super) name: Option<ServerName<'static>>,
    pub(super) config: Arc<ClientConfig>,
}

/// When one of our certificates ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    pub path: PathBuf,
    pub at: Timestamp,
}

impl Tls {
    /// Reads every file; returns everything that is wrong with them at once.
    pub fn load(files: &Files) -> Result<Tls, Vec<FileFault>> {
        let mut faults = Vec::new();
        let mut keep = |result: Result<Shown, FileFault>| result.map_err(|fault| faults.push(fault)).ok();
        let shown: Vec<Shown> = files.certificates.iter().filter_map(|pair| keep(pair.read())).collect();
        let of_trunks: Vec<Option<Shown>> =
            files.trunks.iter().map(|trunk| trunk.pair.as_ref().and_then(|pair| keep(pair.read()))).collect();
        let server = note(server(files, &shown), &mut faults).flatten();
        let trunks = files.trunks.iter().zip(&of_trunks);
        let by_trunk = trunks.filter_map(|(trunk, shown)| {
            let config = note(client(files, trunk, shown.as_ref()), &mut faults)?;
            Some((trunk.name.clone(), Met { name: server_name(&trunk.host), config: Arc::new(config) }))
        });
        let by_trunk = by_trunk.collect();
        let all = shown.iter().chain(of_trunks.iter().flatten());
        let expiries = all.map(|shown| Expiry { path: shown.path.clone(), at: shown.facts.not_after }).collect();
        if faults.is_empty() { Ok(Tls { server, by_trunk, expiries }) } else { Err(faults) }
    }

    /// For a client that offers these protocols. ALPN is answered but not demanded: few phones know it.
    pub(super) fn server(
        &self,
        inside: Inside,
        mut offered: impl Iterator<Item = impl AsRef<[u8]>>,
    ) -> Option<Arc<ServerConfig>> {
        let server = self.server.as_ref()?;
        let (wanted, config) = match inside {
            Inside::Sip => (SIP, &server.sip),
            Inside::Http => (HTTP, &server.http),
        };
        let agreed = offered.any(|protocol| protocol.as_ref() == wanted);
        Some(Arc::clone(if agreed { config } else { &server.plain }))
    }

    pub(super) fn trunk(&self, name: &str) -> Option<&Met> {
        self.by_trunk.get(name)
    }

    /// Our certificates' last moments.
    pub fn expiries(&self) -> &[Expiry] {
        &self.expiries
    }
}

/// What a verified certificate may be called by; empty where it names nothing.
pub(super) fn names_in(certificate: &CertificateDer<'_>) -> Vec<String> {
    Facts::read(certificate).map(|facts| facts.names().map(str::to_owned).collect()).unwrap_or_default()
}

fn note<T>(result: Result<T, FileFault>, faults: &mut Vec<FileFault>) -> Option<T> {
    result.map_err(|fault| faults.push(fault)).ok()
}

/// The name that is asked for (SNI) and that the certificate must have: RFC 5922 §7.3, the domain before any look-up.
fn server_name(host: &str) -> Option<ServerName<'static>> {
    let bare = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    ServerName::try_from(bare.to_owned()).ok()
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn server(files: &Files, shown: &[Shown]) -> Result<Option<Server>, FileFault> {
    if shown.is_empty() {
        return Ok(None);
    }
    let fault = |why: TrustError| FileFault { setting: Setting::Sip("client_trust"), why: why.into() };
    let clients = clients(files).map_err(fault)?;
    let by_name = ByName(shown.iter().map(|shown| (shown.facts.clone(), Arc::clone(&shown.certified))).collect());
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| fault(error.into()))?
        .with_client_cert_verifier(clients)
        .with_cert_resolver(Arc::new(by_name));
    // Phones that all come back after a restart of the network resume without our signature.
    config.ticketer = ring::Ticketer::new().map_err(|error| fault(error.into()))?;
    let speaking = |protocols: Vec<Vec<u8>>| {
        let mut config = config.clone();
        config.alpn_protocols = protocols;
        Arc::new(config)
    };
    Ok(Some(Server {
        plain: speaking(Vec::new()),
        sip: speaking(vec![SIP.to_vec()]),
        http: speaking(vec![HTTP.to_vec()]),
    }))
}

fn clients(files: &Files) -> Result<Arc<dyn ClientCertVerifier>, TrustError> {
    let path = match (files.client_certificates, &files.client_trust) {
        (ClientCertificates::Ask | ClientCertificates::Require, Some(path)) => path,
        _ => return Ok(Arc::new(NoClientAuth)),
    };
    let (roots, pinned) = believed(RootCertStore::empty(), path)?;
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    if files.client_certificates == ClientCertificates::Ask {
        builder = builder.allow_unauthenticated();
    }
    let inner = builder.build().map_err(|error| unusable(path, &error))?;
    Ok(Arc::new(Clients { inner, pinned }))
}

/// These certificates as authorities, and themselves.
fn believed(mut roots: RootCertStore, path: &Path) -> Result<(RootCertStore, Pinned), TrustError> {
    let certificates = trust::certificates(path)?;
    trust::add(&mut roots, path, &certificates)?;
    Ok((roots, Pinned(certificates)))
}

fn unusable(path: &Path, error: &VerifierBuilderError) -> TrustError {
    TrustError::Unreadable { path: path.to_owned(), why: error.to_string() }
}

fn client(files: &Files, trunk: &TrunkFiles, shown: Option<&Shown>) -> Result<ClientConfig, FileFault> {
    let setting = || match trunk.trust {
        Some(_) => Setting::Trunk(trunk.name.clone(), "trust"),
        None => Setting::Sip("trust"),
    };
    let fault = |why: TrustError| FileFault { setting: setting(), why: why.into() };
    let verifier = servers(files, trunk).map_err(fault)?;
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| fault(error.into()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match shown {
        Some(shown) => builder.with_client_cert_resolver(Arc::new(Own(Arc::clone(&shown.certified)))),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![SIP.to_vec()];
    Ok(config)
}

fn servers(files: &Files, trunk: &TrunkFiles) -> Result<Servers, TrustError> {
    let (roots, pinned) = match (&trunk.trust, &files.trust) {
        (Some(path), _) => believed(RootCertStore::empty(), path)?,
        (None, Some(path)) => (believed(trust::public_roots(), path)?.0, Pinned::default()),
        (None, None) => (trust::public_roots(), Pinned::default()),
    };
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
    let inner = inner.build().map_err(|error| unusable(trunk.trust.as_deref().unwrap_or(Path::new("")), &error))?;
    Ok(Servers { inner, pinned })
}

/// Our certificates, chosen by the name that the client asks for. RFC 6066 §3.
#[derive(Debug)]
struct ByName(Vec<(Facts, Arc<CertifiedKey>)>);

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asked = hello.server_name();
        let fitting = asked.and_then(|name| self.0.iter().find(|(facts, _)| facts.covers(name)));
        fitting.or_else(|| self.0.first()).map(|(_, certified)| Arc::clone(certified))
    }
}

/// The one certificate that a trunk wants to see of us.
#[derive(Debug)]
struct Own(Arc<CertifiedKey>);

impl rustls::client::ResolvesClientCert for Own {
    fn resolve(&self, _: &[&[u8]], _: &[rustls::SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}
