//! Encodes what is to be played, away from the threads that have packets to send.
//!
//! A second of Opus costs up to 15 ms of work: a pump thread that did it would be late for everybody. The leg is silent
//! until its clips are ready; a clip that anybody has heard before in that codec is ready at once.

use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use crate::io::media::inbox::Mail;
use crate::io::media::order::Order;
use crate::media::clip::Clip;
use crate::media::codec::CodecKind;
use crate::media::command::LegId;
use crate::media::command::PlayId;

#[derive(Debug)]
pub(super) enum Job {
    /// Before anybody asks: at the start.
    Prepare {
        clips: Vec<Arc<Clip>>,
        codec: CodecKind,
    },
    /// For a leg that waits; answered to its thread.
    Encode {
        clips: Vec<Arc<Clip>>,
        codec: CodecKind,
        leg: LegId,
        play: PlayId,
        thread: Mail<Order>,
    },
    Stop,
}

/// Starts the thread; it ends at [`Job::Stop`], or when nobody can ask any more.
pub(super) fn start() -> io::Result<(mpsc::Sender<Job>, thread::JoinHandle<()>)> {
    let (sender, jobs) = mpsc::channel();
    let thread = thread::Builder::new().name("desvio-studio".to_owned()).spawn(move || work(&jobs))?;
    Ok((sender, thread))
}

fn work(jobs: &mpsc::Receiver<Job>) {
    let mut prepared: Vec<(Arc<Clip>, CodecKind)> = Vec::new();
    loop {
        // A caller who waits goes before what nobody has asked for.
        let job = if prepared.is_empty() { jobs.recv().ok() } else { jobs.try_recv().ok() };
        match (job, prepared.pop()) {
            (Some(Job::Prepare { clips, codec }), waiting) => {
                prepared.extend(waiting);
                prepared.extend(clips.into_iter().map(|clip| (clip, codec)));
            }
            (Some(Job::Encode { clips, codec, leg, play, thread }), waiting) => {
                prepared.extend(waiting);
                for clip in &clips {
                    clip.encoded(codec);
                }
                thread.send(Order::Encoded { leg, play, codec });
            }
            (None, Some((clip, codec))) => {
                clip.encoded(codec);
            }
            (Some(Job::Stop), _) | (None, None) => return,
        }
    }
}
