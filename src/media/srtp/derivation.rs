//! Session keys out of a master key. RFC 3711 §4.3 with the longer keys of RFC 6188 §3 and RFC 7714 §11.
//!
//! The key derivation rate is always 0, as nobody signals another: keys are derived once.

use crate::media::security::MasterKey;
use crate::media::srtp::counter::Keystream;

/// What a session key is for. RFC 3711 §4.3.1 and §4.3.2; the reports' follow those of the packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    Encryption = 0,
    Authentication = 1,
    Salt = 2,
}

/// Which of the two kinds of packets is to be protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Usage {
    Packets = 0,
    Reports = 3,
}

/// Fills `out` with the session key of that label.
pub(super) fn derive(master: &MasterKey, label: Label, usage: Usage, out: &mut [u8]) {
    // A salt of 96 bits is followed by zeros. RFC 7714 §11.
    let mut vector = [0; 16];
    let salt = master.salt();
    vector[..salt.len()].copy_from_slice(salt);
    // The label is the highest octet of a 56-bit number that is added at the right of 112 bits.
    vector[7] ^= label as u8 + usage as u8;
    out.fill(0);
    Keystream::new(master.key()).apply(&vector, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::security::Suite;

    /// RFC 3711 B.3.
    #[test]
    fn the_keys_of_rfc_3711_come_out() {
        let master = [hex("E1F97A0D3E018BE0D64FA32C06DE4139"), hex("0EC675AD498AFEEBB6960B3AABE6")].concat();
        let master = MasterKey::new(Suite::AesCm128HmacSha1Tag80, &master).unwrap();
        assert_eq!(derived::<16>(&master, Label::Encryption), hex("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(derived::<14>(&master, Label::Salt), hex("30CBBC08863D8C85D49DB34A9AE1"));
        assert_eq!(derived::<20>(&master, Label::Authentication), hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
    }

    /// RFC 6188 §7.4.
    #[test]
    fn the_keys_of_rfc_6188_come_out() {
        let key = hex("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6");
        let master = [key, hex("3b04803de51ee7c96423ab5b78d2")].concat();
        let master = MasterKey::new(Suite::AesCm256HmacSha1Tag80, &master).unwrap();
        let expected = hex("5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4");
        assert_eq!(derived::<32>(&master, Label::Encryption), expected);
        assert_eq!(derived::<14>(&master, Label::Salt), hex("fa31791685ca444a9e07c6c64e93"));
        assert_eq!(derived::<20>(&master, Label::Authentication), hex("fd9c32d39ed5fbb5a9dc96b30818454d1313dc05"));
    }

    fn derived<const OCTETS: usize>(master: &MasterKey, label: Label) -> Vec<u8> {
        let mut out = [0xff; OCTETS];
        derive(master, label, Usage::Packets, &mut out);
        out.to_vec()
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }
}
