//! Whether the other side is who it says: the TLS library's rules, and two of SIP's habits that it does not know.
//!
//! A certificate may name its domain by a URI `sip:host` instead of a host name (RFC 5922 §7.1), and two exchanges that
//! meet over self-made certificates simply hand each other theirs.

use std::sync::Arc;

use rustls::CertificateError;
use rustls::DigitallySignedStruct;
use rustls::DistinguishedName;
use rustls::Error;
use rustls::SignatureScheme;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::UnixTime;
use rustls::server::danger::ClientCertVerified;
use rustls::server::danger::ClientCertVerifier;

use crate::io::sip::tls::x509::Facts;

/// Certificates that are believed themselves, whoever signed them.
#[derive(Debug, Clone, Default)]
pub(super) struct Pinned(pub(super) Vec<CertificateDer<'static>>);

impl Pinned {
    /// None: not one of these. A handed-over certificate still ends on its day.
    fn verdict(&self, shown: &CertificateDer<'_>, now: UnixTime) -> Option<Result<(), Error>> {
        self.0.iter().find(|pinned| pinned.as_ref() == shown.as_ref())?;
        let facts = Facts::read(shown)?;
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        Some(match () {
            () if facts.not_before.as_second() > now => Err(CertificateError::NotValidYet.into()),
            () if facts.not_after.as_second() < now => Err(CertificateError::Expired.into()),
            () => Ok(()),
        })
    }
}

/// Verifies servers that we call.
#[derive(Debug)]
pub(super) struct Servers {
    pub(super) inner: Arc<WebPkiServerVerifier>,
    /// Whatever name they have: the operator named the certificate itself.
    pub(super) pinned: Pinned,
}

impl ServerCertVerifier for Servers {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(verdict) = self.pinned.verdict(end_entity, now) {
            return verdict.map(|()| ServerCertVerified::assertion());
        }
        let verdict = self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verdict {
            // The chain was found good before the name was looked at.
            // Not as RFC 5922 §7.1, §7.2: host names count beside a URI, and wildcards are taken, as carriers use them.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if is_sip_domain(end_entity, server_name) => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

fn is_sip_domain(certificate: &CertificateDer<'_>, asked: &ServerName<'_>) -> bool {
    let ServerName::DnsName(asked) = asked else {
        return false;
    };
    let facts = Facts::read(certificate);
    facts.is_some_and(|facts| facts.sip_hosts.iter().any(|host| host.eq_ignore_ascii_case(asked.as_ref())))
}

/// Verifies clients that call us.
#[derive(Debug)]
pub(super) struct Clients {
    pub(super) inner: Arc<dyn ClientCertVerifier>,
    pub(super) pinned: Pinned,
}

impl ClientCertVerifier for Clients {
    fn offer_client_auth(&self) -> bool {
        self.inner.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match self.pinned.verdict(end_entity, now) {
            Some(verdict) => verdict.map(|()| ClientCertVerified::assertion()),
            None => self.inner.verify_client_cert(end_entity, intermediates, now),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
