//! Whom we believe when we speak TLS as a client: the public authorities inside the binary, and files of the operator's own.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error("cannot read certificates from `{}`: {why}", path.display())]
    Unreadable { path: PathBuf, why: String },
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// `extra`: a PEM file with further authorities, for stand-ins and companies with their own.
pub fn client_config(extra: Option<&Path>) -> Result<ClientConfig, TrustError> {
    let mut roots = public_roots();
    if let Some(path) = extra {
        add(&mut roots, path, &certificates(path)?)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// The authorities that browsers believe.
pub(in crate::io) fn public_roots() -> RootCertStore {
    RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned())
}

/// Every certificate of a PEM file; at least one.
pub(in crate::io) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let unreadable = |why: String| TrustError::Unreadable { path: path.to_owned(), why };
    let read = CertificateDer::pem_file_iter(path).map_err(|why| unreadable(why.to_string()))?;
    let certificates: Result<Vec<_>, _> = read.collect();
    let certificates = certificates.map_err(|why| unreadable(why.to_string()))?;
    match certificates.is_empty() {
        true => Err(unreadable("no certificate in it".to_owned())),
        false => Ok(certificates),
    }
}

/// Believes these as authorities; `path` is where they came from.
pub(in crate::io) fn add(
    roots: &mut RootCertStore,
    path: &Path,
    certificates: &[CertificateDer<'static>],
) -> Result<(), TrustError> {
    let unreadable = |why: String| TrustError::Unreadable { path: path.to_owned(), why };
    certificates
        .iter()
        .try_for_each(|certificate| roots.add(certificate.clone()).map_err(|why| unreadable(why.to_string())))
}
