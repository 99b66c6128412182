//! The phones that are registered, as documents.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

/// A phone that is registered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Registration)]
#[serde(deny_unknown_fields)]
pub struct RegistrationDocument {
    /// As in `[[extension]]`.
    pub extension: String,
    /// Where it says that it can be reached.
    pub contact: String,
    /// `udp`, `tcp`, `tls`, `ws` or `wss`.
    pub transport: String,
    /// Address and port where it is really reached.
    pub address: String,
    /// When it ends unless the phone renews it.
    #[schema(value_type = String, format = DateTime)]
    pub expires: Timestamp,
    /// Its preference among the phones of the extension, 0 to 1000; the `q` of its Contact.
    pub priority: u16,
    /// What it says that it is.
    pub user_agent: Option<String>,
    /// The device, whatever its address: `<urn:uuid:…>`. RFC 5626.
    pub instance: Option<String>,
    /// Which of the device's flows this is. RFC 5626.
    pub flow: Option<u32>,
    /// The proxies in front of it, the nearest to us first. RFC 3327.
    pub path: Vec<String>,
    /// How it wants to be woken, if it sleeps.
    pub push: Option<PushDocument>,
    /// `none`, `nat`, or `alg`: something on the way writes in its messages.
    pub nat: String,
    /// For `alg`: how it was noticed.
    pub nat_evidence: Vec<String>,
}

/// How a phone that sleeps wants to be woken. RFC 8599.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Push)]
#[serde(deny_unknown_fields)]
pub struct PushDocument {
    /// `pn-provider`: `apns`, `fcm`, `webpush` or another.
    pub provider: String,
    /// `pn-prid`: what the service knows the phone by.
    pub prid: Option<String>,
    /// `pn-param`: what else the service wants to know.
    pub param: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::bench;

    #[test]
    fn a_registration_is_written_as_it_is_read() {
        let written = serde_json::to_value(bench::registration()).unwrap();
        let document: RegistrationDocument = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(serde_json::to_value(&document).unwrap(), written);
        assert_eq!((document.nat.as_str(), document.push.unwrap().provider.as_str()), ("alg", "fcm"));
    }
}
