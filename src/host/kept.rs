//! Output that is kept within bounds: its beginning and its end.

use std::collections::VecDeque;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The first and the last bytes of a stream.
#[derive(Debug)]
pub(super) struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    limit: usize,
    total: u64,
}

impl Kept {
    /// Keeps up to `limit` bytes from the beginning and up to `limit` from the end.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            head: Vec::new(),
            tail: VecDeque::new(),
            limit,
            total: 0,
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = self.limit.saturating_sub(self.head.len());
        let (first, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(first);
        self.tail.extend(rest);
        let over = self.tail.len().saturating_sub(self.limit);
        self.tail.drain(..over);
    }

    /// Reads `stream` to its end; a reading error is an end.
    pub(super) async fn drain(mut self, mut stream: impl AsyncRead + Unpin) -> Self {
        let mut buffer = vec![0_u8; 32 * 1024];
        loop {
            match stream.read(&mut buffer).await {
                Ok(0) => return self,
                Ok(read) => self.push(buffer.get(..read).unwrap_or_default()),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return self,
            }
        }
    }

    /// Returns what was kept, and whether that is less than there was.
    pub(super) fn into_parts(mut self) -> (Vec<u8>, bool) {
        let kept = self.head.len() + self.tail.len();
        let cut = self.total > kept as u64;
        if cut {
            self.head.extend_from_slice(b"\n[...]\n");
        }
        self.head.extend(self.tail);
        (self.head, cut)
    }
}

#[cfg(test)]
mod tests {
    use super::Kept;

    #[tokio::test]
    async fn beginning_and_end_are_kept_and_a_cut_is_told() {
        let all: Vec<u8> = (0..100_u8).collect();
        let (kept, cut) = Kept::new(4).drain(&all[..]).await.into_parts();
        assert_eq!(kept, b"\x00\x01\x02\x03\n[...]\n\x60\x61\x62\x63");
        assert!(cut);
        let (kept, cut) = Kept::new(50).drain(&all[..]).await.into_parts();
        assert_eq!((kept, cut), (all, false));
    }
}
