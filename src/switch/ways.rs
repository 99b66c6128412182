//! The ways to somebody: an extension's phones, which ring together, and the trunks of a route, one after the other.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use tracing::warn;

use crate::call::caller::CallerId;
use crate::call::caller::Diverted;
use crate::call::clerk::Facts;
use crate::call::effect::KEPT_APART;
use crate::call::effect::NoWay;
use crate::call::effect::Redirecting;
use crate::call::effect::Way;
use crate::call::effect::Ways;
use crate::call::record::Direction;
use crate::number::masked;
use crate::registrar::Binding;
use crate::sip::agent::targets::Silence;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::name_addr::NameAddr;
use crate::sip::uri::Uri;
use crate::switch::desk::Desk;
use crate::switch::desk::Redirects;
use crate::switch::identity;
use crate::switch::identity::Shown;
use crate::switch::trunks::trunk::Fitness;
use crate::switch::trunks::trunk::Trunk;

/// More phones of one extension than this do not ring at once.
const PHONES_PER_EXTENSION: usize = 5;
/// Contacts of one redirection that are looked at.
const MOST_CONTACTS: usize = 5;

impl Desk {
    pub(super) fn ways_to_extension(&self, number: &str, facts: &Facts, now: Instant) -> Result<Ways, NoWay> {
        if !self.is_extension(number) {
            return Err(NoWay::Unknown);
        }
        self.ways_to_bindings(number, facts, &self.registrar.contacts(number, now))
    }

    pub(super) fn ways_to_bindings(&self, number: &str, facts: &Facts, bindings: &[Binding]) -> Result<Ways, NoWay> {
        if bindings.is_empty() {
            return Err(NoWay::NotRegistered);
        }
        let phones = bindings.iter().take(PHONES_PER_EXTENSION);
        let together = phones.map(|binding| self.way_to_binding(number, facts, binding)).collect();
        Ok(Ways { together, then: Vec::new() })
    }

    /// Flows that take the same request are tried as other targets of it (RFC 3263 §4.3); those by another proxy or under
    /// another Contact need a request of their own.
    fn way_to_binding(&self, number: &str, facts: &Facts, binding: &Binding) -> Way {
        let is_alike = |spare: &&Binding| spare.uri == binding.uri && spare.path == binding.path;
        let (alike, others): (Vec<&Binding>, Vec<&Binding>) = binding.spares.iter().partition(is_alike);
        Way {
            party: number.to_owned(),
            trunk: None,
            target: binding.uri.clone(),
            hop: binding.hop,
            alternatives: alike.iter().map(|spare| spare.hop).collect(),
            silence: Silence::Borne,
            from: self.shown_inside(&facts.from, &facts.caller),
            to: NameAddr::new(Uri::sip(Some(number), &self.domain, None)),
            headers: privacy_headers(&facts.caller),
            codecs: None,
            encryption: self.encryption_of(Some(number)),
            form: Desk::form(&binding.hop, None),
            credentials: None,
            media_address: self.media_address(&binding.hop),
            routes: binding.routes().collect(),
            spares: others.iter().map(|spare| self.way_to_binding(number, facts, spare)).collect(),
        }
    }

    /// Every trunk of the route that may carry a call now, in the order of the route; those that do not look well last.
    pub(super) fn ways_to_number(&self, number: &str, facts: &Facts, dice: u64, now: Instant) -> Result<Ways, NoWay> {
        let number = self.normal(number);
        let route = self.program.route_for(&number).ok_or(NoWay::Unknown)?;
        if facts.meets.as_deref().is_some_and(|met| self.is_kept_from(met, &number)) {
            warn!(to = %masked(&number), by = facts.meets, "a call is refused: {KEPT_APART}");
            return Err(NoWay::KeptApart);
        }
        let as_dialled = |trunk: &Trunk| trunk.dialling.write(&number);
        self.ways_over(route.trunks(dice).into_iter(), &number, as_dialled, facts, now)
    }

    /// As over a route: every trunk that leads to the host of the address.
    pub(super) fn ways_to_address(
        &self,
        uri: &str,
        trunks: &[String],
        facts: &Facts,
        now: Instant,
    ) -> Result<Ways, NoWay> {
        let user = Uri::parse(uri).ok().and_then(|uri| Some(uri.user_text()?.into_owned())).ok_or(NoWay::Unknown)?;
        let met = facts.meets.as_deref();
        if met.is_some() && !trunks.iter().any(|trunk| self.may_meet(met, Some(trunk))) {
            warn!(by = met, "a call is refused: {KEPT_APART}");
            return Err(NoWay::KeptApart);
        }
        self.ways_over(trunks.iter().map(String::as_str), uri, |_| user.clone(), facts, now)
    }

    /// `user`: how each trunk writes the party in the Request-URI.
    fn ways_over<'t>(
        &self,
        trunks: impl Iterator<Item = &'t str>,
        party: &str,
        user: impl Fn(&Trunk) -> String,
        facts: &Facts,
        now: Instant,
    ) -> Result<Ways, NoWay> {
        let may_meet = |trunk: &&Trunk| self.may_meet(facts.meets.as_deref(), Some(&trunk.config.name));
        let trunks = trunks.filter_map(|name| self.trunks.find(name)).filter(may_meet);
        let mut able: Vec<(Fitness, Way)> = trunks
            .filter_map(|trunk| {
                let (hop, alternatives) = trunk.hops_for_call(now)?;
                let target = Uri::sip(Some(&user(trunk)), &trunk.config.host, trunk.config.port);
                Some((trunk.fitness(now), self.way_over(trunk, party, target, hop, alternatives, facts)))
            })
            .collect();
        able.sort_by_key(|(fitness, _)| *fitness);
        let mut ways = able.into_iter().map(|(_, way)| way);
        let first = ways.next().ok_or(NoWay::TrunkUnavailable)?;
        Ok(Ways { together: vec![first], then: ways.collect() })
    }

    fn way_over(
        &self,
        trunk: &Trunk,
        number: &str,
        target: Uri,
        hop: Hop,
        alternatives: Vec<Hop>,
        facts: &Facts,
    ) -> Way {
        let (config, dialling) = (&trunk.config, &trunk.dialling);
        let diversions = self.diversions(trunk, facts);
        let shown =
            Shown { number: self.number_outside(trunk, facts), privacy: facts.caller.privacy, diversions: &diversions };
        let mut headers = shown.headers(config, dialling);
        // RFC 3608 §6.1: as the route set of each call.
        headers.extend(trunk.service_routes().iter().map(|route| (Name::Route, Bytes::from(route.clone()))));
        headers.extend(config.headers.0.iter().cloned());
        Way {
            party: number.to_owned(),
            trunk: Some(config.name.clone()),
            to: NameAddr::new(target.clone()),
            target,
            hop,
            alternatives,
            silence: Silence::Borne,
            from: shown.from(config, dialling),
            headers,
            codecs: config.codecs.clone(),
            encryption: self.encryption_over(config),
            form: Desk::form(&hop, Some(config)),
            credentials: trunk.credentials(),
            media_address: self.media_address(&hop),
            routes: Vec::new(),
            spares: VecDeque::new(),
        }
    }

    /// The number by which a carrier knows the caller: an extension hides behind the trunk's own number.
    fn number_outside<'a>(&self, trunk: &'a Trunk, facts: &'a Facts) -> &'a str {
        let config = &trunk.config;
        let is_ours = self.is_extension(&facts.from) || !facts.from.contains(|c: char| c.is_ascii_digit());
        let own = facts.caller.asserted.as_deref().unwrap_or(&facts.from);
        let passes = config.caller_id_pass && (!is_ours || facts.caller.asserted.is_some());
        match config.caller_id.as_deref() {
            Some(caller_id) if !passes => caller_id,
            _ => own,
        }
    }

    /// Who sent the call on, as this carrier may know them, the latest first.
    fn diversions(&self, trunk: &Trunk, facts: &Facts) -> Vec<Diverted> {
        let public = |diverted: Diverted| match self.is_extension(&diverted.by) {
            // No carrier can make anything of an extension.
            true => trunk.config.caller_id.clone().map(|by| Diverted { by, ..diverted }),
            false => Some(diverted),
        };
        with_our_own(facts).into_iter().filter_map(public).collect()
    }

    /// A caller as our own phones see him.
    fn shown_inside(&self, from: &str, caller: &CallerId) -> NameAddr {
        if caller.is_withheld() {
            return identity::anonymous();
        }
        let shown = NameAddr::new(Uri::sip(Some(from), &self.domain, None));
        let own = self.names_by_extension.get(from).map(String::as_str);
        match caller.name.as_deref().or(own).filter(|name| !name.is_empty()) {
            Some(name) => shown.with_display(name),
            None => shown,
        }
    }

    /// Where whoever answered 3xx sends the call: from a phone to extensions and routes alone, from a trunk to its own
    /// host as well.
    pub(super) fn ways_by_redirect(
        &self,
        by: &Redirecting<'_>,
        facts: &Facts,
        dice: u64,
        now: Instant,
    ) -> Result<Ways, NoWay> {
        let mut facts = facts.clone();
        facts.caller.diversions = with_our_own(&facts);
        // Of an address, who: the host is the trunk's.
        let address = Uri::parse(by.party).ok();
        let user = address.as_ref().and_then(Uri::user_text);
        let diverted = Diverted { by: user.as_deref().unwrap_or(by.party).to_owned(), reason: "deflection".to_owned() };
        facts.caller.diversions.insert(0, diverted);
        let trunk = by.trunk.and_then(|name| self.trunks.find(name));
        let mut why = NoWay::Unknown;
        for contact in by.contacts.iter().take(MOST_CONTACTS) {
            let found = match trunk {
                Some(trunk) if !trunk.config.follow_redirects => return Err(NoWay::Unknown),
                None if self.redirects == Redirects::Refused => return Err(NoWay::Unknown),
                Some(trunk) if trunk.is_host_of(&contact.uri) => self.way_within(trunk, &contact.uri, &facts, now),
                Some(trunk) => self.ways_by_number(&contact.uri, Some(trunk), &facts, dice, now),
                None => self.ways_by_number(&contact.uri, None, &facts, dice, now),
            };
            match found {
                Ok(ways) => return Ok(ways),
                Err(refusal) => why = refusal,
            }
        }
        Err(why)
    }

    fn way_within(&self, trunk: &Trunk, target: &Uri, facts: &Facts, now: Instant) -> Result<Ways, NoWay> {
        let (first, others) = trunk.hops_for_call(now).ok_or(NoWay::TrunkUnavailable)?;
        // Whom the redirection names comes first, or the call would go back to who sent it on.
        let is_named = |hop: &Hop| {
            let port = target.port.is_none_or(|port| port == hop.remote.port());
            port && target.host.address() == Some(hop.remote.ip())
        };
        let (named, rest): (Vec<Hop>, Vec<Hop>) = std::iter::once(first).chain(others).partition(is_named);
        let mut hops = named.into_iter().chain(rest);
        let hop = hops.next().ok_or(NoWay::TrunkUnavailable)?;
        let user = target.user_text().unwrap_or_default();
        let number = trunk.dialling.read(&user).map_or_else(|_| user.into_owned(), |number| number.to_string());
        // RFC 3261 §19.1.1: headers have no place in a Request-URI.
        let target = Uri { headers: None, ..target.clone() };
        let way = self.way_over(trunk, &number, target, hop, hops.collect(), facts);
        Ok(Ways { together: vec![way], then: Vec::new() })
    }

    fn ways_by_number(
        &self,
        target: &Uri,
        trunk: Option<&Trunk>,
        facts: &Facts,
        dice: u64,
        now: Instant,
    ) -> Result<Ways, NoWay> {
        let user = target.user_text().ok_or(NoWay::Unknown)?;
        if trunk.is_none() && self.is_extension(&user) {
            return self.ways_to_extension(&user, facts, now);
        }
        let read = trunk.and_then(|trunk| trunk.dialling.read(&user).ok());
        let number = read.map_or_else(|| user.into_owned(), |number| number.to_string());
        self.ways_to_number(&number, facts, dice, now)
    }
}

/// RFC 5806 §3.1: a call from outside that leaves again was sent on by the number of ours that it came to.
fn with_our_own(facts: &Facts) -> Vec<Diverted> {
    let before = &facts.caller.diversions;
    let known = before.iter().any(|diverted| diverted.by == facts.to);
    let ours = (facts.direction == Direction::Inbound && !known)
        .then(|| Diverted { by: facts.to.clone(), reason: "unconditional".to_owned() });
    ours.into_iter().chain(before.iter().cloned()).collect()
}

/// RFC 3323 §4.2: the wish goes with the call.
fn privacy_headers(caller: &CallerId) -> Vec<(Name, Bytes)> {
    match caller.is_withheld() {
        true => vec![(Name::Privacy, Bytes::from_static(b"id"))],
        false => Vec::new(),
    }
}
