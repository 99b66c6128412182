//! The names under which phones know us. A phone may be set to any name that leads here, and calls others by it later.

use std::collections::BTreeSet;

#[derive(Debug)]
pub(super) struct Hosts {
    domain: String,
    /// In lower case, without the domain.
    learnt: BTreeSet<String>,
}

/// More names than these are not learnt.
const MOST: usize = 64;

impl Hosts {
    pub(super) fn new(domain: &str) -> Hosts {
        Hosts { domain: domain.to_owned(), learnt: BTreeSet::new() }
    }

    /// Takes note of the name to which a phone registered; `None` if that is our domain.
    pub(super) fn learn(&mut self, host: &str) -> Option<String> {
        if host.eq_ignore_ascii_case(&self.domain) {
            return None;
        }
        let host = host.to_ascii_lowercase();
        if self.learnt.len() < MOST {
            self.learnt.insert(host.clone());
        }
        Some(host)
    }

    pub(super) fn has(&self, host: &str) -> bool {
        host.eq_ignore_ascii_case(&self.domain) || self.learnt.contains(host.to_ascii_lowercase().as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_learnt_in_any_case_and_not_without_end() {
        let mut hosts = Hosts::new("desvio.local");
        assert_eq!((hosts.learn("Desvio.Local"), hosts.has("DESVIO.local")), (None, true));
        assert_eq!(hosts.learn("PBX.example.com").as_deref(), Some("pbx.example.com"));
        assert!(hosts.has("pbx.Example.com") && !hosts.has("example.com"));
        (0..1000).for_each(|number| drop(hosts.learn(&format!("{number}.example"))));
        assert_eq!(hosts.learnt.len(), MOST);
    }
}
