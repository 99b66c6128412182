//! One question to one name server, without any cache between: over UDP, and over TCP where the answer is too long.

use std::io;
use std::net;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::proto::op::Edns;
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::op::MessageType;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::proto::rr::RecordType;
use hickory_resolver::proto::rr::rdata::opt::EdnsCode;
use hickory_resolver::proto::rr::rdata::opt::EdnsOption;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::io::probe::tcp;
use crate::io::probe::trouble::Trouble;
use crate::outage::fault::Fault;

/// Whether the server shall ask others on our behalf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recursion {
    Desired,
    /// A zone's own server says what it knows by itself.
    Unwanted,
}

/// What one name server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) addresses: Vec<IpAddr>,
    /// Names of the zone's servers, of an answer to NS.
    pub(super) servers: Vec<Name>,
    /// By a server of the zone itself.
    pub(super) authoritative: bool,
    /// Told by the resolver to be past its time (RFC 8767, RFC 8914 §4.4).
    pub(super) stale: bool,
    /// The name exists, whatever its records.
    pub(super) exists: bool,
}

/// One lost datagram is not an outage: asked again after this, once.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(1500);

const TRIES: u32 = 2;

/// What fits through every path without fragments (DNS flag day 2020).
const PAYLOAD: u16 = 1232;

/// RFC 8914 §4.4 and §4.20.
const STALE_ANSWER: u16 = 3;
const STALE_NXDOMAIN: u16 = 19;
const EXTENDED_ERROR: u16 = 15;

/// Of an answer, no more addresses are taken.
const ADDRESSES: usize = 16;

pub(super) async fn ask(
    server: SocketAddr,
    from: Option<IpAddr>,
    name: &Name,
    kind: RecordType,
    recursion: Recursion,
) -> Result<Reply, Trouble> {
    let question = question(name, kind, recursion);
    let bytes = question.to_vec().map_err(|why| Trouble::new(Fault::Other, why.to_string()))?;
    let mut answer = over_udp(server, from, &question, &bytes).await?;
    if answer.metadata.truncation {
        answer = timeout(ASK_AGAIN_AFTER, over_tcp(server, from, &question, &bytes)).await.map_err(|_| silence())??;
    }
    read(&answer)
}

fn question(name: &Name, kind: RecordType, recursion: Recursion) -> Message {
    let mut question = Message::query();
    question.metadata.recursion_desired = recursion == Recursion::Desired;
    question.add_query(Query::query(name.clone(), kind));
    let mut edns = Edns::new();
    edns.set_max_payload(PAYLOAD);
    question.set_edns(edns);
    question
}

/// A new socket for each question: its port is the other half of what a forger has to guess (RFC 5452 §4.5).
async fn over_udp(
    server: SocketAddr,
    from: Option<IpAddr>,
    question: &Message,
    bytes: &[u8],
) -> Result<Message, Trouble> {
    let nothing: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let fault = |error: io::Error| unasked(&error);
    let socket = net::UdpSocket::bind((from.unwrap_or(nothing), 0)).map_err(fault)?;
    socket.set_nonblocking(true).map_err(fault)?;
    socket.connect(server).map_err(fault)?;
    // A socket of its own has room: nobody need wake us to tell so.
    socket.send(bytes).map_err(fault)?;
    let socket = UdpSocket::from_std(socket).map_err(fault)?;
    for again in 0..TRIES {
        if again > 0 {
            socket.send(bytes).await.map_err(fault)?;
        }
        if let Ok(answer) = timeout(ASK_AGAIN_AFTER, answer_to(question, &socket)).await {
            return answer;
        }
    }
    Err(silence())
}

/// What does not answer the question (garbage, forgeries, late answers to others) is passed over.
async fn answer_to(question: &Message, socket: &UdpSocket) -> Result<Message, Trouble> {
    let mut buffer = [0; 4096];
    loop {
        // A closed port answers by ICMP.
        let length = socket.recv(&mut buffer).await.map_err(|error| unasked(&error))?;
        if let Ok(answer) = Message::from_vec(&buffer[..length])
            && answers(question, &answer)
        {
            return Ok(answer);
        }
    }
}

async fn over_tcp(
    server: SocketAddr,
    from: Option<IpAddr>,
    question: &Message,
    bytes: &[u8],
) -> Result<Message, Trouble> {
    let fault = |error: io::Error| unasked(&error);
    let mut stream = tcp::connect_from(from, server).await.map_err(fault)?;
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    stream.write_all(&[&length.to_be_bytes(), bytes].concat()).await.map_err(fault)?;
    let length = stream.read_u16().await.map_err(fault)?;
    let mut answer = vec![0; length.into()];
    stream.read_exact(&mut answer).await.map_err(fault)?;
    match Message::from_vec(&answer) {
        Ok(answer) if answers(question, &answer) => Ok(answer),
        _ => Err(Trouble::new(Fault::LookupTimeout, "the name server answers with garbage")),
    }
}

/// RFC 5452 §9.1: the same number, the same question.
fn answers(question: &Message, answer: &Message) -> bool {
    let asked = question.queries.first();
    let same = |query: &Query| {
        asked.is_some_and(|asked| asked.name() == query.name() && asked.query_type() == query.query_type())
    };
    answer.metadata.message_type == MessageType::Response
        && answer.metadata.id == question.metadata.id
        // Some servers leave the question out when they refuse.
        && answer.queries.first().is_none_or(same)
}

fn read(answer: &Message) -> Result<Reply, Trouble> {
    let code = answer.metadata.response_code;
    if code != ResponseCode::NoError {
        return Err(code_trouble(code));
    }
    let addresses = answer.answers.iter().filter_map(|record| match &record.data {
        RData::A(address) => Some(IpAddr::V4(address.0)),
        RData::AAAA(address) => Some(IpAddr::V6(address.0)),
        _ => None,
    });
    let servers = answer.answers.iter().filter_map(|record| match &record.data {
        RData::NS(server) => Some(server.0.clone()),
        _ => None,
    });
    Ok(Reply {
        addresses: addresses.take(ADDRESSES).collect(),
        servers: servers.take(ADDRESSES).collect(),
        authoritative: answer.metadata.authoritative,
        stale: is_stale(answer),
        exists: !answer.answers.is_empty() || answer.metadata.authoritative,
    })
}

fn is_stale(answer: &Message) -> bool {
    let options = answer.edns.as_ref().map(|edns| edns.options().get_all(EdnsCode::Unknown(EXTENDED_ERROR)));
    options.unwrap_or_default().iter().any(|option| match option {
        EdnsOption::Unknown(_, bytes) => {
            let code = bytes.first_chunk().map(|code| u16::from_be_bytes(*code));
            matches!(code, Some(STALE_ANSWER | STALE_NXDOMAIN))
        }
        _ => false,
    })
}

pub(super) fn no_address() -> Trouble {
    Trouble::new(Fault::NoAddress, "the name has no address")
}

/// Whatever kept us from asking: nobody answered.
fn unasked(error: &io::Error) -> Trouble {
    Trouble::new(Fault::LookupTimeout, format!("the name server cannot be asked: {error}"))
}

fn silence() -> Trouble {
    Trouble::new(Fault::LookupTimeout, "no answer")
}

/// RFC 1035 §4.1.1, in the words that `dig` uses.
fn code_trouble(code: ResponseCode) -> Trouble {
    match code {
        ResponseCode::NXDomain => Trouble::new(Fault::NxDomain, "NXDOMAIN"),
        ResponseCode::ServFail => Trouble::new(Fault::ServFail, "SERVFAIL"),
        ResponseCode::Refused => Trouble::new(Fault::LookupRefused, "REFUSED"),
        other => Trouble::new(Fault::ServFail, other.to_string()),
    }
}
