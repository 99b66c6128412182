//! Streams: how the bytes are cut into reads makes no difference to the messages in them, and memory is bounded.

#![no_main]

use desvio_fuzz::sip::framing::Frame;
use desvio_fuzz::sip::framing::Framer;
use desvio_fuzz::touch;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((first, stream)) = data.split_first() else { return };
    let whole = messages(std::iter::once(stream));
    let pieces = messages(stream.chunks(usize::from(*first).max(1)));
    assert_eq!(whole, pieces);
});

fn messages<'a>(reads: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let mut framer = Framer::new();
    let mut messages = Vec::new();
    for read in reads {
        framer.push(read);
        while let Some(frame) = framer.next_frame() {
            match frame {
                Frame::Message(bytes) => {
                    touch(bytes.clone());
                    messages.push(bytes.to_vec());
                }
                Frame::Bad(error) => drop(error.reply().map(|reply| reply.write())),
                _ => {}
            }
        }
    }
    messages
}
