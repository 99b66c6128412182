//! An authority of the test's own, and what it signs.

use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CertifiedIssuer;
use rcgen::IsCa;
use rcgen::KeyPair;
use rcgen::SanType;

pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

impl Authority {
    pub(super) fn new() -> Authority {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("desvio-tls-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(folder.join("ca.pem"), issuer.pem()).unwrap();
        Authority { issuer, folder }
    }

    /// Where its own certificate lies.
    pub(super) fn pem(&self) -> String {
        self.path("ca.pem")
    }

    pub(super) fn path(&self, file: &str) -> String {
        self.folder.join(file).display().to_string()
    }

    /// Signs `file`.pem for this name, with its key in `file`.key; the two keys of the configuration that name them.
    pub(super) fn issue(&self, file: &str, name: &str) -> String {
        self.issue_with(file, |params| params.subject_alt_names.push(SanType::DnsName(name.try_into().unwrap())))
    }

    pub(super) fn issue_with(&self, file: &str, wish: impl FnOnce(&mut CertificateParams)) -> String {
        let mut params = CertificateParams::default();
        wish(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.folder.join(format!("{file}.pem")), certificate.pem()).unwrap();
        std::fs::write(self.folder.join(format!("{file}.key")), key.serialize_pem()).unwrap();
        self.pair(file)
    }

    /// Signed by itself, as `openssl req -x509` makes it: an authority of its own.
    pub(super) fn self_signed(&self, file: &str, name: &str) -> String {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(self.folder.join(format!("{file}.pem")), certificate.pem()).unwrap();
        std::fs::write(self.folder.join(format!("{file}.key")), key.serialize_pem()).unwrap();
        self.pair(file)
    }

    fn pair(&self, file: &str) -> String {
        let (pem, key) = (self.path(&format!("{file}.pem")), self.path(&format!("{file}.key")));
        format!("certificate = \"{pem}\"\ncertificate_key = \"{key}\"\n")
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
