//! Who we are to those that shake hands: one certificate that signs itself, for the life of the process.
//!
//! Nobody checks it against an authority; its fingerprint stands in our descriptions. RFC 5763 §5.

use std::fmt;

use rtc_dtls::crypto::Certificate;
use rtc_dtls::crypto_provider::RTCCryptoProvider;
use rtc_dtls::crypto_provider::default_provider;
use sha2::Digest;
use sha2::Sha256;
use std::sync::Arc;

use crate::media::security::Fingerprint;
use crate::media::security::HashKind;

pub(in crate::io::media) struct Identity {
    pub(super) certificate: Certificate,
    pub(super) provider: Arc<dyn RTCCryptoProvider>,
    fingerprint: Fingerprint,
}

impl Identity {
    /// ECDSA on P-256, which every browser knows.
    pub(in crate::io::media) fn generate() -> Result<Identity, String> {
        let provider = default_provider().map_err(|fault| fault.to_string())?;
        let certificate = Certificate::generate_self_signed(vec!["desvio".to_owned()], provider.crypto());
        let certificate = certificate.map_err(|fault| fault.to_string())?;
        let der = certificate.certificate.first().ok_or("no certificate was made")?;
        let digest = Sha256::digest(der.as_ref());
        let fingerprint = Fingerprint::new(HashKind::Sha256, &digest).ok_or("a digest of another length")?;
        Ok(Identity { certificate, provider, fingerprint })
    }

    pub(in crate::io::media) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.fingerprint)
    }
}
