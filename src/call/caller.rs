//! Who calls, as far as we were told, and as far as it may be told on.

/// What is known of a caller beside the number that the call shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallerId {
    /// As people read it.
    pub name: Option<String>,
    pub privacy: Privacy,
    /// The number of a caller who withholds it, as the network vouches for it. Told to trunks alone, and in no record.
    /// RFC 3325 §7.
    pub asserted: Option<String>,
    /// Who sent the call on before it came to us, the latest first. RFC 5806.
    pub diversions: Vec<Diverted>,
}

/// Whether the caller wants to be shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Privacy {
    #[default]
    Shown,
    Withheld,
}

/// One who sent a call on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diverted {
    /// E.164, an extension, or as it was written.
    pub by: String,
    /// RFC 5806 §4: `unconditional`, `user-busy`, `no-answer`, `deflection`, …
    pub reason: String,
}

/// What stands for a caller who withholds the number: in records, on phones, in events.
pub const ANONYMOUS: &str = "anonymous";

impl CallerId {
    /// The number that was called in the first place.
    pub fn diverted_from(&self) -> Option<&str> {
        self.diversions.last().map(|diverted| diverted.by.as_str())
    }

    pub fn is_withheld(&self) -> bool {
        self.privacy == Privacy::Withheld
    }
}
