//! Mends recordings that a crash cut off: a WAV header says less than there is, and Ogg ends within a page.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use crate::media::ogg_opus;
use crate::media::recording::Format;
use crate::media::wav;

/// Makes the file whole; returns how long the recording lasts.
pub fn mend(path: &Path) -> io::Result<Duration> {
    let file: File = OpenOptions::new().read(true).write(true).open(path)?;
    let length = match Format::of(path) {
        Format::Wav => mend_wav(&file)?,
        Format::Opus => mend_opus(&file, &std::fs::read(path)?)?,
    };
    file.sync_all()?;
    Ok(length)
}

/// Brings the header up to date.
fn mend_wav(file: &File) -> io::Result<Duration> {
    let mut header = [0; wav::HEADER_LEN];
    file.read_exact_at(&mut header, 0)?;
    let (header, length) = wav::mended(&header, file.metadata()?.len()).ok_or(io::ErrorKind::InvalidData)?;
    file.write_all_at(&header, 0)?;
    Ok(length)
}

/// Leaves out what is no whole page.
fn mend_opus(file: &File, octets: &[u8]) -> io::Result<Duration> {
    let (end, length) = ogg_opus::measure(octets).map_err(|_| io::ErrorKind::InvalidData)?;
    file.set_len(end as u64)?;
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::recording::Writer;

    /// A second and a half, and the file that a crash leaves of it: what comes after the last whole write is cut off.
    fn cut_off(format: Format) -> std::path::PathBuf {
        let name = format!("desvio-mend-{}.{}", std::process::id(), format.extension());
        let path = std::env::temp_dir().join(name);
        let mut writer = Writer::new(format, 8_000, 1, 1);
        let (header, mut octets) = (writer.header(), Vec::new());
        writer.samples(&[100; 12_000], &mut octets);
        if format == Format::Opus {
            let whole = octets.len();
            writer.samples(&[100; 8_000], &mut octets);
            octets.truncate(whole + 100);
        }
        std::fs::write(&path, [&header[..], &octets].concat()).unwrap();
        path
    }

    #[test]
    fn a_wav_file_that_a_crash_cut_off_is_whole_again() {
        let path = cut_off(Format::Wav);
        assert_eq!(mend(&path).unwrap(), Duration::from_millis(1_500));
        let wav = hound::WavReader::open(&path).unwrap();
        assert_eq!(wav.duration(), 12_000);
        std::fs::write(&path, b"text").unwrap();
        assert!(mend(&path).is_err());
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn opus_that_a_crash_cut_off_plays_to_its_last_whole_page() {
        let path = cut_off(Format::Opus);
        let length = mend(&path).unwrap();
        assert!((1_480..=1_500).contains(&length.as_millis()), "{length:?}");
        let samples = ogg_opus::read(&std::fs::read(&path).unwrap()).unwrap();
        assert!((23_600..=24_000).contains(&samples.len()), "{}", samples.len());
        std::fs::write(&path, b"text").unwrap();
        assert!(mend(&path).is_err());
        std::fs::remove_file(path).unwrap();
    }
}
