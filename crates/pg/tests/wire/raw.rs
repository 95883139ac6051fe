//! A client that says exactly what it is told to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub struct Raw {
    pub stream: TcpStream,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub kind: char,
    pub body: Vec<u8>,
}

impl Message {
    /// A field of an ErrorResponse or NoticeResponse.
    pub fn field(&self, code: char) -> Option<String> {
        self.body
            .split(|&byte| byte == 0)
            .find(|field| field.first() == Some(&(code as u8)))
            .map(|field| String::from_utf8(field[1..].to_vec()).unwrap())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).trim_end_matches('\0').replace('\0', "=")
    }

    /// One character and what tells it from others of its kind: `C:SELECT 1`, `E:42601`, `Z:I`, `S:TimeZone=UTC`.
    pub fn summary(&self) -> String {
        match self.kind {
            'E' | 'N' => format!("{}:{}", self.kind, self.field('C').unwrap()),
            'C' | 'Z' | 'S' => format!("{}:{}", self.kind, self.text()),
            kind => kind.to_string(),
        }
    }
}

pub fn string(text: &str) -> Vec<u8> {
    [text.as_bytes(), b"\0"].concat()
}

pub fn framed(kind: char, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32 + 4).to_be_bytes();
    [&[kind as u8][..], &length, body].concat()
}

pub fn parse(name: &str, sql: &str) -> Vec<u8> {
    parse_typed(name, sql, &[])
}

pub fn parse_typed(name: &str, sql: &str, types: &[u32]) -> Vec<u8> {
    let mut body = [string(name), string(sql), (types.len() as u16).to_be_bytes().to_vec()].concat();
    types.iter().for_each(|oid| body.extend_from_slice(&oid.to_be_bytes()));
    framed('P', &body)
}

pub fn bind(portal: &str, statement: &str, parameters: &[Option<&str>], results: &[i16]) -> Vec<u8> {
    let mut body = [string(portal), string(statement), vec![0, 0]].concat();
    body.extend_from_slice(&(parameters.len() as u16).to_be_bytes());
    for parameter in parameters {
        match parameter {
            None => body.extend_from_slice(&(-1i32).to_be_bytes()),
            Some(text) => {
                body.extend_from_slice(&(text.len() as u32).to_be_bytes());
                body.extend_from_slice(text.as_bytes());
            }
        }
    }
    body.extend_from_slice(&(results.len() as u16).to_be_bytes());
    results.iter().for_each(|format| body.extend_from_slice(&format.to_be_bytes()));
    framed('B', &body)
}

pub fn execute(portal: &str, max_rows: u32) -> Vec<u8> {
    framed('E', &[string(portal), max_rows.to_be_bytes().to_vec()].concat())
}

pub fn describe(what: char, name: &str) -> Vec<u8> {
    framed('D', &[vec![what as u8], string(name)].concat())
}

pub fn sync() -> Vec<u8> {
    framed('S', &[])
}

/// Parse, Bind, Execute of one statement, without Sync.
pub fn run(sql: &str) -> Vec<u8> {
    [parse("", sql), bind("", "", &[], &[]), execute("", 0)].concat()
}

pub fn startup(version: u32, parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    for (name, value) in parameters {
        body.extend_from_slice(&string(name));
        body.extend_from_slice(&string(value));
    }
    body.push(0);
    let length = (body.len() as u32 + 4).to_be_bytes();
    [&length[..], &body].concat()
}

pub const VERSION_3_0: u32 = 3 << 16;

impl Raw {
    /// A socket that has said nothing.
    pub fn socket(address: SocketAddr) -> Raw {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        Raw { stream }
    }

    /// A session of the superuser.
    pub fn connect(address: SocketAddr) -> Raw {
        let mut raw = Raw::socket(address);
        raw.send(&startup(VERSION_3_0, &[("user", "stele")]));
        let greeting = raw.until_ready();
        assert_eq!(greeting.last().unwrap().summary(), "Z:I", "{greeting:?}");
        raw
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// None: the server has closed.
    pub fn read(&mut self) -> Option<Message> {
        let mut head = [0; 5];
        match self.stream.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return None,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
            Err(error) => panic!("the server says nothing: {error}"),
        }
        let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize;
        let mut body = vec![0; length - 4];
        self.stream.read_exact(&mut body).unwrap();
        Some(Message { kind: head[0] as char, body })
    }

    pub fn until_ready(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        loop {
            match self.read() {
                None => return messages,
                Some(message) => {
                    let ready = message.kind == 'Z';
                    messages.push(message);
                    if ready {
                        return messages;
                    }
                }
            }
        }
    }

    pub fn ask(&mut self, bytes: &[u8]) -> String {
        self.send(bytes);
        summary(&self.until_ready())
    }

    pub fn query(&mut self, sql: &str) -> String {
        self.ask(&framed('Q', &string(sql)))
    }

    pub fn until_closed(&mut self) -> Vec<Message> {
        std::iter::from_fn(|| self.read()).collect()
    }
}

pub fn summary(messages: &[Message]) -> String {
    messages.iter().map(Message::summary).collect::<Vec<_>>().join(" ")
}
