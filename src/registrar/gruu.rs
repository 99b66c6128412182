//! Names that reach exactly one device, wherever it is: RFC 5627.
//!
//! A public GRUU tells the extension and the device. A temporary one tells nobody anything but us: it is what it means,
//! encrypted and sealed, so none of them has to be remembered. The cipher is a synthetic IV (the seal itself) and HMAC-SHA256
//! as its stream: 20 octets and an extension's number are all that it ever has to hide.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use sha2::Sha256;

use crate::registrar::binding::Kept;
use crate::sip::uri::Uri;

/// Makes and reads them, for one domain and one run of the server.
pub(super) struct Gruus {
    domain: String,
    sealing: Hmac<Sha256>,
    hiding: Hmac<Sha256>,
}

/// Whom a GRUU means, if it is one of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meant {
    pub(super) extension: String,
    device: Device,
}

/// A temporary GRUU that we did not make, or not in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotOurs;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Device {
    /// `<urn:uuid:…>`
    Instance(String),
    /// Hashes of its instance and of the Call-ID that it registered with.
    Sealed { instance: [u8; HASH], call_id: [u8; HASH] },
}

const HASH: usize = 8;
const SEAL: usize = 12;
/// Which registration it was made for, so that each is another; then the two hashes; the extension follows.
const FIXED: usize = 4 + 2 * HASH;
/// Numbers of extensions are short; nothing longer is hidden.
const LONGEST_EXTENSION: usize = 32;
/// How the user part of a temporary GRUU begins. RFC 5627 appendix A has the same habit.
const PREFIX: &str = "tgruu.";

impl Gruus {
    pub(super) fn new(domain: &str, key: &[u8; 32]) -> Gruus {
        let derived = |purpose: &[u8]| {
            let mut keyed = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
            keyed.update(purpose);
            Hmac::<Sha256>::new_from_slice(&keyed.finalize().into_bytes()).expect("HMAC takes keys of any length")
        };
        Gruus { domain: domain.to_owned(), sealing: derived(b"gruu seal"), hiding: derived(b"gruu stream") }
    }

    /// `;pub-gruu="…";temp-gruu="…"` for the Contact of a device that names itself; else nothing. RFC 5627 §5.3.
    pub(super) fn params(&self, extension: &str, kept: &Kept) -> String {
        let Some(instance) = kept.instance().and_then(plain_urn) else {
            return String::new();
        };
        let public = Uri::sip(Some(extension), &self.domain, None);
        let mut params = format!(";pub-gruu=\"{public};gr={instance}\"");
        if extension.len() <= LONGEST_EXTENSION {
            let user = self.temporary(extension, kept);
            params.push_str(&format!(";temp-gruu=\"sip:{user}@{};gr\"", public.host_text()));
        }
        params
    }

    /// RFC 5627 §5.4: whom the Request-URI means, if it is a GRUU.
    pub(super) fn read(&self, uri: &Uri) -> Option<Result<Meant, NotOurs>> {
        if !uri.params.has("gr") {
            return None;
        }
        let user = uri.user_text()?;
        match uri.param("gr") {
            Some(instance) => {
                let device = Device::Instance(format!("<{instance}>"));
                Some(Ok(Meant { extension: user.into_owned(), device }))
            }
            None => Some(self.opened(user.strip_prefix(PREFIX)?).ok_or(NotOurs)),
        }
    }

    /// Whether this is the device that is meant. A temporary GRUU dies with the Call-ID that it was made under, RFC 5627 §3.1.
    pub(super) fn is_meant(&self, meant: &Meant, kept: &Kept) -> bool {
        match &meant.device {
            Device::Instance(instance) => kept.instance() == Some(instance),
            Device::Sealed { instance, call_id } => {
                kept.instance().is_some_and(|own| self.hash(own) == *instance) && self.hash(&kept.call_id) == *call_id
            }
        }
    }

    fn temporary(&self, extension: &str, kept: &Kept) -> String {
        let instance = self.hash(kept.instance().unwrap_or_default());
        let plain = [&kept.cseq.to_be_bytes()[..], &instance, &self.hash(&kept.call_id), extension.as_bytes()].concat();
        let seal = self.seal(&plain);
        let hidden = self.xored(&seal, &plain);
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode([&seal[..], &hidden].concat()))
    }

    fn opened(&self, text: &str) -> Option<Meant> {
        let mut bytes = [0; SEAL + FIXED + LONGEST_EXTENSION];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        let (seal, hidden) = bytes.get(..length)?.split_first_chunk::<SEAL>()?;
        let plain = self.xored(seal, hidden);
        let mut keyed = self.sealing.clone();
        keyed.update(&plain);
        keyed.verify_truncated_left(seal).ok()?;
        let (fixed, extension) = plain.split_first_chunk::<FIXED>()?;
        let [_, _, _, _, hashes @ ..] = fixed;
        let (instance, call_id) = hashes.split_first_chunk::<HASH>()?;
        Some(Meant {
            extension: String::from_utf8(extension.to_vec()).ok()?,
            device: Device::Sealed { instance: *instance, call_id: *call_id.first_chunk::<HASH>()? },
        })
    }

    fn seal(&self, plain: &[u8]) -> [u8; SEAL] {
        let mut keyed = self.sealing.clone();
        keyed.update(plain);
        *keyed.finalize().into_bytes().first_chunk::<SEAL>().expect("32 octets begin with 12")
    }

    fn hash(&self, text: &str) -> [u8; HASH] {
        let mut keyed = self.sealing.clone();
        keyed.update(b"hash ");
        keyed.update(text.as_bytes());
        *keyed.finalize().into_bytes().first_chunk::<HASH>().expect("32 octets begin with 8")
    }

    /// Hides or shows: the same either way.
    fn xored(&self, seal: &[u8; SEAL], text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        for (number, block) in (0_u8..).zip(text.chunks(32)) {
            let mut keyed = self.hiding.clone();
            keyed.update(seal);
            keyed.update(&[number]);
            out.extend(block.iter().zip(keyed.finalize().into_bytes()).map(|(one, other)| one ^ other));
        }
        out
    }
}

/// `urn:uuid:…` out of `<urn:uuid:…>`; none for what would have to be escaped in a URI.
fn plain_urn(instance: &str) -> Option<&str> {
    let urn = instance.strip_prefix('<')?.strip_suffix('>')?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b":-._+/".contains(&byte);
    (!urn.is_empty() && urn.bytes().all(fits)).then_some(urn)
}

impl std::fmt::Debug for Gruus {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Gruus").field("domain", &self.domain).finish_non_exhaustive()
    }
}
