//! Mends recordings that a crash cut off: their headers say less than there is.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use crate::media::wav;

/// Brings the header up to date; returns how long the recording lasts.
pub fn mend(path: &Path) -> io::Result<Duration> {
    let file: File = OpenOptions::new().read(true).write(true).open(path)?;
    let mut header = [0; wav::HEADER_LEN];
    file.read_exact_at(&mut header, 0)?;
    let (header, length) = wav::mended(&header, file.metadata()?.len()).ok_or(io::ErrorKind::InvalidData)?;
    file.write_all_at(&header, 0)?;
    file.sync_all()?;
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::wav::Encoding;
    use crate::media::wav::Writer;

    #[test]
    fn a_recording_that_a_crash_cut_off_is_whole_again() {
        let path = std::env::temp_dir().join(format!("desvio-mend-{}.wav", std::process::id()));
        let mut writer = Writer::new(Encoding::Linear16, 8_000);
        let (header, mut octets) = (writer.header(), Vec::new());
        writer.samples(&[100; 12_000], &mut octets);
        std::fs::write(&path, [&header[..], &octets].concat()).unwrap();
        assert_eq!(mend(&path).unwrap(), Duration::from_millis(1_500));
        let wav = hound::WavReader::open(&path).unwrap();
        assert_eq!(wav.duration(), 12_000);
        std::fs::write(&path, b"text").unwrap();
        assert!(mend(&path).is_err());
        std::fs::remove_file(path).unwrap();
    }
}
