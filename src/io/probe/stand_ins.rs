//! Servers on loopback that behave as badly as a test needs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::civil::date;
use rcgen::CertificateParams;
use rcgen::KeyPair;
use rcgen::date_time_ymd;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// Answers every request with this text and closes.
pub(crate) async fn http(answer: impl AsRef<[u8]> + Copy + Send + Sync + 'static) -> SocketAddr {
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                read_request(&mut stream).await;
                let _ = stream.write_all(answer.as_ref()).await;
            });
        }
    });
    address
}

/// Tells what the first request looked like.
pub(crate) async fn http_that_listens(
    answer: impl AsRef<[u8]> + Send + Sync + 'static,
) -> (SocketAddr, oneshot::Receiver<String>) {
    let (listener, address) = listener().await;
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let seen = read_request(&mut stream).await;
        let _ = stream.write_all(answer.as_ref()).await;
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

/// Begins a handshake and sends the rest of it letter by letter.
pub(crate) async fn tls_that_trickles() -> SocketAddr {
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                // A record of 16 KiB (RFC 8446 §5.1) with a ServerHello that never ends.
                let _ = stream.write_all(&[22, 3, 3, 0x40, 0, 2, 0, 0x3f, 0xfc]).await;
                while stream.write_all(&[3]).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
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
    tls_until(name, date(2096, 1, 1)).await
}

/// The same, with a certificate that ends at the beginning of that day.
pub(crate) async fn tls_until(name: &str, end: Date) -> (SocketAddr, PathBuf) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_after = date_time_ymd(end.year().into(), end.month() as u8, end.day() as u8);
    let key = KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.der().clone()], private)
        .unwrap();
    let (listener, address) = listener().await;
    let path = std::env::temp_dir().join(format!("desvio-{}-{}.pem", std::process::id(), address.port()));
    std::fs::write(&path, made.pem()).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_in_secret(acceptor.clone(), stream));
        }
    });
    (address, path)
}

async fn answer_in_secret(acceptor: TlsAcceptor, stream: TcpStream) {
    if let Ok(mut stream) = acceptor.accept(stream).await {
        let mut request = [0; 2048];
        let _ = stream.read(&mut request).await;
        let answer = b"HTTP/1.1 400 Bad\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        let _ = stream.write_all(answer).await;
        let _ = stream.shutdown().await;
    }
}

/// A port whose queue of connections is full: the kernel drops every SYN, as a route into nothing does. The queue is full
/// as long as what comes back is held.
pub(crate) async fn black_hole() -> (SocketAddr, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = Vec::new();
    while let Ok(stream) = timeout(Duration::from_millis(100), TcpStream::connect(address)).await {
        held.push(stream.unwrap());
    }
    // Never accepted from, and open as long as the process.
    std::mem::forget(listener);
    (address, held)
}

/// Tunnels every CONNECT to one place, whatever was asked for, answers every other request itself, and tells what it was.
pub(crate) async fn proxy(to: SocketAddr) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let (listener, address) = listener().await;
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let tell = tell.clone();
            tokio::spawn(async move {
                let request = read_request(&mut near).await;
                let _ = tell.send(request.lines().next().unwrap_or_default().to_owned());
                if !request.starts_with("CONNECT ") {
                    let _ = near.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
                    return;
                }
                let mut far = TcpStream::connect(to).await.unwrap();
                let _ = near.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await;
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    (address, told)
}

/// What the name server says; codes of RFC 1035 §4.1.1.
#[derive(Clone, Copy)]
pub(crate) enum Says {
    /// Every name is 127.0.0.1.
    Loopback,
    Address([u8; 4]),
    /// The same address, with the word that it is past its time (RFC 8914 §4.4).
    Stale([u8; 4]),
    /// Over UDP only that the answer is too long; over TCP that every name is 127.0.0.1.
    TooLong,
    /// Zones are names of two labels, each with one server `a` below it; every address is 127.0.0.1.
    Zones,
    /// A name that has no address.
    NoAddress,
    Code(u8),
    Nothing,
    Garbage,
}

pub(crate) async fn name_server(says: Says) -> SocketAddr {
    changing_name_server(says).await.0
}

/// A name server that can be told to say something else.
pub(crate) async fn changing_name_server(says: Says) -> (SocketAddr, watch::Sender<Says>) {
    let (listener, address) = listener().await;
    let socket = UdpSocket::bind(address).await.unwrap();
    let (change, saying) = watch::channel(says);
    let said = saying.clone();
    tokio::spawn(async move {
        let mut query = [0; 512];
        while let Ok((length, peer)) = socket.recv_from(&mut query).await {
            let says = *saying.borrow();
            if let Some(answer) = dns_answer(&query[..length], says) {
                let _ = socket.send_to(&answer, peer).await;
            }
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let says = match *said.borrow() {
                Says::TooLong => Says::Loopback,
                other => other,
            };
            let length = stream.read_u16().await.unwrap();
            let mut query = vec![0; length.into()];
            stream.read_exact(&mut query).await.unwrap();
            if let Some(answer) = dns_answer(&query, says) {
                let length = u16::try_from(answer.len()).unwrap();
                let _ = stream.write_all(&[&length.to_be_bytes(), &answer[..]].concat()).await;
            }
        }
    });
    (address, change)
}

/// Header, the question as it came, and one A record for questions of type A.
fn dns_answer(query: &[u8], says: Says) -> Option<Vec<u8>> {
    let name_end = 12 + query[12..].iter().position(|byte| *byte == 0)? + 1;
    let question = &query[12..name_end + 4];
    let asks_for_ipv4 = question[question.len() - 4..][..2] == [0, 1];
    let (code, address) = match says {
        Says::Nothing => return None,
        Says::Garbage => return Some([&query[..2], &[0xff; 30]].concat()),
        Says::Code(code) => (code, None),
        Says::NoAddress | Says::TooLong => (0, None),
        Says::Loopback | Says::Zones => (0, Some([127, 0, 0, 1])),
        Says::Address(address) | Says::Stale(address) => (0, Some(address)),
    };
    if matches!(says, Says::Zones) && question[question.len() - 4..][..2] == [0, 2] {
        return Some(zone_answer(query, question));
    }
    let address = address.filter(|_| asks_for_ipv4);
    let (truncated, stale) = (matches!(says, Says::TooLong), matches!(says, Says::Stale(_)));
    let flags = 0x81 | u8::from(truncated) << 1;
    let (answers, additional) = (u8::from(address.is_some()), u8::from(stale));
    let header = [query[0], query[1], flags, 0x80 | code, 0, 1, 0, answers, 0, 0, 0, additional];
    let mut answer = [&header, question].concat();
    if let Some(address) = address {
        answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend_from_slice(&address);
    }
    if stale {
        // OPT with an extended error: 3, stale answer.
        answer.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 6, 0, 15, 0, 2, 0, 3]);
    }
    Some(answer)
}

/// One NS record where the name has two labels, else none.
fn zone_answer(query: &[u8], question: &[u8]) -> Vec<u8> {
    let second = 1 + usize::from(question[0]);
    let third = second + 1 + usize::from(question[second]);
    let is_zone = question[third] == 0;
    let header = [query[0], query[1], 0x81, 0x80, 0, 1, 0, u8::from(is_zone), 0, 0, 0, 0];
    let mut answer = [&header, question].concat();
    if is_zone {
        answer.extend_from_slice(&[0xc0, 12, 0, 2, 0, 1, 0, 0, 0, 60, 0, 4, 1, b'a', 0xc0, 12]);
    }
    answer
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
