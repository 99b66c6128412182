//! What a leg is playing: a list of clips, and how far it has come. One frame for each turn of the grid.
//!
//! Frames are of 20 ms in every codec, so a re-INVITE that changes the codec goes on where the old one stopped.
//! Nothing is copied: the frames of a clip are shared by all who hear it.

use std::sync::Arc;

use crate::media::clip::Clip;
use crate::media::codec::CodecKind;
use crate::media::codec::FRAME_MS;
use crate::media::command::PlayId;
use crate::media::command::Repeat;
use crate::media::command::Sound;
use crate::media::command::Stream;

#[derive(Debug)]
pub(super) struct Player {
    pub(super) play: PlayId,
    clips: Vec<Arc<Clip>>,
    repeat: Repeat,
    clip: usize,
    frame: usize,
    /// Turns until the packet that was sent last is over.
    covered: usize,
    /// The codec in which all clips stand ready.
    ready: Option<CodecKind>,
}

/// What to do in one turn.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    Send {
        payload: &'a [u8],
        frames: usize,
    },
    /// The packet that was sent last is not over, or the clips are not encoded yet.
    Wait,
    Finished,
}

impl Player {
    pub(super) fn new(play: PlayId, sounds: &[Sound], repeat: Repeat) -> Player {
        let clips = sounds.iter().map(Sound::clip).collect();
        Player { play, clips, repeat, clip: 0, frame: 0, covered: 0, ready: None }
    }

    /// Whether somebody else must encode the clips first: only the two laws of G.711 are quick enough for a thread that
    /// has packets to send.
    pub(super) fn needs_studio(&self, codec: CodecKind) -> bool {
        self.ready != Some(codec) && !matches!(codec, CodecKind::Pcma | CodecKind::Pcmu)
    }

    pub(super) fn clips(&self) -> &[Arc<Clip>] {
        &self.clips
    }

    /// All clips can be had in `codec` without waiting.
    pub(super) fn on_ready(&mut self, codec: CodecKind) {
        self.ready = Some(codec);
    }

    /// The packet of this turn.
    pub(super) fn step(&mut self, stream: &Stream) -> Step<'_> {
        if self.covered > 1 {
            self.covered -= 1;
            return Step::Wait;
        }
        if self.ready != Some(stream.codec) {
            return Step::Wait;
        }
        let Some(clip) = self.find(stream.codec) else {
            return Step::Finished;
        };
        let frames = self.clips[clip].encoded(stream.codec);
        let wanted = frames_in_packet(stream);
        let sent = wanted.min(frames.count() - self.frame);
        let payload = frames.packet(self.frame, wanted).unwrap_or_default();
        self.frame += sent;
        self.covered = sent;
        Step::Send { payload, frames: sent }
    }

    /// The clip whose frame is next; `None` at the end of the last one.
    fn find(&mut self, codec: CodecKind) -> Option<usize> {
        let mut rounds = 0;
        loop {
            match self.clips.get(self.clip) {
                Some(clip) if self.frame < clip.encoded(codec).count() => return Some(self.clip),
                Some(_) => (self.clip, self.frame) = (self.clip + 1, 0),
                // A list without a single frame would go round for ever.
                None if self.repeat == Repeat::Forever && rounds == 0 => (self.clip, rounds) = (0, 1),
                None => return None,
            }
        }
    }
}

/// Frames of ours in one packet of the length that was asked for. Opus packets hold one.
fn frames_in_packet(stream: &Stream) -> usize {
    match stream.codec {
        CodecKind::Opus => 1,
        _ => (usize::from(stream.ptime_ms) / FRAME_MS as usize).clamp(1, 3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_follow_each_other_frame_by_frame_and_end_once() {
        let mut player = Player::new(PlayId(1), &[clip(40), clip(20)], Repeat::Once);
        player.on_ready(CodecKind::Pcma);
        let stream = stream(20);
        for _ in 0..3 {
            assert!(matches!(player.step(&stream), Step::Send { payload, frames: 1 } if payload.len() == 160));
        }
        assert_eq!(player.step(&stream), Step::Finished);
    }

    #[test]
    fn music_goes_round_and_an_empty_list_does_not_hang() {
        let stream = stream(20);
        let mut music = Player::new(PlayId(1), &[clip(20)], Repeat::Forever);
        music.on_ready(CodecKind::Pcma);
        assert!((0..100).all(|_| matches!(music.step(&stream), Step::Send { .. })));
        let mut nothing = Player::new(PlayId(2), &[], Repeat::Forever);
        nothing.on_ready(CodecKind::Pcma);
        assert_eq!(nothing.step(&stream), Step::Finished);
    }

    #[test]
    fn longer_packets_leave_on_every_second_turn() {
        let mut player = Player::new(PlayId(1), &[clip(100)], Repeat::Once);
        player.on_ready(CodecKind::Pcma);
        let stream = stream(40);
        let lengths: Vec<usize> = (0..6)
            .map(|_| match player.step(&stream) {
                Step::Send { payload, .. } => payload.len(),
                Step::Wait => 0,
                Step::Finished => 1,
            })
            .collect();
        assert_eq!(lengths, [320, 0, 320, 0, 160, 1]);
    }

    #[test]
    fn a_new_codec_goes_on_at_the_same_place() {
        let mut player = Player::new(PlayId(1), &[clip(60)], Repeat::Once);
        player.on_ready(CodecKind::Pcma);
        assert!(matches!(player.step(&stream(20)), Step::Send { .. }));
        let wide = Stream { codec: CodecKind::G722, ..stream(20) };
        assert!(player.needs_studio(CodecKind::G722));
        assert_eq!(player.step(&wide), Step::Wait);
        player.on_ready(CodecKind::G722);
        assert!(matches!(player.step(&wide), Step::Send { .. }));
        assert!(matches!(player.step(&wide), Step::Send { .. }));
        assert_eq!(player.step(&wide), Step::Finished);
    }

    fn clip(ms: usize) -> Sound {
        Sound::Clip(Arc::new(Clip::from_pcm("tone", vec![1000; ms * 8], 8000)))
    }

    fn stream(ptime_ms: u8) -> Stream {
        Stream { ptime_ms, ..Stream::plain("127.0.0.1:4000".parse().unwrap(), CodecKind::Pcma) }
    }
}
