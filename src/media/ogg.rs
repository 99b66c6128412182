//! Ogg pages (RFC 3533): packets of one stream into pages, and pages into packets again.
//!
//! Bytes only. A file that was cut off anywhere is read up to its last whole page, and a page with a wrong checksum is as if it were not there.

/// The first page of the stream. RFC 3533 §6.
pub const FIRST: u8 = 0x02;
/// The last one.
pub const LAST: u8 = 0x04;
/// Its first packet began on the page before.
const CONTINUED: u8 = 0x01;

/// Octets before the table of segments.
const FIXED: usize = 27;

const MOST_SEGMENTS: usize = 255;

/// Whole packets that are to stand on one page.
#[derive(Debug, Clone, Default)]
pub struct Page {
    segments: Vec<u8>,
    body: Vec<u8>,
}

impl Page {
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Whether a packet of so many octets still finds room.
    pub fn has_room(&self, octets: usize) -> bool {
        self.segments.len() + octets / 255 < MOST_SEGMENTS
    }

    /// To be asked for room before.
    pub fn push(&mut self, packet: &[u8]) {
        self.segments.extend(std::iter::repeat_n(255, packet.len() / 255));
        self.segments.push((packet.len() % 255) as u8);
        self.body.extend_from_slice(packet);
    }
}

/// Numbers the pages of one stream.
#[derive(Debug, Clone)]
pub struct Numbering {
    serial: u32,
    next: u32,
}

impl Numbering {
    /// Of the stream with this serial number.
    pub fn new(serial: u32) -> Numbering {
        Numbering { serial, next: 0 }
    }

    /// Writes a page behind what is in `out`. `granule` is the position at its end, in the codec's own count.
    pub fn write(&mut self, page: &Page, granule: u64, flags: u8, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(b"OggS\0");
        out.push(flags);
        out.extend_from_slice(&granule.to_le_bytes());
        out.extend_from_slice(&self.serial.to_le_bytes());
        out.extend_from_slice(&self.next.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.push(page.segments.len() as u8);
        out.extend_from_slice(&page.segments);
        out.extend_from_slice(&page.body);
        let checksum = checksum(&out[start..]);
        out[start + 22..start + 26].copy_from_slice(&checksum.to_le_bytes());
        self.next = self.next.wrapping_add(1);
    }
}

/// A page that was read.
#[derive(Debug, Clone, Copy)]
pub struct Read<'a> {
    pub flags: u8,
    pub granule: u64,
    pub serial: u32,
    segments: &'a [u8],
    body: &'a [u8],
    /// Where the page after it begins.
    pub end: usize,
}

/// The whole pages of a file, in order.
pub fn pages(file: &[u8]) -> impl Iterator<Item = Read<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(rest) = file.get(at..).filter(|rest| rest.len() >= FIXED) {
            match page_at(rest, at) {
                Some(page) => {
                    at = page.end;
                    return Some(page);
                }
                None => at += 1,
            }
        }
        None
    })
}

fn page_at(rest: &[u8], at: usize) -> Option<Read<'_>> {
    if !rest.starts_with(b"OggS\0") {
        return None;
    }
    let count = usize::from(*rest.get(26)?);
    let segments = rest.get(FIXED..FIXED + count)?;
    let length = segments.iter().map(|octets| usize::from(*octets)).sum::<usize>();
    let body = rest.get(FIXED + count..FIXED + count + length)?;
    let whole = &rest[..FIXED + count + length];
    let said = u32::from_le_bytes(*rest.get(22..)?.first_chunk()?);
    if checksum_without_itself(whole) != said {
        return None;
    }
    let granule = u64::from_le_bytes(*rest.get(6..)?.first_chunk()?);
    let serial = u32::from_le_bytes(*rest.get(14..)?.first_chunk()?);
    Some(Read { flags: rest[5], granule, serial, segments, body, end: at + whole.len() })
}

/// Calls `each` with every whole packet of the stream to which the first page belongs, and with the granule of the page that it ends on.
pub fn packets(file: &[u8], mut each: impl FnMut(&[u8], u64)) {
    let mut packet = Vec::new();
    let mut serial = None;
    for page in pages(file) {
        if *serial.get_or_insert(page.serial) != page.serial {
            continue;
        }
        if page.flags & CONTINUED == 0 {
            packet.clear();
        }
        // Its beginning was on a page that is not there.
        let mut headless = page.flags & CONTINUED != 0 && packet.is_empty();
        let mut body = page.body;
        for octets in page.segments {
            let (part, rest) = body.split_at(usize::from(*octets));
            packet.extend_from_slice(part);
            body = rest;
            if *octets < 255 {
                if !std::mem::take(&mut headless) {
                    each(&packet, page.granule);
                }
                packet.clear();
            }
        }
    }
}

/// CRC-32 with the polynomial 0x04c11db7, neither reflected nor inverted. RFC 3533 §6.
fn checksum(octets: &[u8]) -> u32 {
    octets.iter().fold(0, |sum, octet| (sum << 8) ^ TABLE[((sum >> 24) as u8 ^ octet) as usize])
}

/// That of the page with nothing in the place of its checksum.
fn checksum_without_itself(page: &[u8]) -> u32 {
    let octets = page.iter().enumerate().map(|(at, octet)| if (22..26).contains(&at) { 0 } else { *octet });
    octets.fold(0, |sum, octet| (sum << 8) ^ TABLE[((sum >> 24) as u8 ^ octet) as usize])
}

const TABLE: [u32; 256] = {
    let mut table = [0_u32; 256];
    let mut octet = 0;
    while octet < 256 {
        let mut sum = (octet as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 0x8000_0000 == 0 { sum << 1 } else { (sum << 1) ^ 0x04c1_1db7 };
            bit += 1;
        }
        table[octet] = sum;
        octet += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn file(packets: &[Vec<u8>]) -> Vec<u8> {
        let (mut numbering, mut out) = (Numbering::new(7), Vec::new());
        for (at, packet) in packets.iter().enumerate() {
            let mut page = Page::default();
            assert!(page.has_room(packet.len()));
            page.push(packet);
            numbering.write(&page, at as u64, if at == 0 { FIRST } else { 0 }, &mut out);
        }
        out
    }

    fn read(file: &[u8]) -> Vec<Vec<u8>> {
        let mut read = Vec::new();
        packets(file, |packet, _| read.push(packet.to_vec()));
        read
    }

    #[test]
    fn packets_of_every_length_come_back() {
        let sent: Vec<Vec<u8>> = [0, 1, 254, 255, 256, 510, 60_000].map(|length| vec![length as u8; length]).to_vec();
        assert_eq!(read(&file(&sent)), sent);
    }

    #[test]
    fn a_file_that_is_cut_off_anywhere_is_read_up_to_its_last_whole_page() {
        let sent = vec![vec![1; 40], vec![2; 300], vec![3; 9]];
        let whole = file(&sent);
        for cut in 0..whole.len() {
            let read = read(&whole[..cut]);
            assert_eq!(read, sent[..read.len()], "{cut}");
        }
    }

    #[test]
    fn a_page_that_was_changed_is_left_out_and_the_next_is_found() {
        let sent = vec![vec![1; 40], vec![2; 40], vec![3; 40]];
        let whole = file(&sent);
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x40;
            assert!(read(&changed).len() >= 2, "{at}");
        }
    }

    #[test]
    fn the_rest_of_a_packet_whose_beginning_is_lost_is_none() {
        let mut page = Page::default();
        page.push(&[2; 9]);
        page.push(&[3; 9]);
        let (mut numbering, mut whole) = (Numbering::new(7), file(&[vec![1; 40]]));
        numbering.write(&page, 1, CONTINUED, &mut whole);
        assert_eq!(read(&whole), [vec![1; 40], vec![3; 9]]);
    }

    #[test]
    fn a_checksum_has_the_polynomial_of_the_rfc() {
        // The check value of CRC-32/CKSUM before its last inversion, as catalogues of checksums name it.
        assert_eq!(checksum(b"123456789"), 0x89a1_897f);
    }
}
