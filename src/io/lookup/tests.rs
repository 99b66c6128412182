//! Against real sockets that behave badly.

use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;
use crate::dialplan::lookup::Body;
use crate::dialplan::lookup::JsonPath;
use crate::dialplan::lookup::Sort;
use crate::dialplan::lookup::Wanted;
use crate::io::probe::stand_ins;

const LOOPBACK: &str = "allow = [\"127.0.0.1\"]";

fn asker(config: &str) -> Asker {
    let credential = "name = \"loja\"\nhost = \"127.0.0.1\"\nheader = \"X-Chave\"\nvalue = \"segredo-da-loja\"";
    let credential: Credential = toml::from_str(credential).unwrap();
    assert!(!format!("{credential:?}").contains("segredo"));
    Asker::new(&toml::from_str(config).unwrap(), &[credential], Path::new(""), None).unwrap()
}

fn query(method: &'static str, url: &str) -> Query {
    Query {
        id: 1,
        method,
        url: url.to_owned(),
        headers: vec![("X-Loja".to_owned(), "centro".to_owned())],
        body: None,
        credentials: None,
        within: Duration::from_millis(1_500),
        wanted: vec![Wanted { path: path("a.0"), sort: Sort::Text }],
    }
}

fn path(text: &str) -> JsonPath {
    // The only way to a path is the checker's; here stands what it makes of one.
    JsonPath::parse(text).unwrap()
}

async fn get(address: SocketAddr) -> Findings {
    asker(LOOPBACK).ask(&query("GET", &format!("http://{address}/x"))).await
}

fn answer(status: &str, body: &str) -> &'static str {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").leak()
}

#[tokio::test]
async fn values_are_read_out_of_the_answer() {
    let address = stand_ins::http(answer("200 OK", "{\"a\":[7]}")).await;
    assert_eq!(get(address).await, Ok(vec![Some("7".to_owned())]));
    let lacking = stand_ins::http(answer("200 OK", "{}")).await;
    assert_eq!(get(lacking).await, Ok(vec![None]));
}

#[tokio::test]
async fn the_question_arrives_as_it_was_composed_and_the_secret_with_it() {
    let (address, seen) = stand_ins::http_that_listens(answer("200 OK", "{\"a\":[1]}")).await;
    let body = Some(Body { content_type: "application/json", text: "{\"fone\":\"+55\"}".to_owned() });
    let url = format!("http://{address}/pedidos/%2B55");
    let asked = Query { body, credentials: Some("loja".to_owned()), ..query("POST", &url) };
    asker(LOOPBACK).ask(&asked).await.unwrap();
    let seen = seen.await.unwrap();
    assert!(seen.starts_with("POST /pedidos/%2B55 HTTP/1.1"), "{seen}");
    for part in
        ["x-loja: centro", "x-chave: segredo-da-loja", "content-type: application/json", "\r\n\r\n{\"fone\":\"+55\"}"]
    {
        assert!(seen.contains(part), "{part} in {seen}");
    }
    assert!(!format!("{asked:?}").contains("pedidos"), "what customers typed is not logged");
}

#[tokio::test]
async fn other_statuses_and_garbage_are_failures() {
    for (written, failure) in [
        (answer("404 Not Found", "{\"a\":[1]}"), LookUpFailure::Status(404)),
        (answer("503 Busy", ""), LookUpFailure::Status(503)),
        (answer("200 OK", "<html>"), LookUpFailure::NotJson),
        ("\0\0\0 nonsense\r\n\r\n", LookUpFailure::Unreachable),
    ] {
        let address = stand_ins::http(written).await;
        assert_eq!(get(address).await, Err(failure), "{written}");
    }
}

#[tokio::test]
async fn slow_silent_and_closed_servers_cost_no_more_than_the_time_allowed() {
    let began = Instant::now();
    assert_eq!(get(stand_ins::silent().await).await, Err(LookUpFailure::TimedOut));
    assert_eq!(get(stand_ins::http_that_trickles().await).await, Err(LookUpFailure::TimedOut));
    assert_eq!(get(stand_ins::closed_port().await).await, Err(LookUpFailure::Unreachable));
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn an_endless_answer_and_a_gigabyte_are_cut_off() {
    let endless = stand_ins::http_without_end("HTTP/1.1 200 OK\r\n\r\n").await;
    assert_eq!(get(endless).await, Err(LookUpFailure::TooLarge));
    let announced = stand_ins::http_without_end("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n").await;
    assert_eq!(get(announced).await, Err(LookUpFailure::TooLarge));
}

/// Sends every GET on to this place; how many questions it got.
async fn redirecting(to: impl Fn(SocketAddr) -> String) -> (SocketAddr, Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let location = to(address);
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 2_048];
            let _ = stream.read(&mut request).await;
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let answer =
                format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (address, count)
}

#[tokio::test]
async fn redirects_for_ever_end_and_those_to_elsewhere_are_not_followed() {
    let (round, count) = redirecting(|address| format!("http://{address}/again")).await;
    assert_eq!(get(round).await, Err(LookUpFailure::Redirected));
    assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 4, "the first and three more");

    let (other, seen) = stand_ins::http_that_listens(answer("200 OK", "{}")).await;
    let (away, _) = redirecting(move |_| format!("http://{other}/")).await;
    assert_eq!(get(away).await, Err(LookUpFailure::Redirected));
    drop(seen);

    let (post, count) = redirecting(|address| format!("http://{address}/again")).await;
    let posted = asker(LOOPBACK).ask(&query("POST", &format!("http://{post}/"))).await;
    assert_eq!(posted, Err(LookUpFailure::Redirected));
    assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_is_inside_is_asked_only_where_it_is_allowed() {
    let address = stand_ins::http(answer("200 OK", "{\"a\":[1]}")).await;
    let by_address = query("GET", &format!("http://{address}/"));
    let by_name = query("GET", &format!("http://localhost:{}/", address.port()));
    assert_eq!(asker("").ask(&by_address).await, Err(LookUpFailure::Forbidden));
    assert_eq!(asker("").ask(&by_name).await, Err(LookUpFailure::Forbidden));
    assert!(asker("allow = [\"localhost\"]").ask(&by_name).await.is_ok());
    assert!(asker(LOOPBACK).ask(&by_name).await.is_ok());
    assert_eq!(asker("allow = [\"localhost\"]").ask(&by_address).await, Err(LookUpFailure::Forbidden));
}

#[tokio::test]
async fn those_who_wait_for_their_turn_wait_within_their_own_time() {
    let silent = stand_ins::silent().await;
    let asker = asker(&format!("{LOOPBACK}\nat_once = 1"));
    let asked = query("GET", &format!("http://{silent}/"));
    let began = Instant::now();
    let (one, other) = tokio::join!(asker.ask(&asked), asker.ask(&asked));
    assert_eq!((one, other), (Err(LookUpFailure::TimedOut), Err(LookUpFailure::TimedOut)));
    assert!(began.elapsed() < Duration::from_millis(2_900), "both at once, and not one after the other");
}

#[test]
fn a_credential_without_a_value_or_with_one_that_fits_no_header_is_a_fault() {
    let made = |text: &str| Asker::new(&Config::default(), &[toml::from_str(text).unwrap()], Path::new(""), None);
    let fault = |text: &str| made(text).unwrap_err().to_string();
    assert!(fault("name = \"a\"\nhost = \"h\"").contains("neither `value`"));
    assert!(fault("name = \"a\"\nhost = \"h\"\nvalue_file = \"/nowhere/x\"").contains("/nowhere/x"));
    let unfit = fault("name = \"a\"\nhost = \"h\"\nvalue = \"segredo\\nx\"");
    assert!(unfit.contains("`a`") && !unfit.contains("segredo"), "{unfit}");
}
