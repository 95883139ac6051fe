//! COPY's input: bytes in any pieces to records of fields.

use memchr::{memchr, memchr3};
use plan::statement::{CopyFormat, CopyOptions};
use types::{Result, err};

/// A field as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    pub text: &'a str,
    /// It is the NULL string (and, in csv, not quoted).
    pub null: bool,
    /// It is the NULL string in quotes: FORCE_NULL's business.
    pub quoted_null: bool,
}

/// A record as read: one buffer for all its fields, used again for the next.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The fields' texts, one after the other.
    text: String,
    ends: Vec<End>,
    /// The line as it came, for errors: its beginning, if it is long.
    pub raw: String,
}

/// Where a field ends in the record's text, and what it is.
#[derive(Debug, PartialEq, Eq)]
struct End {
    at: usize,
    null: bool,
    quoted_null: bool,
}

impl Record {
    /// How many fields it has.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn field(&self, number: usize) -> Option<Field<'_>> {
        let end = self.ends.get(number)?;
        let start =
            number.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |before| before.at);
        let text = self.text.get(start..end.at).unwrap_or_default();
        Some(Field { text, null: end.null, quoted_null: end.quoted_null })
    }

    pub fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        (0..self.len()).filter_map(|number| self.field(number))
    }

    fn begin(&mut self, bytes: &[u8]) {
        self.text.clear();
        self.ends.clear();
        self.raw.clear();
        self.raw.push_str(&String::from_utf8_lossy(&bytes[..bytes.len().min(RAW_BYTES)]));
    }

    fn push(&mut self, text: &str, null: bool, quoted_null: bool) {
        self.text.push_str(text);
        self.ends.push(End { at: self.text.len(), null, quoted_null });
    }
}

/// More of a line than any error shows.
const RAW_BYTES: usize = 120;

/// Cuts records out of what was fed.
pub struct Records {
    csv: bool,
    delimiter: u8,
    quote: u8,
    escape: u8,
    null: String,
    buffer: Vec<u8>,
    /// Bytes of `buffer` that are done with.
    at: usize,
    /// How far the record after them has been looked through.
    looked: Looked,
    /// Of the next record, from 1.
    line: u64,
    /// `\.` was met: the rest is ignored.
    ended: bool,
}

/// Within a record that is not whole yet: a long one comes in many pieces, and none is looked at twice.
struct Looked {
    at: usize,
    quoted: bool,
    lines: u64,
}

impl Default for Looked {
    fn default() -> Looked {
        Looked { at: 0, quoted: false, lines: 1 }
    }
}

/// PostgreSQL's limit for one record.
const RECORD_BYTES_MAX: usize = (1 << 30) - 1;

impl Records {
    pub fn new(options: &CopyOptions) -> Records {
        Records {
            csv: options.format == CopyFormat::Csv,
            delimiter: options.delimiter as u8,
            quote: options.quote as u8,
            escape: options.escape as u8,
            null: options.null.clone(),
            buffer: Vec::new(),
            at: 0,
            looked: Looked::default(),
            line: 1,
            ended: false,
        }
    }

    /// 54000 where a record becomes too long.
    pub fn feed(&mut self, data: &[u8]) -> Result<()> {
        // What was read goes before more comes, so that the buffer stays as long as one record.
        self.buffer.drain(..self.at);
        self.at = 0;
        let (held, more) = (self.buffer.len(), data.len());
        if held + more > RECORD_BYTES_MAX {
            return Err(err!(ProgramLimitExceeded, "out of memory").detail(format!(
                "Cannot enlarge string buffer containing {held} bytes by {more} more bytes."
            )));
        }
        self.buffer.extend_from_slice(data);
        Ok(())
    }

    /// The number of the line that the next record starts on.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Reads the next whole record; false when more data is needed, or at the end. `last`: no more data will come.
    pub fn next(&mut self, last: bool, record: &mut Record) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let Some((length, next, lines)) = self.record_end(last)? else { return Ok(false) };
        let bytes = &self.buffer[self.at..self.at + length];
        if bytes == b"\\." {
            self.ended = true;
            return Ok(false);
        }
        record.begin(bytes);
        match self.csv {
            true => self.csv_fields(bytes, record)?,
            false => self.text_fields(bytes, record)?,
        }
        self.at += next;
        self.looked = Looked::default();
        self.line += lines;
        Ok(true)
    }

    /// Length of the record that starts here, where the next one starts (relative), and how many lines it spans.
    fn record_end(&mut self, last: bool) -> Result<Option<(usize, usize, u64)>> {
        let rest = &self.buffer[self.at..];
        if rest.is_empty() {
            return Ok(None);
        }
        let Looked { mut at, mut quoted, mut lines } = self.looked;
        loop {
            if !self.csv {
                // Nothing else means anything here.
                let plain = &rest[at.min(rest.len())..];
                at += memchr3(b'\n', b'\r', b'\\', plain).unwrap_or(plain.len());
            }
            let Some(&byte) = rest.get(at) else { break };
            let next = rest.get(at + 1).copied();
            // What a byte means may depend on the one after it.
            let more_tells = next.is_none() && !last;
            if self.csv {
                if quoted && byte == self.escape && self.escape != self.quote {
                    at += 2;
                    continue;
                }
                if byte == self.quote {
                    quoted = !quoted;
                }
                if quoted && byte == b'\n' {
                    lines += 1;
                }
            } else if byte == b'\\' {
                if more_tells {
                    break;
                }
                if next == Some(b'.') {
                    match rest.get(at + 2) {
                        // The end marker, at a line's beginning or after its last field.
                        Some(b'\n' | b'\r') if at > 0 => return Ok(Some((at, at, lines))),
                        Some(b'\n' | b'\r') => {}
                        Some(_) => return Err(err!(BadCopyFileFormat, "end-of-copy marker corrupt")),
                        None if last && at > 0 => return Ok(Some((at, at, lines))),
                        None if last => {}
                        None => break,
                    }
                }
                at += 2;
                continue;
            }
            if !quoted && byte == b'\n' {
                return Ok(Some((at, at + 1, lines)));
            }
            if !quoted && byte == b'\r' {
                match next {
                    Some(b'\n') => return Ok(Some((at, at + 2, lines))),
                    None if more_tells => break,
                    _ => return Ok(Some((at, at + 1, lines))),
                }
            }
            at += 1;
        }
        if !last {
            self.looked = Looked { at, quoted, lines };
            return Ok(None);
        }
        if quoted {
            return Err(err!(BadCopyFileFormat, "unterminated CSV quoted field"));
        }
        Ok(Some((rest.len(), rest.len(), lines)))
    }

    fn text_fields(&self, bytes: &[u8], record: &mut Record) -> Result<()> {
        if memchr(b'\\', bytes).is_none() {
            let mut rest = checked(bytes)?;
            loop {
                let end = memchr(self.delimiter, rest.as_bytes());
                let field = &rest[..end.unwrap_or(rest.len())];
                record.push(field, field == self.null, false);
                match end {
                    Some(end) => rest = &rest[end + 1..],
                    None => return Ok(()),
                }
            }
        }
        let mut unescaped = Vec::new();
        let (mut start, mut at) = (0, 0);
        loop {
            match bytes.get(at) {
                Some(b'\\') => at += 2,
                Some(&byte) if byte != self.delimiter => at += 1,
                end => {
                    let raw = &bytes[start..at.min(bytes.len())];
                    unescaped.clear();
                    unescape(raw, &mut unescaped);
                    record.push(checked(&unescaped)?, raw == self.null.as_bytes(), false);
                    if end.is_none() {
                        return Ok(());
                    }
                    at += 1;
                    start = at;
                }
            }
        }
    }

    fn csv_fields(&self, bytes: &[u8], record: &mut Record) -> Result<()> {
        let (mut field, mut was_quoted, mut quoted, mut at) = (Vec::new(), false, false, 0);
        loop {
            let byte = bytes.get(at).copied();
            match byte {
                Some(byte) if quoted => {
                    let next = bytes.get(at + 1).copied();
                    if byte == self.escape
                        && next.is_some_and(|next| next == self.quote || next == self.escape)
                    {
                        field.extend(next);
                        at += 1;
                    } else if byte == self.quote {
                        quoted = false;
                    } else {
                        field.push(byte);
                    }
                }
                Some(byte) if byte == self.quote => (quoted, was_quoted) = (true, true),
                Some(byte) if byte != self.delimiter => field.push(byte),
                end => {
                    let text = checked(&field)?;
                    let is_null = text == self.null;
                    record.push(text, is_null && !was_quoted, is_null && was_quoted);
                    field.clear();
                    was_quoted = false;
                    if end.is_none() {
                        return Ok(());
                    }
                }
            }
            at += 1;
        }
    }
}

/// Bytes that are text: UTF-8 without zeros.
fn checked(bytes: &[u8]) -> Result<&str> {
    let wrong = |byte: u8| {
        err!(CharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\": 0x{byte:02x}")
    };
    let text = std::str::from_utf8(bytes);
    let valid_bytes = text.map_or_else(|error| error.valid_up_to(), str::len);
    if memchr(0, &bytes[..valid_bytes]).is_some() {
        return Err(wrong(0));
    }
    text.map_err(|_| wrong(bytes.get(valid_bytes).copied().unwrap_or(0)))
}

/// Backslash sequences of the text format.
fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(&byte) = raw.get(at) {
        at += 1;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some(&next) = raw.get(at) else {
            out.push(b'\\');
            break;
        };
        at += 1;
        match next {
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(11),
            b'0'..=b'7' => {
                let (digits, value) = number(raw, at - 1, 8, 3);
                at += digits - 1;
                out.push(value);
            }
            b'x' => match number(raw, at, 16, 2) {
                (0, _) => out.push(b'x'),
                (digits, value) => {
                    at += digits;
                    out.push(value);
                }
            },
            other => out.push(other),
        }
    }
}

/// Up to `most` digits from `from` on: how many, and their value's low byte.
fn number(raw: &[u8], from: usize, radix: u32, most: usize) -> (usize, u8) {
    let digits = raw.iter().skip(from).take(most).map_while(|byte| (*byte as char).to_digit(radix));
    digits.fold((0, 0), |(count, value), digit| (count + 1, (value as u32 * radix + digit) as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(format: CopyFormat) -> CopyOptions {
        let csv = format == CopyFormat::Csv;
        CopyOptions {
            format,
            delimiter: if csv { ',' } else { '\t' },
            null: if csv { String::new() } else { "\\N".into() },
            header: false,
            header_match: false,
            quote: '"',
            escape: '"',
            force_quote: None,
            force_not_null: vec![],
            force_null: vec![],
        }
    }

    /// Every way of cutting the input into two pieces gives the same records, and so do pieces of any size.
    fn records(format: CopyFormat, input: &str) -> Vec<Vec<Option<String>>> {
        let mut all: Vec<Vec<Vec<Option<String>>>> = Vec::new();
        let cuts = (0..=input.len()).map(|cut| vec![&input.as_bytes()[..cut], &input.as_bytes()[cut..]]);
        let pieces = (1..=input.len()).map(|length| input.as_bytes().chunks(length).collect());
        for pieces in cuts.chain(pieces) {
            let (mut records, mut record) = (Records::new(&options(format)), Record::default());
            let mut found = Vec::new();
            for (number, piece) in pieces.iter().enumerate() {
                records.feed(piece).unwrap();
                while records.next(number + 1 == pieces.len(), &mut record).unwrap() {
                    found.push(record.fields().map(|f| (!f.null).then(|| f.text.to_owned())).collect());
                }
            }
            all.push(found);
        }
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{input:?}");
        all.remove(0)
    }

    fn some(text: &str) -> Option<String> {
        Some(text.into())
    }

    #[test]
    fn text_is_unescaped_and_null_is_not_its_letters() {
        let found = records(CopyFormat::Text, "1\t\\N\n2\ta\\tb\\\\\\x41\\101\n\\\\N\té\r\n\\.\nrest");
        assert_eq!(
            found,
            [vec![some("1"), None], vec![some("2"), some("a\tb\\AA")], vec![some("\\N"), some("é")]]
        );
    }

    #[test]
    fn csv_quotes_hold_delimiters_and_newlines() {
        let found = records(CopyFormat::Csv, "1,\"a,\"\"b\n\"\"\",\n2,\"\",x");
        assert_eq!(found, [vec![some("1"), some("a,\"b\n\""), None], vec![some("2"), some(""), some("x")]]);
    }

    #[test]
    fn the_end_marker_ends_a_line_and_nothing_else() {
        let found = records(CopyFormat::Text, "1\n2\\.\n3\n");
        assert_eq!(found, [vec![some("1")], vec![some("2")]]);
        let (mut records, mut record) = (Records::new(&options(CopyFormat::Text)), Record::default());
        records.feed(b"\\.x\n").unwrap();
        assert_eq!(records.next(true, &mut record).unwrap_err().state, types::SqlState::BadCopyFileFormat);
    }

    #[test]
    fn escapes_and_line_ends_on_the_edge_of_a_piece() {
        let found = records(CopyFormat::Text, "a\\\\\r\nb\\\nc\rd\\\\\n");
        assert_eq!(found, [[some("a\\")], [some("b\nc")], [some("d\\")]]);
        let found = records(CopyFormat::Csv, "\"a\r\n\"\"\"\r\n\"b\n\"");
        assert_eq!(found, [[some("a\r\n\"")], [some("b\n")]]);
    }

    /// Each piece is looked at once: else this takes minutes, and a value of 100 MB hours.
    #[test]
    fn a_long_record_in_many_pieces() {
        let started = std::time::Instant::now();
        let (mut records, mut record) = (Records::new(&options(CopyFormat::Text)), Record::default());
        for _ in 0..40_000 {
            records.feed(&[b'x'; 64]).unwrap();
            assert!(!records.next(false, &mut record).unwrap());
        }
        assert!(records.next(true, &mut record).unwrap());
        assert_eq!((record.field(0).unwrap().text.len(), record.raw.len()), (40_000 * 64, RAW_BYTES));
        assert!(started.elapsed().as_secs() < 20);
    }

    #[test]
    fn refuses_what_is_not_text() {
        let (mut records, mut record) = (Records::new(&options(CopyFormat::Text)), Record::default());
        records.feed(b"a\xff\n").unwrap();
        assert_eq!(
            records.next(true, &mut record).unwrap_err().state,
            types::SqlState::CharacterNotInRepertoire
        );
        let mut records = Records::new(&options(CopyFormat::Csv));
        records.feed(b"\"a\n").unwrap();
        assert!(records.next(true, &mut record).is_err());
    }
}
