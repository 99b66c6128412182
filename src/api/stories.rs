//! The API as programs meet it: every path, and every way to be refused.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::body::BodyDataStream;
use axum::http::Request;
use futures_util::StreamExt;
use serde_json::Value;
use serde_json::json;

use crate::api::bench;
use crate::api::bench::Bench;
use crate::api::bench::TOKEN;
use crate::api::bench::at;
use crate::api::bench::block_on;
use crate::call::record::RecordingState;
use crate::call::record::Voicemail;
use crate::dialplan::order::RecordOrder;
use crate::store::writer::Write;
use crate::switch::effect::PublicEvent;

const CALL: &str = r#"{"to":"+5511999998888","flow":"entrada"}"#;

#[test]
fn nobody_comes_in_without_the_token() {
    block_on(async {
        let bench = Bench::new().await;
        for wrong in ["Bearer wrong-token", "Basic dGVzdA==", "Bearer", ""] {
            let request = Request::get("/v1/calls").header("authorization", wrong);
            let reply = bench.send(request, "").await;
            assert_eq!(reply.status, 401, "{wrong}");
            assert_eq!(reply.header("www-authenticate"), "Bearer");
            assert!(reply.rule().starts_with("token-"));
        }
        assert!(bench.asked().is_empty());
    });
}

#[test]
fn a_call_is_placed_and_named() {
    block_on(async {
        let bench = Bench::new().await;
        let reply = bench.post("/v1/calls", CALL).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        assert_eq!(reply.header("location"), "/v1/calls/call_1");
        assert_eq!(reply.json()["status"], "ringing");
        assert!(bench.asked()[0].contains("Flow(\"entrada\")"), "{:?}", bench.asked());
    });
}

#[test]
fn a_call_that_is_sent_twice_with_one_key_is_placed_once() {
    block_on(async {
        let bench = Bench::new().await;
        let keyed = |body: &'static str| {
            let request = Request::post("/v1/calls").header("content-type", "application/json");
            bench.send(request.header("idempotency-key", "order-7"), body)
        };
        let first = keyed(CALL).await;
        let second = keyed(CALL).await;
        assert_eq!((first.status, second.status), (201, 201));
        assert_eq!(first.json(), second.json());
        assert_eq!(second.header("location"), "/v1/calls/call_1");
        assert_eq!(second.header("idempotency-replayed"), "true");
        assert_eq!(bench.asked().len(), 1);
        let other = keyed(r#"{"to":"+5511999998888","queue":"vendas"}"#).await;
        assert_eq!((other.status, other.rule().as_str()), (422, "idempotency-key-reused"));
    });
}

#[test]
fn a_refused_call_does_not_use_up_its_key() {
    block_on(async {
        let bench = Bench::new().await;
        for _ in 0..2 {
            let request = Request::post("/v1/calls").header("content-type", "application/json");
            let request = request.header("idempotency-key", "order-8");
            let reply = bench.send(request, r#"{"to":"999","flow":"entrada"}"#).await;
            assert_eq!((reply.status, reply.rule().as_str()), (404, "unknown-extension"));
        }
        assert_eq!(bench.asked().len(), 2);
    });
}

#[test]
fn a_call_that_is_over_is_shown_from_its_record() {
    block_on(async {
        let bench = Bench::new().await;
        assert_eq!(bench.get("/v1/calls/call_live").await.json()["doing"], "ringing");
        bench.writer.write(Write::Record(Arc::new(bench::record("call_over"))));
        // Not flushed: it may still gather with others.
        let over = bench.get("/v1/calls/call_over").await;
        assert_eq!(over.json()["ended"], "2026-11-23T12:01:00Z", "{}", over.text);
        let never = bench.get("/v1/calls/call_never").await;
        assert_eq!((never.status, never.rule().as_str()), (404, "unknown-call"));
    });
}

#[test]
fn what_does_not_fit_is_named_with_its_place_and_a_hint() {
    block_on(async {
        let bench = Bench::new().await;
        let cases = [
            (r#"{"tto":"200","flow":"x"}"#, 422, "bad-field", "tto", "Did you mean `to`?"),
            (r#"{"to":5}"#, 422, "bad-field", "to: invalid type", ""),
            (r#"{"to":"200""#, 400, "bad-json", "line 1", ""),
            ("", 400, "bad-json", "EOF", ""),
            (r#"{"to":"11 99999-8888","flow":"x"}"#, 422, "not-e164", "to:", "+5511999998888"),
        ];
        for (body, status, rule, detail, hint) in cases {
            let reply = bench.post("/v1/calls", body).await;
            assert_eq!((reply.status, reply.rule().as_str()), (status, rule), "{body}");
            let json = reply.json();
            assert!(json["detail"].as_str().unwrap().contains(detail), "{}", reply.text);
            assert!(json["hint"].as_str().unwrap().contains(hint), "{}", reply.text);
            assert!(!json["hint"].as_str().unwrap().is_empty());
        }
        let state = bench.put("/v1/channels/whatsapp/override", r#"{"state":"dwon"}"#).await;
        assert!(state.text.contains("Did you mean `down`?"), "{}", state.text);
    });
}

#[test]
fn what_the_framework_refuses_is_a_problem_as_well() {
    block_on(async {
        let bench = Bench::new().await;
        let nowhere = bench.get("/v2/calls").await;
        assert_eq!((nowhere.status, nowhere.rule().as_str()), (404, "unknown-path"));
        let method = bench.delete("/v1/calls").await;
        assert_eq!((method.status, method.rule().as_str()), (405, "method-not-allowed"));
        assert!(method.header("allow").contains("POST"), "{:?}", method.headers);
        let reading = bench.post("/v1/openapi.json", "{}").await;
        assert_eq!((reading.status, reading.rule().as_str()), (405, "method-not-allowed"));
        assert!(!reading.text.contains("knows ."), "{}", reading.text);
        let status = bench.get("/v1/messages?status=x").await;
        assert_eq!((status.status, status.rule().as_str()), (400, "bad-parameter"));
        assert!(status.text.contains("delivered"), "{}", status.text);
        let direction = bench.get("/v1/messages?direction=sideways").await;
        assert_eq!((direction.status, direction.rule().as_str()), (400, "bad-parameter"));
        let silent = bench.post("/v1/calls", r#"{"to":"200","say":" "}"#).await;
        assert_eq!((silent.status, silent.text.contains("`say` is empty")), (422, true), "{}", silent.text);
        let form = bench.send(Request::post("/v1/calls"), "to=200").await;
        assert_eq!((form.status, form.rule().as_str()), (415, "not-json"));
        let huge = bench.post("/v1/calls", &format!("\"{}\"", "x".repeat(70_000))).await;
        assert_eq!((huge.status, huge.rule().as_str()), (413, "too-large"));
        let parameter = bench.get("/v1/records?limt=5").await;
        assert_eq!((parameter.status, parameter.rule().as_str()), (400, "bad-parameter"));
        assert!(parameter.text.contains("Did you mean `limit`?"), "{}", parameter.text);
        let cursor = bench.get("/v1/records?cursor=2").await;
        assert_eq!((cursor.status, cursor.rule().as_str()), (400, "bad-cursor"));
        let name = bench.get("/v1/channels/%ff").await;
        assert_eq!((name.status, name.rule().as_str()), (400, "bad-path"));
    });
}

#[test]
fn lists_come_as_data() {
    block_on(async {
        let bench = Bench::new().await;
        for path in ["calls", "channels", "queues", "agents", "registrations", "messages", "records", "voicemails"] {
            let reply = bench.get(&format!("/v1/{path}")).await;
            assert_eq!(reply.status, 200, "{}", reply.text);
            assert!(reply.json()["data"].is_array(), "{path}: {}", reply.text);
        }
        assert_eq!(bench.get("/v1/status").await.json()["calls"], 3);
    });
}

#[test]
fn a_persons_word_on_a_channel_reaches_the_switch() {
    block_on(async {
        let bench = Bench::new().await;
        let body = r#"{"state":"down","reason":"Meta says so","author":"ana","lasts":"2h"}"#;
        let reply = bench.put("/v1/channels/whatsapp/override", body).await;
        assert_eq!(reply.json()["override"]["author"], "ana", "{}", reply.text);
        assert!(bench.asked()[0].contains("lasts: Some(7200s)"), "{:?}", bench.asked());
        assert_eq!(bench.delete("/v1/channels/whatsapp/override").await.status, 200);
        let agent = bench.put("/v1/agents/200/state", r#"{"state":"paused","reason":"lunch"}"#).await;
        assert_eq!((agent.status, agent.text.as_str()), (204, ""));
    });
}

#[test]
fn a_provider_needs_no_token_of_ours_and_its_bytes_arrive_untouched() {
    block_on(async {
        let bench = Bench::new().await;
        let request = Request::post("/v1/channels/sms/webhook?x=1").header("authorization", "none");
        let reply = bench.send(request, "From=%2B55&Body=oi").await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert!(bench.asked()[0].contains("webhook of 18 bytes"), "{:?}", bench.asked());
    });
}

#[test]
fn records_can_be_had_as_a_table_of_any_length() {
    block_on(async {
        let bench = Bench::new().await;
        for number in 0..1_203 {
            bench.writer.write(Write::Record(Arc::new(bench::record(&format!("call_{number:04}")))));
        }
        bench.writer.flush(Duration::from_secs(20)).await.unwrap();
        let table = bench.get("/v1/records?format=csv").await;
        assert!(table.header("content-type").starts_with("text/csv"));
        assert_eq!(table.text.lines().count(), 1_204);
        let request = Request::get("/v1/records?limit=2").header("accept", "text/csv");
        assert_eq!(bench.send(request, "").await.text.lines().count(), 3);
        let page = bench.get("/v1/records?limit=1000").await.json();
        let cursor = page["next_cursor"].as_str().unwrap();
        let rest = bench.get(&format!("/v1/records?limit=1000&cursor={cursor}")).await.json();
        assert_eq!(rest["data"].as_array().unwrap().len(), 203);
        assert_eq!(rest["next_cursor"], Value::Null);
        assert_eq!(bench.get("/v1/records?limit=1001").await.status, 400);
    });
}

#[test]
fn a_recording_is_ordered_listed_heard_and_deleted() {
    block_on(async {
        let bench = Bench::new().await;
        let started = bench.post("/v1/calls/call_live/recording", r#"{"action":"start","channels":"stereo"}"#).await;
        assert_eq!((started.status, &started.json()["state"]), (200, &json!("recording")));
        assert_eq!(
            bench.post("/v1/calls/call_live/recording", r#"{"action":"pause"}"#).await.json()["state"],
            "paused"
        );
        assert_eq!(bench.post("/v1/calls/call_9/recording", r#"{"action":"stop"}"#).await.status, 404);
        for wrong in
            [r#"{"action":"rewind"}"#, r#"{"action":"start","channels":"quad"}"#, r#"{"action":"stop","name":"x"}"#]
        {
            assert_eq!(bench.post("/v1/calls/call_live/recording", wrong).await.status, 422, "{wrong}");
        }

        let writer = &bench.writer;
        let mut recording = bench::recording(&RecordOrder::Resume);
        recording.state = RecordingState::Completed;
        writer.write(Write::Recording(Box::new(recording.clone())));
        recording.id = "rec_live_2".into();
        recording.path = "../secret.wav".into();
        writer.write(Write::Recording(Box::new(recording)));
        writer.flush(Duration::from_secs(5)).await.unwrap();
        let folder = bench.folder.path().join("recordings/2026-11-23");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("rec_live_1.wav"), "RIFF").unwrap();
        fs::write(bench.folder.path().join("secret.wav"), "secret").unwrap();

        let list = bench.get("/v1/recordings?call=call_live").await.json();
        assert_eq!(list["data"].as_array().unwrap().len(), 2);
        assert_eq!(bench.get("/v1/recordings?call=call_1").await.json()["data"], json!([]));
        let audio = bench.get("/v1/recordings/rec_live_1/audio").await;
        assert_eq!((audio.status, audio.text.as_str(), audio.header("content-type")), (200, "RIFF", "audio/wav"));
        assert_eq!(bench.get("/v1/recordings/rec_live_2/audio").await.status, 410, "outside its folder");
        assert_eq!(bench.delete("/v1/recordings/rec_live_1").await.status, 204);
        assert!(!folder.join("rec_live_1.wav").exists());
        assert_eq!(bench.get("/v1/recordings/rec_9").await.status, 404);
    });
}

#[test]
fn a_voicemail_can_be_heard_and_nothing_outside_its_folder_can() {
    block_on(async {
        let bench = Bench::new().await;
        let writer = &bench.writer;
        for (id, path) in
            [("vm_1", "geral/1.wav"), ("vm_2", "../data/desvio.db"), ("vm_3", "geral/3.wav"), ("vm_4", "geral/4.opus")]
        {
            writer.write(Write::Voicemail(Voicemail {
                id: id.into(),
                mailbox: "geral".into(),
                call: "call_1".into(),
                from: "+5511999998888".into(),
                left: at("2026-11-23T12:41:00Z"),
                length_ms: 3_000,
                path: path.into(),
                heard: None,
                notified: None,
            }));
        }
        writer.flush(Duration::from_secs(5)).await.unwrap();
        let folder = bench.folder.path().join("voicemail/geral");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("1.wav"), "RIFF").unwrap();
        let audio = bench.get("/v1/voicemails/vm_1/audio").await;
        assert_eq!((audio.text.as_str(), audio.header("content-type")), ("RIFF", "audio/wav"));
        fs::write(folder.join("4.opus"), "OggS").unwrap();
        let audio = bench.get("/v1/voicemails/vm_4/audio").await;
        assert_eq!((audio.text.as_str(), audio.header("content-type")), ("OggS", "audio/ogg; codecs=opus"));
        for id in ["vm_2", "vm_3"] {
            let gone = bench.get(&format!("/v1/voicemails/{id}/audio")).await;
            assert_eq!((gone.status, gone.rule().as_str()), (410, "recording-gone"));
        }
        let shown = bench.get("/v1/voicemails/vm_1").await.json();
        assert_eq!(shown["audio"], "/v1/voicemails/vm_1/audio");
        assert_eq!(shown.get("path"), None);
        assert_eq!(bench.get("/v1/voicemails?mailbox=outra").await.json()["data"], json!([]));
        assert_eq!(shown["heard"], json!(null));
        let marked = bench.patch("/v1/voicemails/vm_1", r#"{"heard":true}"#).await.json();
        assert_eq!(marked["heard"], "2026-11-23T12:45:00Z");
        assert_eq!(bench.patch("/v1/voicemails/vm_9", r#"{"heard":true}"#).await.status, 404);
        assert_eq!(bench.patch("/v1/voicemails/vm_1", r#"{"red":true}"#).await.status, 422);
        for (id, status) in [("vm_1", 204), ("vm_2", 204), ("vm_9", 404)] {
            assert_eq!(bench.delete(&format!("/v1/voicemails/{id}")).await.status, status, "{id}");
        }
        assert!(!folder.join("1.wav").exists());
        assert!(bench.folder.path().join("data/desvio.db").exists(), "deleting went out of the folder");
    });
}

fn event(id: &str, kind: &'static str) -> PublicEvent {
    PublicEvent { id: id.into(), kind, at: at("2026-11-23T12:39:00Z"), data: json!({ "id": "call_1" }).into() }
}

async fn next_text(stream: &mut BodyDataStream) -> String {
    let chunk = tokio::time::timeout(Duration::from_secs(5), stream.next()).await;
    let bytes = chunk.unwrap().unwrap().unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn who_listens_hears_what_was_missed_and_then_what_happens() {
    block_on(async {
        let bench = Bench::new().await;
        for id in ["evt_1", "evt_2"] {
            bench.feed.publish(event(id, "call.ringing"));
        }
        let request = Request::get("/v1/events?type=call.*")
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("last-event-id", "evt_1");
        let response = bench.raw(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut stream = response.into_body().into_data_stream();
        let missed = next_text(&mut stream).await;
        assert!(missed.contains("id: evt_2\n") && missed.contains("event: call.ringing\n"), "{missed}");
        bench.feed.publish(event("evt_3", "message.received"));
        bench.feed.publish(event("evt_4", "call.ended"));
        let live = next_text(&mut stream).await;
        assert!(live.contains("id: evt_4\n") && live.contains(r#""type":"call.ended""#), "{live}");
        bench.feed.close();
        assert!(stream.next().await.is_none());
    });
}

#[test]
fn probes_need_no_token() {
    block_on(async {
        let bench = Bench::new().await;
        let bare = |path: &'static str| bench.send(Request::get(path).header("authorization", ""), "");
        assert_eq!(bare("/health/live").await.json()["status"], "live");
        let ready = bare("/health/ready").await;
        assert_eq!((ready.status, ready.rule().as_str()), (503, "not-ready"));
        assert!(ready.text.contains("no trunk answers"));
        let metrics = bare("/metrics").await;
        assert_eq!(metrics.text, "desvio_calls 0\n");
        assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    });
}

#[test]
fn a_refused_dialplan_is_answered_with_all_its_faults() {
    block_on(async {
        let bench = Bench::new().await;
        let reply = bench.post("/v1/dialplan/reload", "").await;
        assert_eq!(
            (reply.status, reply.json()["changes"][0]["name"].as_str()),
            (200, Some("entrada")),
            "{}",
            reply.text
        );
        let refused = bench.get("/v1/dialplan/diff").await;
        assert_eq!((refused.status, refused.rule().as_str()), (422, "faulty-dialplan"));
        assert_eq!(refused.json()["faults"][0]["path"], "a.kdl");
        assert!(refused.json()["detail"].as_str().unwrap().contains("a.kdl:1:1: this `{` is never closed"));
        assert_eq!(bench.post("/v1/dialplan/rollback", "").await.rule(), "nothing-earlier");
    });
}

#[test]
fn a_dialplan_is_drawn_for_a_browser() {
    block_on(async {
        let bench = Bench::new().await;
        let reply = bench.get("/v1/dialplan/graph?flow=entrada").await;
        assert_eq!((reply.status, reply.header("content-type")), (200, "image/svg+xml"));
        assert!(reply.text.starts_with("<svg") && reply.text.contains("flow entrada"), "{}", reply.text);
        assert_eq!(bench.asked(), ["Dialplan(Draw { flow: Some(\"entrada\") })"]);
        assert_eq!(bench.get("/v1/dialplan/graph?flwo=x").await.status, 400);
    });
}

#[test]
fn a_call_that_has_ended_is_explained() {
    block_on(async {
        let bench = Bench::new().await;
        let writer = &bench.writer;
        writer.write(Write::Record(Arc::new(bench::record("call_1"))));
        writer.flush(Duration::from_secs(5)).await.unwrap();
        let reply = bench.get("/v1/records/call_1/explanation").await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let sentences = reply.json()["sentences"].clone();
        assert_eq!(sentences[3]["text"], "The dialplan says `answer`.", "{sentences}");
        assert_eq!(sentences[3]["place"], "dialplans/loja.kdl:10");
        assert_eq!(bench.get("/v1/records/call_2/explanation").await.rule(), "unknown-id");
    });
}

#[test]
fn incidents_are_told_and_listed() {
    block_on(async {
        let bench = Bench::new().await;
        let writer = &bench.writer;
        writer.write(Write::Incident(Box::new(bench::incident("inc_1"))));
        writer.flush(Duration::from_secs(5)).await.unwrap();

        let list = bench.get("/v1/incidents?open=false&drill=false").await.json();
        assert_eq!(list["data"][0]["counts"]["offered"], 12);
        assert!(list["data"][0].get("timeline").is_none(), "a list holds no stories");
        assert_eq!(bench.get("/v1/incidents?open=true").await.json()["data"], json!([]));

        let one = bench.get("/v1/incidents/inc_1").await.json();
        assert_eq!(one["timeline"][0]["text"], "whatsapp is down");
        assert_eq!(one["timeline"][0]["reasons"][0], "3 of 4 resolvers fail");
        assert_eq!(one["evidence"][0]["verdict"], "bad");
        assert_eq!(bench.get("/v1/incidents/inc_2").await.rule(), "unknown-id");
        assert_eq!(bench.get("/v1/incidents?opne=true").await.rule(), "bad-parameter");

        let table = bench.get("/v1/incidents?format=csv").await;
        assert!(table.header("content-type").starts_with("text/csv"));
        assert_eq!(table.text.lines().count(), 2, "{}", table.text);
    });
}

#[test]
fn a_drill_is_begun_listed_and_ended() {
    block_on(async {
        let bench = Bench::new().await;
        let begun = bench.post("/v1/drills", r#"{"channel":"whatsapp","for":"10m","shadow":true}"#).await;
        assert_eq!((begun.status, begun.header("location")), (201, "/v1/incidents/inc_1"), "{}", begun.text);
        assert!(bench.asked()[0].contains("manner: Shadow"), "{:?}", bench.asked());
        assert_eq!(bench.get("/v1/drills").await.json()["data"][0]["id"], "inc_1");
        assert_eq!(bench.delete("/v1/drills/inc_1").await.status, 200);
        for wrong in [r#"{"channel":"whatsapp","for":"1s"}"#, r#"{"channel":"whatsapp","for":"5h"}"#] {
            assert_eq!(bench.post("/v1/drills", wrong).await.status, 422, "{wrong}");
        }
        assert_eq!(bench.post("/v1/drills", r#"{"channel":"whatsapp"}"#).await.rule(), "bad-field");
    });
}

#[test]
fn anybody_may_see_the_status_page_and_nothing_of_the_inside() {
    block_on(async {
        let bench = Bench::new().await;
        let page = async |language: &str| {
            let request = Request::get("/status").header("accept-language", language).header("authorization", "none");
            bench.send(request, "").await
        };
        let portuguese = page("pt-BR,pt;q=0.9").await;
        assert_eq!(portuguese.status, 200, "{}", portuguese.text);
        assert!(portuguese.text.contains("<b>WhatsApp</b> está fora do ar"), "{}", portuguese.text);
        assert!(portuguese.text.contains("tel:+551140031234"), "{}", portuguese.text);
        for inside in ["Meta says so", "ana", "override", "probe"] {
            assert!(!portuguese.text.contains(inside), "{inside}: {}", portuguese.text);
        }
        let english = page("en").await;
        assert!(english.text.contains("is out of order"), "{}", english.text);
        assert_eq!(english.header("content-language"), "en");
        assert!(english.header("cache-control").contains("max-age"));
        assert!(english.header("content-security-policy").starts_with("default-src 'none'"));
        for _ in 0..50 {
            page("en").await;
        }
        assert!(bench.asked().len() < 10, "the switch is asked once in a while, however many look");
    });
}
