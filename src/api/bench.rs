//! What tests of this room share: the API in front of a switch that only pretends, and things to show.

use std::env;
use std::fs;
use std::future::Future;
use std::path::Path;
use std::path::PathBuf;
use std::process;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Body;
use axum::body::to_bytes;
use axum::handler::Handler;
use axum::http::HeaderMap;
use axum::http::Request;
use axum::response::Response;
use axum::routing::any_service;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;
use tokio::sync::mpsc;

use crate::api::Api;
use crate::api::Asked;
use crate::api::Listener;
use crate::api::Readiness;
use crate::api::endpoints::parking::tests::parked;
use crate::api::feed::Feed;
use crate::api::router;
use crate::api::status_page::StatusPage;
use crate::api::status_page::config::Config as StatusConfig;
use crate::api::token::Token;
use crate::call::media_record::VoipRecord;
use crate::call::record::CallId;
use crate::call::record::CallView;
use crate::call::record::Direction;
use crate::call::record::Party;
use crate::call::record::Record;
use crate::call::record::RecordingState;
use crate::call::record::Status;
use crate::call::record::TalkRecording;
use crate::channel::message::Message;
use crate::channel::message::MessageId;
use crate::dialplan::difference::Change;
use crate::dialplan::difference::What;
use crate::dialplan::fault::Fault;
use crate::dialplan::graph::Live;
use crate::dialplan::graph::Picture;
use crate::dialplan::load::load;
use crate::dialplan::names::Names;
use crate::dialplan::order::RecordOrder;
use crate::dialplan::rule::Rule;
use crate::dialplan::source::SourceFile;
use crate::media::both_sides::Channels;
use crate::number::Region;
use crate::outage::ChannelState;
use crate::outage::blame::Blame;
use crate::outage::incident::Alarm;
use crate::outage::incident::By;
use crate::outage::incident::Incident;
use crate::outage::incident::Kind;
use crate::outage::incident::Observation;
use crate::outage::incident::Outcome as AlarmOutcome;
use crate::outage::snapshot::StoredOverride;
use crate::outage::view::ChannelView as Verdict;
use crate::queue::callbacks::Callback;
use crate::registrar::BindingView;
use crate::registrar::Push;
use crate::store::Store;
use crate::store::config::Config;
use crate::store::writer::Writer;
use crate::switch::command::Answer;
use crate::switch::command::ChannelView;
use crate::switch::command::Command;
use crate::switch::command::DialplanView;
use crate::switch::command::DialplanWish;
use crate::switch::command::Mark;
use crate::switch::command::Problem;
use crate::switch::command::StatusView;
use crate::switch::command::TargetView;
use crate::switch::command::TrunkView;

pub(super) const TOKEN: &str = "test-token-0123456789";

/// A folder of this test alone, removed at its end.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("desvio-api-{}-{number}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The whole API, without a socket.
pub(super) struct Bench {
    pub(super) router: Router,
    pub(super) writer: Writer,
    pub(super) feed: Feed,
    pub(super) folder: Folder,
    /// What the switch was asked, in order.
    pub(super) asked: Arc<Mutex<Vec<String>>>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Reply {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|why| panic!("{why}: {}", self.text))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn rule(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        self.json()["rule"].as_str().unwrap().to_owned()
    }
}

impl Bench {
    pub(super) async fn new() -> Self {
        let folder = Folder::new();
        let store = Store::open(&Config::default(), folder.path()).await.unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (commands, queue) = mpsc::channel(8);
        tokio::spawn(pretend(queue, asked.clone()));
        let feed = Feed::new(16);
        let status = StatusPage::new(status_page(), commands.clone());
        let writer = Writer::start(&store, mpsc::unbounded_channel().0);
        let router = router(Api {
            commands,
            status: Arc::new(status),
            store,
            writer: writer.clone(),
            feed: feed.clone(),
            token: Token::new(TOKEN).unwrap(),
            webhooks: vec![Listener { name: "crm".into(), url: "https://crm.example/".into(), events: Vec::new() }],
            metrics: Box::new(|| "desvio_calls 0\n".into()),
            readiness: Box::new(|| Readiness::NotReady(vec!["no trunk answers".into()])),
            voicemail_folder: folder.path().join("voicemail"),
            recording_folder: folder.path().join("recordings"),
            home: Region { country_code: "55".into(), area_code: None },
        });
        Self { router, writer, feed, folder, asked }
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        self.send(Request::get(path), "").await
    }

    pub(super) async fn delete(&self, path: &str) -> Reply {
        self.send(Request::delete(path), "").await
    }

    pub(super) async fn post(&self, path: &str, body: &str) -> Reply {
        self.send(Request::post(path).header("content-type", "application/json"), body).await
    }

    pub(super) async fn patch(&self, path: &str, body: &str) -> Reply {
        self.send(Request::patch(path).header("content-type", "application/json"), body).await
    }

    pub(super) async fn put(&self, path: &str, body: &str) -> Reply {
        self.send(Request::put(path).header("content-type", "application/json"), body).await
    }

    /// With the token, unless the request has brought its own.
    pub(super) async fn send(&self, request: axum::http::request::Builder, body: &str) -> Reply {
        let known = request.headers_ref().is_some_and(|headers| headers.contains_key("authorization"));
        let request = match known {
            true => request,
            false => request.header("authorization", format!("Bearer {TOKEN}")),
        };
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.raw(request).await;
        let (head, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Reply { status: head.status.as_u16(), headers: head.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    pub(super) async fn raw(&self, request: Request<Body>) -> Response {
        Handler::call(any_service(self.router.clone()), request, ()).await
    }
}

fn status_page() -> StatusConfig {
    toml::from_str("name = 'Loja'\nphone = ['+551140031234']\nchannels = { whatsapp = 'WhatsApp' }").unwrap()
}

async fn pretend(mut queue: mpsc::Receiver<Asked>, asked: Arc<Mutex<Vec<String>>>) {
    let mut calls = 0;
    while let Some((command, answer)) = queue.recv().await {
        asked.lock().unwrap().push(format!("{command:?}"));
        if matches!(command, Command::PlaceCall(_)) {
            calls += 1;
        }
        let _ = answer.send(pretended(command, calls));
    }
}

fn pretended(command: Command, calls: u32) -> Result<Answer, Problem> {
    Ok(match command {
        Command::PlaceCall(order) if order.to == "999" => return Err(unknown("unknown-extension")),
        Command::PlaceCall(_) => Answer::Call(Box::new(call(&format!("call_{calls}")))),
        Command::Calls => Answer::Calls(vec![call("call_live")]),
        Command::Call(id) if id.0 == "call_live" => Answer::Call(Box::new(call("call_live"))),
        Command::Call(_) | Command::HangUp(_) => return Err(unknown("unknown-call")),
        Command::SendMessage(_) => Answer::Message(Box::new(message("msg_1"))),
        Command::Channels => Answer::Channels(vec![channel("whatsapp")]),
        Command::Channel(name)
        | Command::ClearOverride { channel: name }
        | Command::Override { channel: name, .. }
        | Command::ReportChannel { channel: name, .. } => Answer::Channel(Box::new(channel(&name))),
        Command::StartDrill(wish) if wish.channel == "nosuch" => return Err(unknown("unknown-name")),
        Command::StartDrill(_) | Command::EndDrill(_) => Answer::Incident(Box::new(incident("inc_1"))),
        Command::Drills => Answer::Incidents(vec![incident("inc_1")]),
        Command::Queues => Answer::Queues(Vec::new()),
        Command::Agents => Answer::Agents(Vec::new()),
        Command::Parking => Answer::Parking(vec![parked()]),
        Command::Callbacks => Answer::Callbacks(vec![callback()]),
        Command::Callback(id) | Command::CancelCallback(id) if id != "cb_1" => return Err(unknown("unknown-callback")),
        Command::Callback(_) => Answer::Callback(Box::new(callback())),
        Command::CancelCallback(_) => Answer::Done {},
        Command::Registrations => Answer::Registrations(Vec::new()),
        Command::Status => Answer::Status(Box::new(status())),
        Command::Dialplan(DialplanWish::RollBack) => return Err(unknown("nothing-earlier")),
        Command::Dialplan(DialplanWish::Draw { .. }) => Answer::Drawing(picture()),
        Command::Dialplan(DialplanWish::Compare) => Answer::DialplanRefused(faults()),
        Command::Dialplan(_) => Answer::Dialplan(Box::new(dialplan())),
        Command::MarkVoicemail { mut voicemail, mark } => {
            voicemail.heard = (mark == Mark::Heard).then(|| at("2026-11-23T12:45:00Z"));
            Answer::Voicemail(voicemail)
        }
        Command::RecordCall { call, order } if call.0 == "call_live" => Answer::Recording(Box::new(recording(&order))),
        Command::RecordCall { .. } => return Err(unknown("unknown-call")),
        Command::Conferences => Answer::Conferences(Vec::new()),
        Command::Conference(_)
        | Command::SetMemberSpeech { .. }
        | Command::SendMemberAway { .. }
        | Command::TapeConference { .. } => return Err(unknown("unknown-conference")),
        Command::Supervise { call: id, .. } if id.0 == "call_live" => Answer::Call(Box::new(call("call_live"))),
        Command::Supervise { .. } => return Err(unknown("unknown-call")),
        Command::EndSupervision(_) => Answer::Done {},
        Command::SetAgent { .. }
        | Command::Webhook { .. }
        | Command::DeleteVoicemail { .. }
        | Command::DeleteRecording { .. } => Answer::Done {},
    })
}

fn unknown(rule: &'static str) -> Problem {
    Problem {
        status: 404,
        rule,
        title: "Unknown".into(),
        detail: "There is none.".into(),
        hint: "Look at the list.".into(),
    }
}

pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn call(id: &str) -> CallView {
    CallView {
        id: CallId(id.into()),
        direction: Direction::Outbound,
        status: Status::Ringing,
        from: "+551140031234".into(),
        to: "+5511999998888".into(),
        diverted_from: None,
        answered_by: None,
        trunk: Some("operadora".into()),
        flow: None,
        queue: None,
        agent: None,
        conference: None,
        supervisor: None,
        started: at("2026-11-23T12:39:00Z"),
        answered: None,
        doing: "ringing".into(),
        legs: Vec::new(),
    }
}

pub(super) fn callback() -> Callback {
    serde_json::from_value(json!({
        "id": "cb_1", "queue": "vendas", "number": "+5511999998888", "from": "+551140031234", "language": "pt-BR",
        "call": "call_1", "booked": "2026-11-23T12:39:00Z", "since": "2026-11-23T12:37:00Z", "hours": null,
        "state": "waiting", "next_try": "2026-11-23T12:49:00Z",
        "tries": [{ "at": "2026-11-23T12:39:00Z", "call": "call_2", "result": "no-answer" }],
    }))
    .unwrap()
}

pub(super) fn recording(order: &RecordOrder) -> TalkRecording {
    TalkRecording {
        id: "rec_live_1".into(),
        call: "call_live".into(),
        name: None,
        channels: Channels::Stereo,
        started: at("2026-11-23T12:40:00Z"),
        length_ms: 0,
        cut_ms: 0,
        state: if *order == RecordOrder::Pause { RecordingState::Paused } else { RecordingState::Recording },
        why: None,
        path: "2026-11-23/rec_live_1.wav".into(),
    }
}

pub(super) fn record(id: &str) -> Record {
    serde_json::from_value(json!({
        "id": id, "direction": Direction::Inbound, "from": "+5511999998888", "to": "+551140031234",
        "status": Status::Completed, "started": "2026-11-23T12:00:00Z", "answered": "2026-11-23T12:00:01Z",
        "ended": "2026-11-23T12:01:00Z", "ring_ms": 1_000, "wait_ms": 12_000, "talk_ms": 40_000,
        "trunk": "operadora", "flow": "entrada", "queue": "vendas", "agent": "200",
        "hung_up_by": Party::Caller, "cause": 16, "channels_down": ["whatsapp"], "tags": {},
        "legs": [{
            "party": "caller", "trunk": "operadora", "started": "2026-11-23T12:00:00Z", "answered": null,
            "ended": "2026-11-23T12:01:00Z", "sip_status": null, "codec": "pcma", "source": "127.0.0.1:4000",
            "packets_received": 3_000, "packets_sent": 3_000, "packets_lost": 0, "packets_dropped": 0, "jitter_ms": 0.5,
            "mos": 4.38, "loss": 0.0, "round_trip_ms": 40.5,
            "far": heard_by_the_far_side(),
        }],
        "steps": [{ "after_ms": 0, "place": "dialplans/loja.kdl:10", "what": "answer" }],
        "recordings": [recording(&RecordOrder::Resume)],
    }))
    .unwrap()
}

fn heard_by_the_far_side() -> Value {
    json!({
        "packets_lost": 60, "loss": 0.02, "jitter_ms": 3.0, "mos": 4.14, "r_factor": 84.1, "voip": VoipRecord::default(),
    })
}

pub(super) fn channel(name: &str) -> ChannelView {
    ChannelView {
        name: name.into(),
        kind: "whatsapp".into(),
        drill: None,
        verdict: Verdict {
            state: ChannelState::Down,
            blame: Blame::None,
            since: Some(at("2026-11-23T12:39:00Z")),
            reasons: vec!["set to down by ana: Meta says so".into()],
            probed: ChannelState::Up,
            frozen: false,
            overriding: Some(StoredOverride {
                state: ChannelState::Down,
                reason: "Meta says so".into(),
                author: "ana".into(),
                until: None,
            }),
            evidence: Vec::new(),
        },
    }
}

/// An hour without WhatsApp, of which one person was told.
pub(super) fn incident(id: &str) -> Incident {
    let started = at("2026-11-23T12:39:00Z");
    let mut incident = Incident::begin(id.into(), "whatsapp", ChannelState::Down, Blame::Channel, started);
    incident.note(Kind::State, "whatsapp is down".into(), &["3 of 4 resolvers fail".into()], started);
    incident.evidence.push(Observation {
        at: started,
        layer: "dns".into(),
        target: "graph.facebook.com".into(),
        by: String::new(),
        fault: None,
        role: "channel".into(),
        verdict: "bad".into(),
        why: Some("SERVFAIL".into()),
    });
    incident.file_alarm(Alarm {
        id: "alm_1".into(),
        at: started,
        to: "+5511999990000".into(),
        by: By::Call,
        text: "whatsapp está fora do ar".into(),
        outcome: AlarmOutcome::Confirmed,
        tries: 1,
        why: None,
        via: vec!["call_alarm".into()],
    });
    incident.counts.offered = 12;
    incident.state = ChannelState::Up;
    incident.ended = Some(at("2026-11-23T13:39:00Z"));
    incident
}

pub(super) fn status() -> StatusView {
    StatusView {
        version: "0.1.0",
        started: at("2026-11-23T12:00:00Z"),
        draining: false,
        calls: 3,
        calls_total: 40,
        registrations: 2,
        blocked_sources: 1,
        waiting: 1,
        channels_down: vec!["whatsapp".into()],
        trunks: vec![TrunkView {
            name: "operadora".into(),
            state: "ready".into(),
            calls: 3,
            calls_in: 2,
            calls_out: 1,
            max_calls: Some(30),
            targets: vec![TargetView { address: "198.51.100.9:5060".into(), transport: "udp", state: "up" }],
        }],
    }
}

fn picture() -> Picture {
    let text = "number \"+551140031234\" flow=\"entrada\"\nflow \"entrada\" { hangup }\n".to_owned();
    let file = SourceFile { path: "a.kdl".to_owned(), text };
    let checked = load(&[file], &Names::default(), &Default::default()).unwrap();
    let flow = checked.program.flow_named("entrada");
    Picture::new(checked.program, flow, Live::new())
}

pub(super) fn dialplan() -> DialplanView {
    let lines = vec!["- play \"a\"".into(), "+ play \"b\"".into()];
    DialplanView {
        hash: "0123456789abcdef".into(),
        since: at("2026-11-23T12:00:00Z"),
        numbers: 1,
        flows: 2,
        tests: 3,
        older_calls: 1,
        changes: vec![Change { kind: "flow".into(), name: "entrada".into(), what: What::Changed, lines }],
        prompts: ["closed (pt-BR)".to_owned()].into(),
        warnings: faults(),
    }
}

fn faults() -> Vec<Fault> {
    vec![Fault::of_file("a.kdl", Rule::Syntax, "this `{` is never closed".into(), None)]
}

pub(super) fn message(id: &str) -> Message {
    let wall = at("2026-11-23T12:39:00Z");
    Message::outbound(MessageId(id.into()), "sms", "+5511999998888", "Oi", wall)
}

pub(super) fn registration() -> BindingView {
    BindingView {
        extension: "200".into(),
        contact: "sip:200@192.0.2.7:5062".into(),
        transport: "udp".into(),
        address: "192.0.2.7:5062".parse().unwrap(),
        expires: at("2026-11-23T13:00:00Z"),
        priority: 1000,
        user_agent: Some("baresip".into()),
        instance: Some("<urn:uuid:1>".into()),
        flow: Some(1),
        path: vec!["<sip:192.0.2.20;lr>".into()],
        push: Some(Push { provider: "fcm".into(), prid: Some("abc".into()), param: None }),
        nat: "alg",
        nat_evidence: vec!["the To names the phone's public address in place of our domain"],
    }
}
