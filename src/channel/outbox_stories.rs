//! Stories of texts, of providers who are slow, broken or strict, and of a server that stops in between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use jiff::Timestamp;
use proptest::prelude::*;

use crate::channel::HttpAnswer;
use crate::channel::HttpFailure;
use crate::channel::SendOutcome;
use crate::channel::channels::Channels;
use crate::channel::config::Config;
use crate::channel::config::Messages;
use crate::channel::message::Message;
use crate::channel::message::MessageId;
use crate::channel::message::MessageStatus;
use crate::channel::outbox::Effect;
use crate::channel::outbox::Outbox;
use crate::channel::outbox::SubmitError;
use crate::channel::outbox::Via;

#[test]
fn a_text_is_stored_before_it_is_sent() {
    let mut post = Post::new();
    post.submits("m1", "keyed");
    post.does(&["store m1 queued 0"]);
    post.stored("m1");
    post.does(&["store m1 sending 1"]);
    post.stored("m1");
    post.does(&["send m1 by keyed with key m1"]);
    post.answers("m1", 201, r#"{"sid":"SM1"}"#);
    post.does(&["store m1 sent 1"]);
    assert_eq!(post.disk["m1"].provider_id.as_deref(), Some("SM1"));
    assert!(post.outbox.is_empty() && post.outbox.poll_timeout().is_none());
}

#[test]
fn a_text_that_could_not_be_stored_was_never_accepted() {
    let mut post = Post::new();
    post.submits("m1", "keyed");
    post.does(&["store m1 queued 0"]);
    post.outbox.on_not_stored(&id("m1"), "disk full", post.now, post.wall);
    post.does(&[]);
    assert!(post.outbox.is_empty());
}

#[test]
fn a_full_disk_holds_a_text_back_until_it_can_be_marked() {
    let mut post = Post::new();
    post.accepted("m1", "plain");
    post.outbox.on_not_stored(&id("m1"), "disk full", post.now, post.wall);
    post.does(&[]);
    post.after(2);
    post.does(&["store m1 sending 1"]);
    post.stored("m1");
    post.does(&["send m1 by plain with key -"]);
}

#[test]
fn a_refusal_is_final() {
    let mut post = Post::new();
    post.sent("m1", "keyed");
    post.answers("m1", 400, r#"{"code":21211}"#);
    post.does(&["store m1 failed 1"]);
    let error = post.disk["m1"].error.clone().unwrap();
    assert_eq!(error, "the provider answered 400: {\"code\":21211}");
}

#[test]
fn a_provider_who_asks_for_patience_gets_it() {
    let mut post = Post::new();
    post.sent("m1", "plain");
    let answer = HttpAnswer { status: 429, retry_after: Some(secs(40)), body: Bytes::new() };
    post.outbox.on_http(&id("m1"), Ok(answer), post.now, post.wall);
    post.does(&["store m1 queued 1"]);
    post.stored("m1");
    post.after(39);
    post.does(&[]);
    post.after(1);
    post.does(&["store m1 sending 2"]);
    assert!(!post.disk["m1"].maybe_twice, "it was certainly not taken");
}

#[test]
fn a_broken_provider_who_knows_repetitions_is_tried_under_the_same_key_with_growing_pauses() {
    let mut post = Post::new();
    post.sent("m1", "keyed");
    for (attempt, pause) in [2, 4, 8, 16, 32, 64, 128, 256, 300].into_iter().enumerate() {
        post.answers("m1", 500, "");
        post.does(&[&format!("store m1 queued {}", attempt + 1)]);
        post.stored("m1");
        post.after(pause - 1);
        post.does(&[]);
        post.after(1);
        post.does(&[&format!("store m1 sending {}", attempt + 2)]);
        post.stored("m1");
        post.does(&["send m1 by keyed with key m1"]);
    }
    post.answers("m1", 200, "{}");
    post.does(&["store m1 sent 10"]);
}

#[test]
fn in_doubt_a_provider_without_a_key_gets_a_text_once_more_and_never_again() {
    let mut post = Post::new();
    post.sent("m1", "plain");
    post.answers("m1", 502, "");
    post.does(&["store m1 queued 1 maybe twice"]);
    post.stored("m1");
    post.after(2);
    post.does(&["store m1 sending 2 maybe twice"]);
    post.stored("m1");
    post.does(&["send m1 by plain with key -"]);
    post.answers("m1", 502, "");
    post.does(&["store m1 failed 2 maybe twice"]);
    let error = post.disk["m1"].error.clone().unwrap();
    assert!(error.ends_with("it may have arrived all the same"), "{error}");
}

#[test]
fn who_cannot_be_reached_at_all_is_no_reason_for_doubt() {
    let mut post = Post::new();
    post.sent("m1", "plain");
    let failure = HttpFailure::NotSent("connection refused".to_owned());
    post.outbox.on_http(&id("m1"), Err(failure), post.now, post.wall);
    post.does(&["store m1 queued 1"]);
}

#[test]
fn a_provider_who_never_answers_is_not_waited_for_for_ever() {
    let mut post = Post::new();
    post.sent("m1", "keyed");
    assert_eq!(post.outbox.poll_timeout().unwrap().why, "provider did not answer");
    post.after(60);
    post.does(&["store m1 queued 1"]);
    // The answer comes after all, before it was sent again.
    post.answers("m1", 200, "{}");
    post.does(&["store m1 sent 1"]);
    post.after(600);
    post.does(&[]);
}

#[test]
fn a_text_fails_when_all_attempts_are_used_up() {
    let mut post = Post::new();
    post.sent("m1", "keyed");
    for _ in 1..20 {
        post.answers("m1", 500, "");
        post.after(300);
        post.stored("m1");
        post.stored("m1");
        post.does_anything();
    }
    post.answers("m1", 500, "busy");
    post.does(&["store m1 failed 20"]);
    let error = post.disk["m1"].error.clone().unwrap();
    assert_eq!(error, "given up after 20 attempts: the provider answered 500: busy");
}

#[test]
fn what_was_queued_when_the_server_stopped_is_sent_as_if_nothing_had_happened() {
    let mut post = Post::new();
    post.submits("m1", "plain");
    post.does_anything();
    let mut again = post.restarted();
    again.does(&["store m1 sending 1"]);
    again.stored("m1");
    again.does(&["send m1 by plain with key -"]);
}

#[test]
fn what_was_on_its_way_when_the_server_stopped_is_repeated_under_its_key() {
    let mut post = Post::new();
    post.sent("m1", "keyed");
    let mut again = post.restarted();
    again.does(&["store m1 sending 2"]);
    again.stored("m1");
    again.does(&["send m1 by keyed with key m1"]);
}

#[test]
fn without_a_key_it_is_repeated_once_over_all_restarts() {
    let mut post = Post::new();
    post.sent("m1", "plain");
    let mut second = post.restarted();
    second.does(&["store m1 sending 2 maybe twice"]);
    second.stored("m1");
    second.does(&["send m1 by plain with key -"]);
    let mut third = second.restarted();
    third.does(&["store m1 failed 2 maybe twice"]);
    assert!(third.restarted().outbox.is_empty());
}

#[test]
fn a_slow_provider_holds_up_only_its_own_texts() {
    let mut post = Post::new();
    for number in 0..20 {
        post.accepted(&format!("slow{number:02}"), "plain");
    }
    let started = post.does_anything();
    assert_eq!(started.len(), 0, "all that may start has started: {started:?}");
    let sending = |post: &Post| {
        let texts = post.disk.values();
        texts.filter(|text| text.status == MessageStatus::Sending).count()
    };
    assert_eq!(sending(&post), 16);
    post.accepted("quick", "keyed");
    assert_eq!(post.disk["quick"].status, MessageStatus::Sending);

    post.stored("slow00");
    post.does(&["send slow00 by plain with key -"]);
    post.answers("slow00", 200, "{}");
    post.does(&["store slow00 sent 1", "store slow16 sending 1"]);
}

#[test]
fn a_text_to_an_extension_goes_by_sip() {
    let mut post = Post::new();
    let text = Message::outbound(id("m1"), "softphone", "200", "oi", post.wall);
    post.outbox.submit(text).unwrap();
    post.does_anything();
    post.stored("m1");
    post.does_anything();
    post.stored("m1");
    post.does(&["send m1 to phone 200"]);
    let taken = SendOutcome::Accepted { provider_id: None };
    post.outbox.on_outcome(&id("m1"), taken, post.now, post.wall);
    post.does(&["store m1 sent 1"]);
}

#[test]
fn what_cannot_be_sent_is_refused_at_once() {
    let mut post = Post::new();
    let mut text = Message::outbound(id("m1"), "pombo", "200", "oi", post.wall);
    let refused = post.outbox.submit(text.clone());
    let channel = "pombo".to_owned();
    assert_eq!(refused, Err(SubmitError::NoChannel { channel }));
    text.channel = "whatsapp".to_owned();
    assert!(matches!(post.outbox.submit(text), Err(SubmitError::Compose(_))));
    post.does(&[]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever goes wrong and whenever the server stops: a provider without a key sees a text at most twice in doubt,
    /// and every text comes to an end.
    #[test]
    fn never_more_than_once_again(seed in any::<u64>(), keyed in any::<bool>()) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut post = Post::new();
        let names = ["m1", "m2", "m3"];
        for name in names {
            post.submits(name, if keyed { "keyed" } else { "plain" });
        }
        let mut doubtful: BTreeMap<&str, u32> = BTreeMap::new();
        for _ in 0..200 {
            let handed_over = post.run();
            for name in names.into_iter().filter(|name| handed_over.contains(&format!("send {name} "))) {
                match rng.u8(..10) {
                    0..3 => { *doubtful.entry(name).or_default() += 1; post.answers(name, 500, ""); }
                    3..5 => post.answers(name, 429, ""),
                    5 => { *doubtful.entry(name).or_default() += 1; post.after(61); }
                    6 => { *doubtful.entry(name).or_default() += 1; post = post.restarted(); }
                    7 => { post.answers(name, 200, "{}"); }
                    _ => { *doubtful.entry(name).or_default() += 1; }
                }
            }
            post.after(rng.u64(1..120));
        }
        for name in names {
            let text = &post.disk[name];
            let ended = matches!(text.status, MessageStatus::Sent | MessageStatus::Failed);
            prop_assert!(ended, "{:?}", text);
            if !keyed {
                prop_assert!(doubtful.get(name).copied().unwrap_or_default() <= 2, "{:?}", text);
            }
        }
    }
}

/// An outbox with a disk that remembers, and providers that answer when they are told to.
struct Post {
    outbox: Outbox,
    disk: BTreeMap<String, Message>,
    now: Instant,
    wall: Timestamp,
}

impl Post {
    fn new() -> Post {
        Post {
            outbox: Outbox::new(channels(), Messages::default()),
            disk: BTreeMap::new(),
            now: start(),
            wall: "2026-11-23T12:39:00Z".parse().unwrap(),
        }
    }

    /// The process ends; what is on the disk is what is left.
    fn restarted(&self) -> Post {
        let mut again = Post { disk: self.disk.clone(), ..Post::new() };
        let open = [MessageStatus::Queued, MessageStatus::Sending];
        let texts = again.disk.values();
        let unfinished = texts.filter(|text| open.contains(&text.status)).cloned().collect();
        again.outbox.restore(unfinished, again.wall);
        again
    }

    fn submits(&mut self, name: &str, channel: &str) {
        let text = Message::outbound(id(name), channel, "+5511999998888", "oi", self.wall);
        self.outbox.submit(text).unwrap();
    }

    /// Submitted, stored, and about to be marked as being sent.
    fn accepted(&mut self, name: &str, channel: &str) {
        self.submits(name, channel);
        self.does_anything();
        self.stored(name);
        self.does_anything();
    }

    fn sent(&mut self, name: &str, channel: &str) {
        self.accepted(name, channel);
        self.stored(name);
        self.does_anything();
    }

    fn stored(&mut self, name: &str) {
        self.outbox.on_stored(&id(name), self.now, self.wall);
    }

    fn answers(&mut self, name: &str, status: u16, body: &str) {
        let answer = HttpAnswer { status, retry_after: None, body: Bytes::copy_from_slice(body.as_bytes()) };
        self.outbox.on_http(&id(name), Ok(answer), self.now, self.wall);
    }

    fn after(&mut self, seconds: u64) {
        self.now += secs(seconds);
        self.outbox.handle_timeout(self.now, self.wall);
    }

    /// Stores everything at once until nothing more happens; what was handed over.
    fn run(&mut self) -> String {
        let mut all = String::new();
        loop {
            let done = self.does_anything();
            if done.is_empty() {
                return all;
            }
            for line in done {
                if let Some(name) = line.strip_prefix("store ") {
                    self.stored(name.split(' ').next().unwrap());
                }
                all.push_str(&line);
            }
        }
    }

    /// Exactly this, since the last time.
    fn does(&mut self, expected: &[&str]) {
        assert_eq!(self.does_anything(), expected);
    }

    fn does_anything(&mut self) -> Vec<String> {
        let mut done = Vec::new();
        while let Some(effect) = self.outbox.poll_effect() {
            done.push(match effect {
                Effect::Store(text) => {
                    let line = store_line(&text);
                    self.disk.insert(text.id.0.clone(), text);
                    line
                }
                Effect::Send { message, via } => format!("send {} {}", message.id, way(&via)),
            });
        }
        done
    }
}

fn store_line(text: &Message) -> String {
    let status = serde_json::to_value(text.status).unwrap();
    let doubt = if text.maybe_twice { " maybe twice" } else { "" };
    format!("store {} {} {}{doubt}", text.id, status.as_str().unwrap(), text.attempts)
}

fn way(via: &Via) -> String {
    match via {
        Via::Sip { extension } => format!("to phone {extension}"),
        Via::Http { channel, request } => {
            let mut headers = request.headers.iter();
            let key = headers.find(|(name, _)| name == "Idempotency-Key");
            format!("by {channel} with key {}", key.map_or("-", |(_, value)| value))
        }
    }
}

fn channels() -> Arc<Channels> {
    let sms =
        |name: &str, send: &str| Config { send: Some(toml::from_str(send).unwrap()), ..Config::named(name, "sms") };
    let keyed = "url = \"http://127.0.0.1:9/\"\nid = \"/sid\"\nidempotency_header = \"Idempotency-Key\"";
    let configs =
        [sms("keyed", keyed), sms("plain", "url = \"http://127.0.0.1:9/\""), Config::named("whatsapp", "whatsapp")];
    Arc::new(Channels::open(&configs).unwrap())
}

fn id(name: &str) -> MessageId {
    MessageId(name.to_owned())
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
fn start() -> Instant {
    Instant::now()
}
