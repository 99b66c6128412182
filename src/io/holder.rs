//! Who holds a port: as far as Linux tells it to our user, from `/proc`.

use std::fs;
use std::path::Path;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Udp,
    Tcp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub program: String,
    pub process: u32,
}

/// `` by `asterisk` (process 812)``, to go behind "is taken"; empty where the system does not say.
pub fn in_words(protocol: Protocol, port: u16) -> String {
    match of_port(protocol, port) {
        Some(holder) => format!(" by `{}` (process {})", holder.program, holder.process),
        None => String::new(),
    }
}

/// None where the system does not say: another user's process, or no `/proc`.
pub fn of_port(protocol: Protocol, port: u16) -> Option<Holder> {
    let tables = match protocol {
        Protocol::Udp => ["/proc/net/udp", "/proc/net/udp6"],
        Protocol::Tcp => ["/proc/net/tcp", "/proc/net/tcp6"],
    };
    let tables = tables.iter().filter_map(|path| fs::read_to_string(path).ok());
    let inodes: Vec<String> = tables.flat_map(|table| inodes(&table, protocol, port)).collect();
    if inodes.is_empty() {
        return None;
    }
    let processes = fs::read_dir("/proc").ok()?.filter_map(Result::ok);
    let mut numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let process = numbers.find(|process| holds(*process, &inodes))?;
    let program = fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
    Some(Holder { program: program.trim().to_owned(), process })
}

/// The sockets bound to `port`, by inode; proc(5). TCP sockets count only while they listen (state `0A`).
fn inodes(table: &str, protocol: Protocol, port: u16) -> Vec<String> {
    let local_port = format!(":{port:04X}");
    let of_line = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let bound = fields.get(1)?.ends_with(&local_port);
        let listens = protocol == Protocol::Udp || *fields.get(3)? == "0A";
        (bound && listens).then(|| fields.get(9).map(|inode| (*inode).to_owned()))?
    };
    table.lines().skip(1).filter_map(of_line).collect()
}

fn holds(process: u32, inodes: &[String]) -> bool {
    let Ok(files) = Path::new(&format!("/proc/{process}/fd")).read_dir() else {
        return false;
    };
    let links = files.filter_map(Result::ok).filter_map(|file| fs::read_link(file.path()).ok());
    let mut names = links.filter_map(|link| link.to_str().map(ToOwned::to_owned));
    names.any(|name| inodes.iter().any(|inode| name == format!("socket:[{inode}]")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: 00000000:13C4 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n   1: 0100007F:13C4 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4712 1\n";

    #[test]
    fn only_sockets_that_hold_the_port_are_found() {
        assert_eq!(inodes(TABLE, Protocol::Tcp, 5060), ["4711"]);
        assert_eq!(inodes(TABLE, Protocol::Udp, 5060), ["4711", "4712"]);
        assert!(inodes(TABLE, Protocol::Tcp, 5061).is_empty());
        assert!(inodes("nonsense", Protocol::Tcp, 5061).is_empty());
    }
}
