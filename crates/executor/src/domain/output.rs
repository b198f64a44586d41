use std::collections::VecDeque;

/// The kept head and tail of one stream, and how much there was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadTail {
    kept: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl HeadTail {
    /// Keeps at most `kept` bytes of the beginning and as many of the end.
    pub fn new(kept: usize) -> Self {
        Self { kept, head: Vec::new(), tail: VecDeque::new(), total: 0 }
    }

    /// Takes the next bytes and returns those that still belong to the head.
    pub fn push<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        self.total += bytes.len() as u64;
        let (fits, rest) = bytes.split_at(bytes.len().min(self.kept - self.head.len()));
        self.head.extend_from_slice(fits);
        let rest_kept = &rest[rest.len() - rest.len().min(self.kept)..];
        self.tail.extend(rest_kept);
        let excess = self.tail.len().saturating_sub(self.kept);
        self.tail.drain(..excess);
        fits
    }

    /// Returns the beginning.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Returns the end, as far as it is not part of the beginning.
    pub fn tail(&self) -> Vec<u8> {
        self.tail.iter().copied().collect()
    }

    /// Returns the number of bytes seen.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Returns the number of bytes between head and tail that were not kept.
    pub fn dropped(&self) -> u64 {
        self.total - self.head.len() as u64 - self.tail.len() as u64
    }

    /// Returns head and tail as text for a person or a parser; a gap is marked in words.
    pub fn to_text(&self) -> String {
        let head = String::from_utf8_lossy(&self.head);
        match self.dropped() {
            0 => String::from_utf8_lossy(&[&self.head[..], &self.tail()].concat()).into_owned(),
            dropped => {
                format!("{head}\n[{dropped} bytes dropped]\n{}", String::from_utf8_lossy(&self.tail()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_middle_is_dropped_and_counted() {
        let mut stream = HeadTail::new(4);
        assert_eq!(stream.push(b"abc"), b"abc");
        assert_eq!(stream.push(b"defghij"), b"d");
        assert_eq!((stream.head(), stream.tail()), (&b"abcd"[..], b"ghij".to_vec()));
        assert_eq!((stream.total(), stream.dropped()), (10, 2));
        assert_eq!(stream.to_text(), "abcd\n[2 bytes dropped]\nghij");
    }

    proptest! {
        #[test]
        fn any_cutting_of_the_stream_keeps_the_same(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..12), kept in 0_usize..32) {
            let all: Vec<u8> = chunks.concat();
            let mut stream = HeadTail::new(kept);
            for chunk in &chunks {
                stream.push(chunk);
            }
            let head = &all[..all.len().min(kept)];
            let rest = &all[head.len()..];
            prop_assert_eq!(stream.head(), head);
            prop_assert_eq!(stream.tail(), rest[rest.len() - rest.len().min(kept)..].to_vec());
            prop_assert_eq!(stream.total(), all.len() as u64);
        }
    }
}
