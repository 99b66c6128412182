//! Where certificates, keys and authorities lie, read from disk with every fault named by the setting that is to blame.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem;
use rustls::pki_types::pem::PemObject;
use rustls::sign::CertifiedKey;

use crate::io::sip::tls::x509::Facts;
use crate::io::trust::TrustError;
use crate::sip::config::ClientCertificates;
use crate::sip::config::Config;
use crate::switch::trunk;

/// Every file that TLS needs, as the process opens it.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// The first is shown to whoever asks for no name, or for one that none has.
    pub(super) certificates: Vec<Pair>,
    pub(super) trust: Option<PathBuf>,
    pub(super) client_certificates: ClientCertificates,
    pub(super) client_trust: Option<PathBuf>,
    pub(super) trunks: Vec<TrunkFiles>,
}

/// A certificate chain and its key.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) setting: Setting,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// How we meet one trunk.
#[derive(Debug, Clone)]
pub(super) struct TrunkFiles {
    pub(super) name: String,
    pub(super) host: String,
    pub(super) pair: Option<Pair>,
    /// Believed instead of all others.
    pub(super) trust: Option<PathBuf>,
}

/// Which line of the configuration names a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// A key under `[sip]`.
    Sip(&'static str),
    /// The nth of `[[sip.certificates]]`.
    Certificates(usize),
    /// A key of the `[[trunk]]` with this name.
    Trunk(String, &'static str),
}

/// What is wrong with one file.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: {why}")]
pub struct FileFault {
    pub setting: Setting,
    pub why: Why,
}

#[derive(Debug, thiserror::Error)]
pub enum Why {
    #[error("cannot read `{}`: {why}", path.display())]
    Unreadable { path: PathBuf, why: String },
    #[error("there is no certificate in `{}`", .0.display())]
    NoCertificate(PathBuf),
    #[error("`{}` holds no certificate that can be used: {why}", path.display())]
    BadCertificate { path: PathBuf, why: String },
    #[error("there is no private key in `{}`", .0.display())]
    NoKey(PathBuf),
    #[error("the key in `{}` cannot be used: {why}", path.display())]
    BadKey { path: PathBuf, why: String },
    #[error("the key in `{}` does not belong to the certificate in `{}`", key.display(), certificate.display())]
    Mismatch { certificate: PathBuf, key: PathBuf },
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl Why {
    /// What to do about it.
    pub fn mend(&self) -> String {
        match self {
            Why::Unreadable { path, .. } | Why::NoCertificate(path) | Why::BadCertificate { path, .. } => {
                let key = path.with_extension("key");
                format!("a pair for trying out is made by: {}", self_signed("sip.example.com", path, &key))
            }
            Why::NoKey(_) | Why::BadKey { .. } => {
                "the file begins with -----BEGIN PRIVATE KEY----- (RSA, EC or Ed25519, without a password)".to_owned()
            }
            Why::Mismatch { .. } => "both must come from the same request to the authority".to_owned(),
            Why::Trust(_) => "the file holds one or more -----BEGIN CERTIFICATE----- blocks".to_owned(),
        }
    }
}

/// The line that makes a certificate of one's own.
pub fn self_signed(host: &str, certificate: &Path, key: &Path) -> String {
    format!(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj /CN={host} \
         -addext subjectAltName=DNS:{host} -keyout {} -out {}",
        key.display(),
        certificate.display()
    )
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Setting::Sip(key) => write!(f, "`[sip] {key}`"),
            Setting::Certificates(index) => write!(f, "`[[sip.certificates]]` {}", index + 1),
            Setting::Trunk(name, key) => write!(f, "`{key}` of trunk `{name}`"),
        }
    }
}

impl Files {
    /// `base`: where relative paths of the configuration start.
    pub fn new(sip: &Config, trunks: &[trunk::Config], base: &Path) -> Files {
        let pair = |setting: Setting, certificate: &Path, key: &Path| Pair {
            setting,
            certificate: base.join(certificate),
            key: base.join(key),
        };
        let first = sip.certificate.as_deref().zip(sip.certificate_key.as_deref());
        let first = first.map(|(certificate, key)| pair(Setting::Sip("certificate"), certificate, key));
        let further = sip.certificates.iter().enumerate();
        let further = further
            .map(|(index, files)| pair(Setting::Certificates(index), &files.certificate, &files.certificate_key));
        let of_trunk =
            |trunk: &trunk::Config| TrunkFiles {
                name: trunk.name.clone(),
                host: trunk.host.clone(),
                pair: trunk.certificate.as_deref().zip(trunk.certificate_key.as_deref()).map(|(certificate, key)| {
                    pair(Setting::Trunk(trunk.name.clone(), "certificate"), certificate, key)
                }),
                trust: trunk.trust.as_deref().map(|path| base.join(path)),
            };
        Files {
            certificates: first.into_iter().chain(further).collect(),
            trust: sip.trust.as_deref().map(|path| base.join(path)),
            client_certificates: sip.client_certificates,
            client_trust: sip.client_trust.as_deref().map(|path| base.join(path)),
            trunks: trunks.iter().map(of_trunk).collect(),
        }
    }

    /// What changes when a file is written anew; a file that is missing has none.
    pub(super) fn stamps(&self) -> Vec<Option<(SystemTime, u64)>> {
        let pairs = self.certificates.iter().chain(self.trunks.iter().filter_map(|trunk| trunk.pair.as_ref()));
        let of_pairs = pairs.flat_map(|pair| [&pair.certificate, &pair.key]);
        let trusts = [&self.trust, &self.client_trust].into_iter().chain(self.trunks.iter().map(|trunk| &trunk.trust));
        of_pairs.chain(trusts.flatten()).map(|path| stamp(path)).collect()
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// A certificate with its key, and what stands in it.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) certified: Arc<CertifiedKey>,
    pub(super) facts: Facts,
    pub(super) path: PathBuf,
}

impl Pair {
    pub(super) fn read(&self) -> Result<Shown, FileFault> {
        self.try_read().map_err(|why| FileFault { setting: self.setting.clone(), why })
    }

    fn try_read(&self) -> Result<Shown, Why> {
        let chain = certificates(&self.certificate)?;
        let bad = |why: &str| Why::BadCertificate { path: self.certificate.clone(), why: why.to_owned() };
        let facts = chain.first().and_then(|first| Facts::read(first)).ok_or_else(|| bad("it is no X.509"))?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| match error {
            pem::Error::NoItemsFound => Why::NoKey(self.key.clone()),
            pem::Error::Io(error) => unreadable(&self.key, &error),
            error => Why::BadKey { path: self.key.clone(), why: error.to_string() },
        })?;
        let signer = ring::sign::any_supported_type(&key)
            .map_err(|error| Why::BadKey { path: self.key.clone(), why: error.to_string() })?;
        let certified = CertifiedKey::new(chain, signer);
        match certified.keys_match() {
            // Not every kind of key tells its public half: the first handshake will show it.
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
            Err(rustls::Error::InconsistentKeys(_)) => {
                return Err(Why::Mismatch { certificate: self.certificate.clone(), key: self.key.clone() });
            }
            Err(error) => return Err(bad(&error.to_string())),
        }
        Ok(Shown { certified: Arc::new(certified), facts, path: self.certificate.clone() })
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Why> {
    let text = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|error| Why::BadCertificate { path: path.to_owned(), why: error.to_string() })?;
    if chain.is_empty() { Err(Why::NoCertificate(path.to_owned())) } else { Ok(chain) }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Why {
    Why::Unreadable { path: path.to_owned(), why: error.to_string() }
}
