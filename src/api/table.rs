//! What the command line prints: a few lines that can be read at a glance, with their columns under each other.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::api::documents::calls::CallDocument;
use crate::api::documents::channels::ChannelDocument;
use crate::api::documents::messages::MessageDocument;
use crate::api::documents::status::StatusDocument;
use crate::api::documents::status::TargetDocument;
use crate::api::documents::status::TrunkDocument;
use crate::api::registrations::RegistrationDocument;

/// `desvio call`
pub fn call(call: &CallDocument) -> String {
    format!("{}  {} to {}: {}\n", call.id, call.from, call.to, call.status)
}

/// `desvio message`
pub fn message(message: &MessageDocument) -> String {
    let by = format!("{}  to {} by {}", message.id, message.to, message.channel);
    match &message.error {
        Some(error) => format!("{by}: {} ({error})\n", message.status),
        None => format!("{by}: {}\n", message.status),
    }
}

/// `desvio status`; times as the clock on the wall in `zone` shows them.
pub fn status(status: &StatusDocument, zone: &TimeZone) -> String {
    let ending = if status.draining { ", ending: takes no new calls" } else { "" };
    let down = match status.channels_down.as_slice() {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    let phones = match status.blocked_sources {
        0 => format!("{} registered", status.registrations),
        blocked => format!("{} registered, {blocked} sources of wrong passwords blocked", status.registrations),
    };
    let mut text = aligned(&[
        ["desvio".into(), format!("{}, since {}{ending}", status.version, clock(status.started, zone))],
        ["calls".into(), format!("{} now, {} since the start", status.calls, status.calls_total)],
        ["waiting".into(), format!("{} in queues", status.waiting)],
        ["phones".into(), phones],
        ["channels down".into(), down],
    ]);
    if !status.trunks.is_empty() {
        text.push('\n');
        text.push_str(&trunks(status));
    }
    text
}

fn trunks(status: &StatusDocument) -> String {
    let rows = status.trunks.iter().map(|trunk| {
        let calls = match trunk.max_calls {
            Some(most) => format!("{} of {most}", trunk.calls),
            None => trunk.calls.to_string(),
        };
        [trunk.name.clone(), trunk.state.clone(), calls, targets(trunk)]
    });
    let heading = ["TRUNK", "STATE", "CALLS", "TARGETS"].map(String::from);
    aligned(&[heading].into_iter().chain(rows).collect::<Vec<_>>())
}

/// `desvio registrations`
pub fn registrations(phones: &[RegistrationDocument], zone: &TimeZone) -> String {
    if phones.is_empty() {
        return "no phone is registered\n".into();
    }
    let heading = ["EXTENSION", "ADDRESS", "BY", "NAT", "UNTIL", "PHONE"].map(String::from);
    let rows = phones.iter().map(|phone| {
        [
            phone.extension.clone(),
            phone.address.clone(),
            phone.transport.clone(),
            phone.nat.clone(),
            clock(phone.expires, zone),
            phone.user_agent.clone().unwrap_or_default(),
        ]
    });
    let mut text = aligned(&[heading].into_iter().chain(rows).collect::<Vec<_>>());
    for phone in phones.iter().filter(|phone| phone.nat == "alg") {
        let (extension, evidence) = (&phone.extension, phone.nat_evidence.join("; "));
        text.push_str(&format!("\n{extension}: a SIP ALG writes in its messages: {evidence}\n"));
        text.push_str("    turn it off in the router (`SIP ALG`, `VoIP helper`), or let the phone use TLS\n");
    }
    text
}

/// `198.51.100.9:5060 up, 198.51.100.10:5060 down`
fn targets(trunk: &TrunkDocument) -> String {
    let target = |target: &TargetDocument| format!("{} {}", target.address, target.state);
    trunk.targets.iter().map(target).collect::<Vec<_>>().join(", ")
}

/// `desvio channels`
pub fn channels(channels: &[ChannelDocument], zone: &TimeZone) -> String {
    if channels.is_empty() {
        return "no channel is watched; add a [[channel]] to config/desvio.toml\n".into();
    }
    let heading = ["CHANNEL", "STATE", "SINCE", "WHY"].map(String::from);
    let rows = channels.iter().map(|channel| {
        let since = channel.since.map(|since| clock(since, zone));
        [
            channel.name.clone(),
            state(channel),
            since.unwrap_or_else(|| "the start".into()),
            channel.reasons.first().cloned().unwrap_or_default(),
        ]
    });
    aligned(&[heading].into_iter().chain(rows).collect::<Vec<_>>())
}

fn state(channel: &ChannelDocument) -> String {
    let by_hand = if channel.overriding.is_some() { " (by hand)" } else { "" };
    let frozen = if channel.frozen { " (frozen)" } else { "" };
    format!("{}{by_hand}{frozen}", channel.state)
}

pub(super) fn clock(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Letters that a terminal shows, and none that it obeys: callers, peers and targets choose what stands there.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).collect()
}

/// Every column as wide as its widest cell; nothing after the last.
pub(super) fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|cell| plain(cell))).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn line<const N: usize>(row: &[String; N], widths: &[usize; N]) -> String {
    let cells = row.iter().zip(widths);
    let text: String = cells.map(|(cell, width)| format!("{cell:<width$}  ")).collect();
    format!("{}\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::bench;

    #[test]
    fn columns_stand_under_each_other() {
        let rows = [["whatsapp", "down"], ["é", "up"]].map(|row| row.map(String::from));
        assert_eq!(aligned(&rows), "whatsapp  down\né         up\n");
    }

    #[test]
    fn what_others_say_moves_no_cursor() {
        assert_eq!(plain("503 \x1b[2J\x07bad\r\n"), "503 [2Jbad");
        let rows = [["baresip\x1b[1A", "a"], ["x", "b"]].map(|row| row.map(String::from));
        assert_eq!(aligned(&rows), "baresip[1A  a\nx           b\n");
    }

    #[test]
    fn the_status_says_what_matters_first() {
        let status = bench::status();
        let status = serde_json::to_value(&status).unwrap();
        let text = super::status(&serde_json::from_value(status).unwrap(), &TimeZone::UTC);
        assert!(text.starts_with("desvio         0.1.0, since 2026-11-23 12:00:00\n"), "{text}");
        assert!(text.contains("channels down  whatsapp\n"), "{text}");
        assert!(text.contains("operadora  ready  3 of 30  198.51.100.9:5060 up\n"), "{text}");
    }

    #[test]
    fn a_router_that_meddles_is_named_with_its_cure() {
        let phone = serde_json::to_value(bench::registration()).unwrap();
        let text = registrations(&[serde_json::from_value(phone).unwrap()], &TimeZone::UTC);
        assert!(text.contains("200        192.0.2.7:5062  udp  alg  2026-11-23 13:00:00  baresip\n"), "{text}");
        assert!(text.contains("turn it off in the router"), "{text}");
        assert_eq!(registrations(&[], &TimeZone::UTC), "no phone is registered\n");
    }

    #[test]
    fn a_channel_that_was_set_by_hand_says_so() {
        let channel = serde_json::to_value(bench::channel("whatsapp")).unwrap();
        let channel: ChannelDocument = serde_json::from_value(channel).unwrap();
        let text = channels(&[channel], &TimeZone::UTC);
        assert!(text.contains("down (by hand)"), "{text}");
        assert!(text.contains("set to down by ana: Meta says so"), "{text}");
    }
}
