//! What has come from a client and is not handled yet.

/// Room that a read finds at least.
const READ_BYTES: usize = 8 * 1024;
/// A buffer that one large message has grown beyond this is given back.
const KEEP_BYTES: usize = 256 * 1024;

/// Bytes in the order of their coming. All of the buffer is written to at all times, so that a read needs no clearing.
#[derive(Default)]
pub struct Input {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Input {
    /// Where the next bytes are read to; [`Input::came`] says how many they were.
    pub fn room(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.bytes.len() > KEEP_BYTES {
                self.bytes = Vec::new();
            }
        }
        if self.bytes.len() - self.end < READ_BYTES && self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.bytes.len() - self.end < READ_BYTES {
            // Twice as much each time: a long message is moved a few times only.
            self.bytes.resize((self.bytes.len() * 2).max(READ_BYTES), 0);
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    pub fn came(&mut self, count: usize) {
        self.end = (self.end + count).min(self.bytes.len());
    }

    pub fn unread(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// The first `count` unread bytes are done with.
    pub fn skip(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(input: &mut Input, bytes: &[u8]) {
        for chunk in bytes.chunks(5_000) {
            input.room()[..chunk.len()].copy_from_slice(chunk);
            input.came(chunk.len());
        }
    }

    #[test]
    fn nothing_is_lost_or_repeated_whatever_the_sizes() {
        let sent: Vec<u8> = (0..100_000u32).map(|number| number as u8).collect();
        let (mut input, mut taken) = (Input::default(), Vec::new());
        for (number, chunk) in sent.chunks(1_777).enumerate() {
            push(&mut input, chunk);
            let count = (number * 911) % (input.unread().len() + 1);
            taken.extend_from_slice(&input.unread()[..count]);
            input.skip(count);
        }
        taken.extend_from_slice(input.unread());
        assert!(taken == sent);
    }

    #[test]
    fn a_buffer_that_has_grown_is_given_back() {
        let mut input = Input::default();
        push(&mut input, &vec![1; 3 * KEEP_BYTES]);
        assert_eq!(input.unread().len(), 3 * KEEP_BYTES);
        input.skip(usize::MAX);
        assert!(input.unread().is_empty() && input.room().len() <= KEEP_BYTES);
    }
}
