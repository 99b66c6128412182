//! The upgrade of an HTTP request to a WebSocket that carries SIP: RFC 6455 §4.2 and RFC 7118 §5.
//!
//! Whoever comes for something else, as a person with a browser does, is told what this port is for.

use std::io;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::io::sip::wire::Wire;
use crate::sip::parse::LARGEST_MESSAGE;

/// Octets of the request's head; browsers send cookies.
const LONGEST_HEAD: usize = 16 * 1024;

/// Why there will be no WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    NotHttp,
    TooLong,
    NotGet,
    NotAnUpgrade,
    WrongVersion,
    NoKey,
    NotSip,
    ForeignPage,
}

impl Refusal {
    fn status(self) -> &'static str {
        match self {
            Refusal::NotHttp | Refusal::NoKey | Refusal::NotSip => "400 Bad Request",
            Refusal::ForeignPage => "403 Forbidden",
            Refusal::NotGet => "405 Method Not Allowed",
            Refusal::NotAnUpgrade | Refusal::WrongVersion => "426 Upgrade Required",
            Refusal::TooLong => "431 Request Header Fields Too Large",
        }
    }

    fn headers(self) -> &'static str {
        match self {
            Refusal::NotGet => "Allow: GET\r\n",
            Refusal::NotAnUpgrade => "Upgrade: websocket\r\n",
            Refusal::WrongVersion => "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            _ => "",
        }
    }

    fn why(self) -> &'static str {
        match self {
            Refusal::NotHttp => "This is not HTTP/1.1.",
            Refusal::TooLong => "The head of this request is too long.",
            Refusal::NotGet => "A WebSocket begins with GET.",
            Refusal::NotAnUpgrade => "This port speaks SIP over WebSocket (RFC 7118) and serves no pages.",
            Refusal::WrongVersion => "Only version 13 of the WebSocket protocol is spoken here.",
            Refusal::NoKey => "Sec-WebSocket-Key is missing.",
            Refusal::NotSip => "Ask for the subprotocol: new WebSocket(url, \"sip\").",
            Refusal::ForeignPage => "This page may not open a WebSocket here; see `[sip] ws_origins`.",
        }
    }

    fn text(self) -> String {
        let (status, headers, why) = (self.status(), self.headers(), self.why());
        let length = why.len() + 1;
        format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{why}\n"
        )
    }
}

/// Reads the request and answers it; an error means that the connection is of no use.
pub(super) async fn accept(mut wire: Wire, origins: &[String]) -> io::Result<WebSocketStream<Wire>> {
    let (head, rest) = match read_head(&mut wire).await? {
        Some(parts) => parts,
        None => return refuse(wire, Refusal::TooLong).await,
    };
    let key = match key_of(&head, origins) {
        Ok(key) => key,
        Err(refusal) => return refuse(wire, refusal).await,
    };
    let accepted = derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accepted}\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
    );
    wire.write_all(answer.as_bytes()).await?;
    wire.flush().await?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(LARGEST_MESSAGE))
        .max_frame_size(Some(LARGEST_MESSAGE))
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0)
        .max_write_buffer_size(4 * LARGEST_MESSAGE);
    Ok(WebSocketStream::from_partially_read(wire, rest, Role::Server, Some(config)).await)
}

async fn refuse<T>(mut wire: Wire, refusal: Refusal) -> io::Result<T> {
    wire.write_all(refusal.text().as_bytes()).await?;
    wire.shutdown().await?;
    Err(io::Error::other(refusal.why()))
}

/// The head with its empty line, and what came behind it; none if there is no end to it.
async fn read_head(wire: &mut Wire) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let mut head = Vec::new();
    loop {
        let searched = head.len().saturating_sub(3);
        if wire.read_buf(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(end) = head[searched..].windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = head.split_off(searched + end + 4);
            return Ok(Some((head, rest)));
        }
        if head.len() > LONGEST_HEAD {
            return Ok(None);
        }
    }
}

/// The key of a request that asks for SIP over WebSocket.
fn key_of(head: &[u8], origins: &[String]) -> Result<String, Refusal> {
    let head = std::str::from_utf8(head).map_err(|_| Refusal::NotHttp)?;
    let (request, rows) = head.split_once("\r\n").ok_or(Refusal::NotHttp)?;
    let mut words = request.split(' ');
    let (method, version) = (words.next().unwrap_or_default(), words.nth(1).unwrap_or_default());
    if version != "HTTP/1.1" {
        return Err(Refusal::NotHttp);
    }
    let rows: Vec<(&str, &str)> = rows.lines().filter_map(|row| row.split_once(':')).collect();
    let values = |name: &'static str| {
        rows.iter().filter(move |(row, _)| row.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    let lists = |name, word: &str| {
        values(name).flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(word))
    };
    let origin = values("Origin").next();
    match () {
        () if method != "GET" => Err(Refusal::NotGet),
        () if !lists("Upgrade", "websocket") || !lists("Connection", "upgrade") => Err(Refusal::NotAnUpgrade),
        () if values("Sec-WebSocket-Version").next() != Some("13") => Err(Refusal::WrongVersion),
        () if !lists("Sec-WebSocket-Protocol", "sip") => Err(Refusal::NotSip),
        // RFC 6455 §10.2: who is no browser need not say where it comes from.
        () if origin.is_some_and(|origin| !may_come_from(origin, origins)) => Err(Refusal::ForeignPage),
        () => values("Sec-WebSocket-Key").next().filter(|key| !key.is_empty()).map(str::to_owned).ok_or(Refusal::NoKey),
    }
}

fn may_come_from(origin: &str, origins: &[String]) -> bool {
    let same = |allowed: &String| allowed.trim_end_matches('/').eq_ignore_ascii_case(origin);
    origins.is_empty() || origins.iter().any(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat, sip\r\n\
        Origin: https://phone.example\r\n\r\n";

    fn asked(from: &str, to: &str, origins: &[&str]) -> Result<String, Refusal> {
        let origins: Vec<String> = origins.iter().map(|origin| (*origin).to_owned()).collect();
        let head = HEAD.replace(from, to);
        assert!(from.is_empty() || head != HEAD, "{from} is not in it");
        key_of(head.as_bytes(), &origins)
    }

    #[test]
    fn a_browser_that_asks_for_sip_is_let_in() {
        let key = Ok("dGhlIHNhbXBsZSBub25jZQ==".to_owned());
        assert_eq!(asked("", "", &[]), key);
        assert_eq!(asked("", "", &["https://phone.example/"]), key);
        // A softphone that is no browser names no page.
        assert_eq!(asked("Origin: https://phone.example\r\n", "", &["https://phone.example"]), key);
    }

    #[test]
    fn whoever_comes_for_something_else_hears_why() {
        assert_eq!(asked("GET", "POST", &[]), Err(Refusal::NotGet));
        assert_eq!(asked("HTTP/1.1", "HTTP/1.0", &[]), Err(Refusal::NotHttp));
        assert_eq!(asked("Upgrade: WebSocket\r\n", "", &[]), Err(Refusal::NotAnUpgrade));
        assert_eq!(asked("Version: 13", "Version: 8", &[]), Err(Refusal::WrongVersion));
        assert_eq!(asked("chat, sip", "chat", &[]), Err(Refusal::NotSip));
        assert_eq!(asked("dGhlIHNhbXBsZSBub25jZQ==", "", &[]), Err(Refusal::NoKey));
        assert_eq!(asked("", "", &["https://other.example"]), Err(Refusal::ForeignPage));
        let said = Refusal::NotAnUpgrade.text();
        assert!(said.starts_with("HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n"), "{said}");
        assert!(said.ends_with("serves no pages.\n"), "{said}");
    }
}
