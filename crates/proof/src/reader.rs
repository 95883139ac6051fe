//! Foreign bytes, from the front: every read is checked.

use crate::rejection::{Rejection, unreadable};

pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader(bytes)
    }
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Rejection> {
        if length > self.0.len() {
            return unreadable("a proof that ends too early");
        }
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        Ok(taken)
    }
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Rejection> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }
    pub fn u8(&mut self) -> Result<u8, Rejection> {
        Ok(u8::from_be_bytes(self.array()?))
    }
    pub fn u16(&mut self) -> Result<u16, Rejection> {
        Ok(u16::from_be_bytes(self.array()?))
    }
    pub fn u32(&mut self) -> Result<u32, Rejection> {
        Ok(u32::from_be_bytes(self.array()?))
    }
    pub fn u64(&mut self) -> Result<u64, Rejection> {
        Ok(u64::from_be_bytes(self.array()?))
    }
    /// u32 length ‖ bytes.
    pub fn variable(&mut self) -> Result<&'a [u8], Rejection> {
        let length = self.u32()?;
        self.take(length as usize)
    }
    /// One byte: 0 or 1.
    pub fn flag(&mut self) -> Result<bool, Rejection> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => unreadable("a proof with a flag that is neither 0 nor 1"),
        }
    }
}
