//! The shipped probes, as data: what each kind of channel needs to answer, and who is asked whether our own line works.
//!
//! Names and addresses of one owner fall together, so each host is looked at on several layers; and where a service is used
//! by an application as well as by businesses, both of its doors are.

use std::time::Duration;

use crate::outage::Layer;
use crate::outage::Role;
use crate::outage::probe::Credential;
use crate::outage::probe::Probe;
use crate::outage::reading::Reading;

/// What is known of a kind of channel.
#[derive(Debug)]
pub struct Kind {
    pub name: &'static str,
    /// Asked by anybody, as often as the channel says.
    pub targets: &'static [(Layer, &'static str)],
    /// What the service says of itself.
    pub feeds: &'static [Feed],
    /// Asked with the business's own credential, where there is one.
    pub account: &'static [Question],
    /// Where its API lives: `{base}` of the questions.
    pub base: &'static str,
}

#[derive(Debug)]
pub struct Feed {
    pub url: &'static str,
    pub reads: Reading,
    pub service: Option<&'static str>,
    /// The page wants the credential as well.
    pub access: Access,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Open,
    ByToken,
}

#[derive(Debug)]
pub struct Question {
    /// With places for `{base}`, `{id}` and `{token}`.
    pub url: &'static str,
    pub reads: Reading,
}

/// The business's own access to a service.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    pub id: Option<&'a str>,
    pub token: &'a Credential,
    pub base: Option<&'a str>,
}

/// WhatsApp as the business platform and as people use it, in a browser and on telephones.
pub const WHATSAPP: &[(Layer, &str)] = &[
    (Layer::Dns, "graph.facebook.com"),
    (Layer::Dns, "web.whatsapp.com"),
    (Layer::Tcp, "graph.facebook.com:443"),
    (Layer::Tcp, "web.whatsapp.com:443"),
    (Layer::Tls, "graph.facebook.com:443"),
    (Layer::Tls, "web.whatsapp.com:443"),
    (Layer::Http, "https://graph.facebook.com/"),
    (Layer::Http, "https://web.whatsapp.com/"),
];

const MESSENGER: &[(Layer, &str)] = &[
    (Layer::Dns, "graph.facebook.com"),
    (Layer::Dns, "www.messenger.com"),
    (Layer::Tcp, "graph.facebook.com:443"),
    (Layer::Tcp, "www.messenger.com:443"),
    (Layer::Tls, "graph.facebook.com:443"),
    (Layer::Http, "https://graph.facebook.com/"),
    (Layer::Http, "https://www.messenger.com/"),
];

/// On 4 October 2021 these names resolved, by another owner's servers, and the pages behind them answered 503.
const INSTAGRAM: &[(Layer, &str)] = &[
    (Layer::Dns, "graph.instagram.com"),
    (Layer::Dns, "www.instagram.com"),
    (Layer::Tcp, "graph.instagram.com:443"),
    (Layer::Tcp, "www.instagram.com:443"),
    (Layer::Tls, "graph.instagram.com:443"),
    (Layer::Http, "https://graph.instagram.com/"),
    (Layer::Http, "https://www.instagram.com/"),
];

/// The last two are doors that the application uses without any name.
const TELEGRAM: &[(Layer, &str)] = &[
    (Layer::Dns, "api.telegram.org"),
    (Layer::Dns, "web.telegram.org"),
    (Layer::Tcp, "api.telegram.org:443"),
    (Layer::Tcp, "web.telegram.org:443"),
    (Layer::Tls, "api.telegram.org:443"),
    (Layer::Http, "https://api.telegram.org/"),
    (Layer::Tcp, "149.154.167.51:443"),
    (Layer::Tcp, "149.154.175.50:443"),
];

const WECHAT: &[(Layer, &str)] = &[
    (Layer::Dns, "api.weixin.qq.com"),
    (Layer::Tcp, "api.weixin.qq.com:443"),
    (Layer::Tls, "api.weixin.qq.com:443"),
    (Layer::Http, "https://api.weixin.qq.com/cgi-bin/token"),
];

/// Telephones reach Apple at the first; businesses at the second.
const IMESSAGE: &[(Layer, &str)] = &[
    (Layer::Dns, "courier.push.apple.com"),
    (Layer::Dns, "mspgw.push.apple.com"),
    (Layer::Tcp, "courier.push.apple.com:5223"),
    (Layer::Tcp, "courier.push.apple.com:443"),
    (Layer::Tcp, "mspgw.push.apple.com:443"),
];

/// Skype's successor: the telephone gateways in their order, and the service that people use.
const TEAMS: &[(Layer, &str)] = &[
    (Layer::Dns, "sip.pstnhub.microsoft.com"),
    (Layer::Dns, "teams.microsoft.com"),
    (Layer::Tcp, "sip.pstnhub.microsoft.com:5061"),
    (Layer::Tcp, "sip2.pstnhub.microsoft.com:5061"),
    (Layer::Tcp, "sip3.pstnhub.microsoft.com:5061"),
    (Layer::Tls, "teams.microsoft.com:443"),
    (Layer::Http, "https://teams.microsoft.com/"),
];

const X: &[(Layer, &str)] = &[
    (Layer::Dns, "api.x.com"),
    (Layer::Dns, "x.com"),
    (Layer::Tcp, "api.x.com:443"),
    (Layer::Tcp, "x.com:443"),
    (Layer::Tls, "api.x.com:443"),
    (Layer::Http, "https://api.x.com/"),
];

const GRAPH_API_FEED: Feed = Feed {
    url: "https://metastatus.com/outage-events-feed-graph-api.rss",
    reads: Reading::Rss,
    service: None,
    access: Access::Open,
};

const NOTHING: Kind = Kind { name: "", targets: &[], feeds: &[], account: &[], base: "" };

/// A kind that is not here, such as `sms` and `generic`, has the probes that its configuration gives it.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "whatsapp",
        targets: WHATSAPP,
        feeds: &[Feed { url: "https://metastatus.com/outage-events-feed-whatsapp-business-api.rss", ..GRAPH_API_FEED }],
        account: &[Question { url: "{base}/{id}?fields=health_status", reads: Reading::WhatsappHealth }],
        base: "https://graph.facebook.com/v26.0",
    },
    Kind {
        name: "messenger",
        targets: MESSENGER,
        feeds: &[GRAPH_API_FEED],
        account: &[Question { url: "{base}/me?fields=id", reads: Reading::Graph }],
        base: "https://graph.facebook.com/v26.0",
    },
    Kind {
        name: "instagram",
        targets: INSTAGRAM,
        feeds: &[GRAPH_API_FEED],
        account: &[Question { url: "{base}/me?fields=id", reads: Reading::Graph }],
        base: "https://graph.instagram.com/v26.0",
    },
    Kind {
        name: "telegram",
        targets: TELEGRAM,
        account: &[
            Question { url: "{base}/bot{token}/getMe", reads: Reading::Telegram },
            Question { url: "{base}/bot{token}/getWebhookInfo", reads: Reading::TelegramWebhook },
        ],
        base: "https://api.telegram.org",
        ..NOTHING
    },
    Kind { name: "wechat", targets: WECHAT, ..NOTHING },
    Kind {
        name: "imessage",
        targets: IMESSAGE,
        feeds: &[Feed {
            url: "https://www.apple.com/support/systemstatus/data/system_status_en_US.js",
            reads: Reading::AppleStatus,
            service: Some("iMessage"),
            access: Access::Open,
        }],
        ..NOTHING
    },
    Kind {
        name: "teams",
        targets: TEAMS,
        feeds: &[Feed {
            url: "https://graph.microsoft.com/v1.0/admin/serviceAnnouncement/healthOverviews",
            reads: Reading::MicrosoftHealth,
            service: Some("Microsoft Teams"),
            access: Access::ByToken,
        }],
        ..NOTHING
    },
    Kind { name: "x", targets: X, ..NOTHING },
];

/// Owners who have nothing to do with each other or with any channel. One is asked by its address, so that a dead resolver
/// is not taken for a dead line, and one over plain HTTP, where the sign-in page of a network shows itself.
pub const CONTROL: &[(Layer, &str)] = &[
    (Layer::Dns, "cloudflare.com"),
    (Layer::Tcp, "google.com:443"),
    (Layer::Tcp, "registro.br:443"),
    (Layer::Tcp, "1.1.1.1:53"),
    (Layer::Http, "http://connectivitycheck.gstatic.com/generate_204"),
];

/// What the control target over plain HTTP answers, and no sign-in page does.
const NO_CONTENT: u16 = 204;

/// Status pages change slowly, and their owners count who asks.
const FEED_EVERY: Duration = Duration::from_secs(120);

/// Questions with a credential count against what the account may ask.
const ACCOUNT_EVERY: Duration = Duration::from_secs(60);

/// What such an answer may take, however impatient the channel is.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Everything that is shipped for the kind, with the control targets; nothing for a kind without probes.
pub fn of_kind(name: &str, account: Option<Account<'_>>) -> Vec<Probe> {
    let Some(kind) = KINDS.iter().find(|kind| kind.name == name) else {
        return Vec::new();
    };
    let token = account.map(|account| account.token);
    let mut probes = with_control(kind.targets);
    probes.extend(kind.feeds.iter().filter_map(|feed| feed.probe(token)));
    if let Some(account) = account {
        probes.extend(kind.account.iter().filter_map(|question| question.probe(kind.base, &account)));
    }
    probes
}

/// Last labels of names that the world's name servers deny: RFC 6762, RFC 8375, ICANN's `internal`, and what routers give.
const LOCAL: &[&str] = &["local", "arpa", "internal", "lan", "home", "corp", "intranet"];

/// A provider of whom only the address of its API is known. Nothing where only this network knows its name, perhaps by a
/// hosts file: a probe would call it down for ever.
pub fn of_url(url: &str) -> Vec<Probe> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Vec::new();
    };
    let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let place = place.rsplit('@').next().unwrap_or_default();
    if place.is_empty() || place.contains('{') {
        return Vec::new();
    }
    let has_port = place.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let (port, top) = match scheme {
        "https" => (443, Layer::Tls),
        _ => (80, Layer::Tcp),
    };
    let place = if has_port { place.to_owned() } else { format!("{place}:{port}") };
    let host = place.rsplit_once(':').map_or("", |(host, _)| host);
    if is_local(host) {
        return Vec::new();
    }
    let mut targets = vec![(Layer::Dns, host), (Layer::Tcp, &place)];
    if top == Layer::Tls {
        targets.push((top, &place));
    }
    with_control(&targets)
}

/// This machine itself is found by everybody (RFC 6761 §6.3).
fn is_local(host: &str) -> bool {
    let last = host.trim_end_matches('.').rsplit_once('.').map_or("", |(_, last)| last);
    let is_address = host.starts_with('[');
    let has_local_name = last.is_empty() || LOCAL.iter().any(|local| local.eq_ignore_ascii_case(last));
    has_local_name && !is_address && !host.eq_ignore_ascii_case("localhost")
}

/// A kind's own probes with the control targets; nothing for a kind without probes.
pub fn with_control(targets: &[(Layer, &str)]) -> Vec<Probe> {
    if targets.is_empty() {
        return Vec::new();
    }
    let of = |role| move |(layer, target): &(Layer, &str)| Probe::new(*layer, target, role);
    let own = targets.iter().map(of(Role::Channel));
    let controls = CONTROL.iter().map(of(Role::Control)).map(|mut control| {
        if control.layer == Layer::Http {
            control.status = vec![NO_CONTENT];
        }
        control
    });
    own.chain(controls).collect()
}

impl Feed {
    fn probe(&self, token: Option<&Credential>) -> Option<Probe> {
        let mut probe = Probe::new(Layer::Feed, self.url, Role::Channel);
        probe.reads = Some(self.reads);
        probe.service = self.service.map(str::to_owned);
        probe.every = Some(FEED_EVERY);
        probe.timeout = Some(ANSWER_WITHIN);
        if self.access == Access::ByToken {
            probe.token = Some(token?.clone());
        }
        Some(probe)
    }
}

impl Question {
    /// Nothing where the question needs an id that nobody told.
    fn probe(&self, base: &str, account: &Account<'_>) -> Option<Probe> {
        if self.url.contains("{id}") && account.id.is_none() {
            return None;
        }
        let base = account.base.unwrap_or(base).trim_end_matches('/');
        let url = self.url.replace("{base}", base).replace("{id}", account.id.unwrap_or_default());
        let mut probe = Probe::new(Layer::Api, &url, Role::Channel);
        probe.reads = Some(self.reads);
        probe.token = Some(account.token.clone());
        probe.every = Some(ACCOUNT_EVERY);
        probe.timeout = Some(ANSWER_WITHIN);
        Some(probe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_probe_is_one_that_an_operator_could_write() {
        let token = Credential("1:x".to_owned());
        let account = Account { id: Some("100"), token: &token, base: None };
        for kind in KINDS {
            let probes = of_kind(kind.name, Some(account));
            for probe in &probes {
                assert_eq!(probe.check(), Ok(()), "{}: {}", kind.name, probe.target);
                assert!(!probe.target.contains("{base}") && !probe.target.contains("{id}"), "{}", probe.target);
            }
            let controls = probes.iter().filter(|probe| probe.control).count();
            assert_eq!(controls, CONTROL.len(), "{}", kind.name);
            let layers = [Layer::Dns, Layer::Tcp].map(|layer| probes.iter().any(|probe| probe.layer == layer));
            assert_eq!(layers, [true, true], "{}", kind.name);
        }
    }

    #[test]
    fn a_service_is_asked_with_our_credential_only_where_there_is_one() {
        let asked = |account| {
            let probes = of_kind("telegram", account);
            let asked = probes.iter().filter(|probe| probe.layer == Layer::Api);
            asked.map(|probe| probe.target.clone()).collect::<Vec<_>>()
        };
        assert!(asked(None).is_empty());
        let token = Credential("1:x".to_owned());
        let account = Account { id: None, token: &token, base: Some("http://127.0.0.1:9/") };
        assert_eq!(
            asked(Some(account)),
            ["http://127.0.0.1:9/bot{token}/getMe", "http://127.0.0.1:9/bot{token}/getWebhookInfo"]
        );
        let without_id = of_kind("whatsapp", Some(account));
        assert!(without_id.iter().all(|probe| probe.layer != Layer::Api));
        let teams = |account| of_kind("teams", account).iter().any(|probe| probe.layer == Layer::Feed);
        assert!(!teams(None) && teams(Some(account)));
    }

    #[test]
    fn of_an_unknown_provider_its_host_is_probed() {
        let targets = |url: &str| {
            let probes = of_url(url);
            let own = probes.iter().filter(|probe| !probe.control);
            own.map(|probe| format!("{} {}", probe.layer, probe.target)).collect::<Vec<_>>()
        };
        assert_eq!(
            targets("https://api.sms.example/send?to={to}"),
            ["dns api.sms.example", "tcp api.sms.example:443", "tls api.sms.example:443"]
        );
        assert_eq!(targets("http://127.0.0.1:8080/send"), ["dns 127.0.0.1", "tcp 127.0.0.1:8080"]);
        assert_eq!(targets("http://localhost:9000/send"), ["dns localhost", "tcp localhost:9000"]);
        assert_eq!(targets("http://[::1]:9000/send"), ["dns [::1]", "tcp [::1]:9000"]);
        assert!(targets("https://{region}.sms.example/").is_empty());
        assert!(targets("nonsense").is_empty());
    }

    #[test]
    fn a_provider_that_only_this_network_knows_is_not_looked_up_in_the_world() {
        for url in
            ["http://gateway/send", "http://gsm.LAN:8080/", "https://sms.corp.internal./", "http://modem.home.arpa/"]
        {
            assert!(of_url(url).is_empty(), "{url}");
        }
    }
}
