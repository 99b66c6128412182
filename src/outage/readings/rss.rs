//! RSS 2.0 and Atom as status pages write them: an item for each incident. Read for its few words, not as XML.

use jiff::Timestamp;
use jiff::fmt::rfc2822;

use crate::outage::fault::Fault;
use crate::outage::reading::Answered;
use crate::outage::reading::Unreadable;
use crate::outage::reading::in_short;

/// An incident that nobody wrote about for so long is over, whatever it was called.
const OVER_AFTER_SECONDS: i64 = 24 * 3600;

/// Incidents that are looked at; the newest stand first.
const ITEMS: usize = 50;

/// Words by which status pages close an incident.
const CLOSED: [&str; 6] = ["resolved", "completed", "restored", "postmortem", "no known issues", "scheduled"];

pub(in crate::outage) fn incidents(answered: &Answered<'_>) -> Result<Result<(), (Fault, String)>, Unreadable> {
    let feed = String::from_utf8_lossy(answered.body);
    if answered.status >= 400 || !["<rss", "<feed", "<rdf:RDF"].iter().any(|root| feed.contains(root)) {
        return Err(Unreadable(format!("status {}: this is no feed", answered.status)));
    }
    let items = pieces(&feed, "item").chain(pieces(&feed, "entry")).take(ITEMS);
    let open: Vec<String> = items.filter_map(|item| open_incident(item, answered.wall)).collect();
    match open.first() {
        Some(first) => Ok(Err((Fault::Reported, first.clone()))),
        None => Ok(Ok(())),
    }
}

/// What it is called, if it goes on.
fn open_incident(item: &str, wall: Timestamp) -> Option<String> {
    let title = text_of(item, &["title"]);
    let story = text_of(item, &["description", "summary", "content"]);
    let told = format!("{title} {}", first_sentences(&story)).to_lowercase();
    if CLOSED.iter().any(|word| told.contains(word)) {
        return None;
    }
    let said = text_of(item, &["pubDate", "updated", "published", "dc:date"]);
    let fresh = moment(&said).is_none_or(|at| wall.as_second().saturating_sub(at.as_second()) < OVER_AFTER_SECONDS);
    fresh.then(|| match title.is_empty() {
        true => "an incident without a title".to_owned(),
        false => in_short(&title),
    })
}

/// The newest word on an incident stands first.
fn first_sentences(story: &str) -> &str {
    let end = story.char_indices().nth(200).map_or(story.len(), |(at, _)| at);
    &story[..end]
}

/// The insides of every element of that name, which do not nest in each other.
fn pieces<'a>(feed: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}"), format!("</{name}>"));
    let mut rest = feed;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find(&open)?;
            let after = &rest[start + open.len()..];
            // `<items>` is another element.
            if !after.starts_with(['>', ' ', '\t', '\r', '\n']) {
                rest = after;
                continue;
            }
            let inside = &after[after.find('>')? + 1..];
            let end = inside.find(&close)?;
            rest = &inside[end + close.len()..];
            return Some(&inside[..end]);
        }
    })
}

/// The first of these elements that is there, without mark-up.
fn text_of(item: &str, names: &[&str]) -> String {
    let found = names.iter().find_map(|name| pieces(item, name).next());
    plain(found.unwrap_or_default())
}

fn plain(text: &str) -> String {
    let text = text.trim();
    let inner = text.strip_prefix("<![CDATA[").and_then(|inner| inner.strip_suffix("]]>"));
    let text = match inner {
        Some(inner) => inner.to_owned(),
        None => unescaped(text),
    };
    without_tags(&text)
}

/// The five names of XML; numbers are rare in titles and stay as they are.
fn unescaped(text: &str) -> String {
    let names = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    names.iter().fold(text.to_owned(), |text, (name, sign)| text.replace(name, sign))
}

fn without_tags(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut inside = false;
    for letter in text.chars() {
        match letter {
            '<' => inside = true,
            '>' if inside => {
                inside = false;
                plain.push(' ');
            }
            _ if !inside => plain.push(letter),
            _ => {}
        }
    }
    plain
}

fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    // Many feeds write GMT, which RFC 5322 §4.3 calls obsolete.
    let mended = text.replace(" GMT", " +0000").replace(" UTC", " +0000");
    let rfc2822 = rfc2822::parse(&mended).map(|zoned| zoned.timestamp());
    rfc2822.or_else(|_| text.parse()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outage::reading::Reading;
    use crate::outage::reading::tests::is_well;
    use crate::outage::reading::tests::read;
    use crate::outage::reading::tests::trouble;

    #[test]
    fn a_feed_without_incidents_is_well() {
        let feed = "<?xml version='1.0'?><rss version='2.0'><channel><title>WhatsApp Business Platform Status</title>\
            <description>Resolved and open</description></channel></rss>";
        assert!(is_well(Reading::Rss, 200, feed));
    }

    #[test]
    fn an_open_incident_of_today_is_reported_by_its_title() {
        let feed =
            item("Cloud API: Major Disruptions", "Mon, 04 Oct 2021 11:40:00 GMT", "We are &lt;b&gt;looking&lt;/b&gt;");
        assert_eq!(trouble(Reading::Rss, 200, &feed), (Fault::Reported, "Cloud API: Major Disruptions".to_owned()));
    }

    #[test]
    fn what_is_resolved_or_old_is_over() {
        for (title, date, story) in [
            ("[Resolved] Cloud API", "Mon, 04 Oct 2021 11:40:00 GMT", ""),
            ("Cloud API", "Mon, 04 Oct 2021 11:40:00 GMT", "<![CDATA[<p>11:39 <b>Resolved</b> - all is well</p>]]>"),
            ("Cloud API", "Sat, 02 Oct 2021 11:40:00 +0000", "we are looking"),
        ] {
            assert!(is_well(Reading::Rss, 200, &item(title, date, story)), "{title} {date} {story}");
        }
    }

    #[test]
    fn atom_is_read_as_well() {
        let feed = "<feed xmlns='http://www.w3.org/2005/Atom'><entry><title type='html'>SMS delayed</title>\
            <updated>2021-10-04T11:00:00Z</updated><content>Investigating</content></entry></feed>";
        assert_eq!(trouble(Reading::Rss, 200, feed).1, "SMS delayed");
    }

    #[test]
    fn an_error_page_is_no_feed() {
        assert!(read(Reading::Rss, 200, "<html>sign in</html>").is_err());
        assert!(read(Reading::Rss, 503, "<rss/>").is_err());
    }

    fn item(title: &str, date: &str, story: &str) -> String {
        format!(
            "<rss><channel><item><title>{title}</title><pubDate>{date}</pubDate>\
            <description>{story}</description></item></channel></rss>"
        )
    }
}
