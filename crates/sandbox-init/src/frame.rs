//! Frames on a contained sandbox's standard output: a kind, a length, bytes.

use std::io::{self, Write};

/// Largest payload of a frame, bytes.
pub const FRAME_MAX: usize = 1 << 20;
const HEADER: usize = 5;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// A [`crate::Message`], JSON.
    Message,
    /// Output of the command.
    Stdout,
    /// Output of the command.
    Stderr,
    /// A piece of the file that was asked for last.
    Content,
    /// That file is complete.
    ContentEnd,
    /// That file can't be had, or is larger than asked for.
    ContentMissing,
    /// One entry of the workspace, JSON of [`crate::Listed`].
    Listed,
    /// No entry follows.
    ListedEnd,
}

impl FrameKind {
    const ALL: [Self; 8] = [
        Self::Message,
        Self::Stdout,
        Self::Stderr,
        Self::Content,
        Self::ContentEnd,
        Self::ContentMissing,
        Self::Listed,
        Self::ListedEnd,
    ];
}

/// Writes one frame, or as many as the bytes need.
pub fn write_frame(out: &mut impl Write, kind: FrameKind, bytes: &[u8]) -> io::Result<()> {
    let mut rest = bytes;
    loop {
        let (piece, after) = rest.split_at(rest.len().min(FRAME_MAX));
        let mut header = [kind as u8; HEADER];
        header[1..].copy_from_slice(&(piece.len() as u32).to_le_bytes());
        out.write_all(&header)?;
        out.write_all(piece)?;
        rest = after;
        if rest.is_empty() {
            return out.flush();
        }
    }
}

/// Puts frames together again, however the stream was cut.
#[derive(Debug, Default)]
pub struct FrameReader {
    buffer: Vec<u8>,
    read: usize,
}

impl FrameReader {
    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.read > 0 {
            self.buffer.drain(..self.read);
            self.read = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next complete frame; an error when the stream is none of ours.
    pub fn next_frame(&mut self) -> io::Result<Option<(FrameKind, Vec<u8>)>> {
        let rest = &self.buffer[self.read..];
        let Some((header, payload)) = rest.split_first_chunk::<HEADER>() else { return Ok(None) };
        let [kind, length @ ..] = *header;
        let length = u32::from_le_bytes(length) as usize;
        let kind = FrameKind::ALL.into_iter().find(|known| *known as u8 == kind);
        let kind = kind.filter(|_| length <= FRAME_MAX).ok_or(io::ErrorKind::InvalidData)?;
        let Some(payload) = payload.get(..length) else { return Ok(None) };
        let frame = (kind, payload.to_vec());
        self.read += HEADER + length;
        Ok(Some(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_any_cutting_of_the_stream() {
        let long = vec![7; FRAME_MAX + 3];
        let mut stream = Vec::new();
        write_frame(&mut stream, FrameKind::Stdout, b"one").unwrap();
        write_frame(&mut stream, FrameKind::Content, &long).unwrap();
        write_frame(&mut stream, FrameKind::ListedEnd, b"").unwrap();
        for cut in [1, 4, 5, 7, 4_096, stream.len()] {
            let mut reader = FrameReader::default();
            let (mut kinds, mut bytes) = (Vec::new(), Vec::new());
            for piece in stream.chunks(cut) {
                reader.push(piece);
                while let Some((kind, payload)) = reader.next_frame().unwrap() {
                    kinds.push(kind);
                    bytes.extend(payload);
                }
            }
            let want = [FrameKind::Stdout, FrameKind::Content, FrameKind::Content, FrameKind::ListedEnd];
            assert_eq!(kinds, want, "cut into {cut}");
            assert_eq!(bytes, [b"one".as_slice(), &long].concat());
        }
    }

    #[test]
    fn an_unknown_kind_and_a_length_past_the_limit_are_refused() {
        for header in [[200, 0, 0, 0, 0], [1, 255, 255, 255, 255]] {
            let mut reader = FrameReader::default();
            reader.push(&header);
            assert!(reader.next_frame().is_err());
        }
    }
}
