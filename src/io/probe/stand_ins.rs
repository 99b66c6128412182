//! Servers on loopback that behave as badly as a test needs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// Answers every request with this text and closes.
pub(crate) async fn http(answer: &'static str) -> SocketAddr {
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                read_request(&mut stream).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    address
}

/// Tells what the first request looked like.
pub(crate) async fn http_that_listens(answer: &'static str) -> (SocketAddr, oneshot::Receiver<String>) {
    let (listener, address) = listener().await;
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let seen = read_request(&mut stream).await;
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = tell.send(seen);
    });
    (address, told)
}

/// Begins with this text and then sends letters for ever.
pub(crate) async fn http_without_end(beginning: &'static str) -> SocketAddr {
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                read_request(&mut stream).await;
                let _ = stream.write_all(beginning.as_bytes()).await;
                while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
            });
        }
    });
    address
}

/// One letter of an answer every 50 ms.
pub(crate) async fn http_that_trickles() -> SocketAddr {
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                read_request(&mut stream).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                while stream.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            });
        }
    });
    address
}

/// Accepts and says nothing.
pub(crate) async fn silent() -> SocketAddr {
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    address
}

pub(crate) async fn closed_port() -> SocketAddr {
    let (_closed_at_the_end, address) = listener().await;
    address
}

/// A TLS server with a certificate of its own for this name; where the certificate lies as PEM.
pub(crate) async fn tls(name: &str) -> (SocketAddr, PathBuf) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let (listener, address) = listener().await;
    let path = std::env::temp_dir().join(format!("desvio-{}-{}.pem", std::process::id(), address.port()));
    std::fs::write(&path, made.cert.pem()).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let mut request = [0; 2048];
                    let _ = stream.read(&mut request).await;
                    let answer = b"HTTP/1.1 400 Bad\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
                    let _ = stream.write_all(answer).await;
                    let _ = stream.shutdown().await;
                }
            });
        }
    });
    (address, path)
}

/// What the name server says; codes of RFC 1035 §4.1.1.
#[derive(Clone, Copy)]
pub(crate) enum Says {
    /// Every name is 127.0.0.1.
    Loopback,
    Code(u8),
    Nothing,
    Garbage,
}

pub(crate) async fn name_server(says: Says) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut query = [0; 512];
        while let Ok((length, peer)) = socket.recv_from(&mut query).await {
            if let Some(answer) = dns_answer(&query[..length], says) {
                let _ = socket.send_to(&answer, peer).await;
            }
        }
    });
    address
}

/// Header, the question as it came, and one A record for questions of type A.
fn dns_answer(query: &[u8], says: Says) -> Option<Vec<u8>> {
    let name_end = 12 + query[12..].iter().position(|byte| *byte == 0)? + 1;
    let question = &query[12..name_end + 4];
    let asks_for_ipv4 = question[question.len() - 4..][..2] == [0, 1];
    let (code, answers) = match says {
        Says::Nothing => return None,
        Says::Garbage => return Some([&query[..2], &[0xff; 30]].concat()),
        Says::Code(code) => (code, 0),
        Says::Loopback => (0, u8::from(asks_for_ipv4)),
    };
    let header = [query[0], query[1], 0x81, 0x80 | code, 0, 1, 0, answers, 0, 0, 0, 0];
    let record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1];
    let mut answer = [&header, question].concat();
    if answers == 1 {
        answer.extend_from_slice(&record);
    }
    Some(answer)
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Up to the end of the header, and as much body as is announced.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    let mut buffer = [0; 2048];
    loop {
        let text = String::from_utf8_lossy(&seen).into_owned();
        if let Some((header, body)) = text.split_once("\r\n\r\n") {
            let mut lines = header.lines();
            let length = lines.find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return text,
            Ok(read) => seen.extend_from_slice(&buffer[..read]),
        }
    }
}
