//! Bytes that nobody trusts, read from the front: total, every length checked. Big-endian.

pub(crate) struct Reader<'a> {
    /// What is left.
    bytes: &'a [u8],
    what: &'static str,
    ended_early: bool,
}

impl<'a> Reader<'a> {
    /// `what` they are, for the reason that reading gives when they end.
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Reader<'a> {
        Reader { bytes, what, ended_early: false }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn left_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Whether something was asked for that longer bytes may have had.
    pub(crate) fn ended_early(&self) -> bool {
        self.ended_early
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let Some((taken, rest)) = self.bytes.split_at_checked(length) else { return Err(self.early()) };
        self.bytes = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let Some((taken, rest)) = self.bytes.split_first_chunk() else { return Err(self.early()) };
        self.bytes = rest;
        Ok(*taken)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, String> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, String> {
        self.array().map(u32::from_be_bytes)
    }

    /// u16 length ‖ bytes.
    pub(crate) fn v16(&mut self) -> Result<&'a [u8], String> {
        let length = u16::from_be_bytes(self.array()?);
        self.take(length.into())
    }

    /// u32 length ‖ bytes.
    pub(crate) fn v32(&mut self) -> Result<&'a [u8], String> {
        let length = self.u32()?;
        self.take(length as usize)
    }

    fn early(&mut self) -> String {
        self.ended_early = true;
        format!("{} ends too early", self.what)
    }
}
