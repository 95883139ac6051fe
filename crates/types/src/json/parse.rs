//! JSON text, checked or read. Without recursion: the open containers are a stack of our own.

use super::lexer::{Lexer, Token};
use super::{MAX_DEPTH, Tree, too_deep};
use crate::{Numeric, Result};
use std::borrow::Cow;

/// Text as jsonb. 22P02 for what is no JSON, 22P05 for U+0000, 54001 beyond [`MAX_DEPTH`].
pub fn parse(text: &str) -> Result<Vec<u8>> {
    let mut builder = Builder { open: vec![], done: None };
    walk(text, &mut builder)?;
    match builder.done {
        Some(tree) => tree.encode(),
        None => Ok(vec![super::binary::NULL]),
    }
}

/// Checks json text, which is kept as it is: escapes need only look right.
pub fn check_text(text: &str) -> Result<()> {
    walk(text, &mut Checker)
}

/// What is done with a document as it is read.
trait Sink<'a> {
    fn open(&mut self, object: bool);
    fn close(&mut self);
    fn key(&mut self, lexer: &Lexer<'a>) -> Result<()>;
    fn scalar(&mut self, lexer: &Lexer<'a>) -> Result<()>;
}

fn walk<'a>(text: &'a str, sink: &mut impl Sink<'a>) -> Result<()> {
    let mut lexer = Lexer::new(text)?;
    // true: an object.
    let mut open: Vec<bool> = vec![];
    loop {
        // A value.
        match lexer.token {
            token @ (Token::ObjectStart | Token::ArrayStart) => {
                if open.len() >= MAX_DEPTH as usize {
                    return Err(too_deep());
                }
                let object = token == Token::ObjectStart;
                open.push(object);
                sink.open(object);
                lexer.advance()?;
                match (object, lexer.token) {
                    (true, Token::String) => {
                        key(&mut lexer, sink)?;
                        continue;
                    }
                    (true, Token::ObjectEnd) | (false, Token::ArrayEnd) => {
                        open.pop();
                        sink.close();
                    }
                    (true, _) => return Err(lexer.expected("string or \"}\"")),
                    (false, _) => continue,
                }
            }
            Token::String | Token::Number | Token::True | Token::False | Token::Null => {
                sink.scalar(&lexer)?
            }
            _ => return Err(lexer.expected("JSON value")),
        }
        // What follows it.
        loop {
            lexer.advance()?;
            match (open.last(), lexer.token) {
                (None, Token::End) => return Ok(()),
                (None, _) => return Err(lexer.expected("end of input")),
                (Some(true), Token::ObjectEnd) | (Some(false), Token::ArrayEnd) => {
                    open.pop();
                    sink.close();
                }
                (Some(object), Token::Comma) => {
                    let object = *object;
                    lexer.advance()?;
                    if object {
                        if lexer.token != Token::String {
                            return Err(lexer.expected("string"));
                        }
                        key(&mut lexer, sink)?;
                    }
                    break;
                }
                (Some(true), _) => return Err(lexer.expected("\",\" or \"}\"")),
                (Some(false), _) => return Err(lexer.expected("\",\" or \"]\"")),
            }
        }
    }
}

/// A key and its colon.
fn key<'a>(lexer: &mut Lexer<'a>, sink: &mut impl Sink<'a>) -> Result<()> {
    sink.key(lexer)?;
    lexer.advance()?;
    if lexer.token != Token::Colon {
        return Err(lexer.expected("\":\""));
    }
    lexer.advance()
}

struct Checker;

impl Sink<'_> for Checker {
    fn open(&mut self, _object: bool) {}
    fn close(&mut self) {}
    fn key(&mut self, _lexer: &Lexer<'_>) -> Result<()> {
        Ok(())
    }
    fn scalar(&mut self, _lexer: &Lexer<'_>) -> Result<()> {
        Ok(())
    }
}

struct Builder<'a> {
    open: Vec<Open<'a>>,
    done: Option<Tree<'a>>,
}

enum Open<'a> {
    Array(Vec<Tree<'a>>),
    /// The members so far, and the key of the next.
    Object(Vec<(Cow<'a, str>, Tree<'a>)>, Cow<'a, str>),
}

impl<'a> Builder<'a> {
    fn add(&mut self, tree: Tree<'a>) {
        match self.open.last_mut() {
            Some(Open::Array(elements)) => elements.push(tree),
            Some(Open::Object(members, key)) => members.push((std::mem::take(key), tree)),
            None => self.done = Some(tree),
        }
    }
}

impl<'a> Sink<'a> for Builder<'a> {
    fn open(&mut self, object: bool) {
        self.open.push(if object { Open::Object(vec![], Cow::Borrowed("")) } else { Open::Array(vec![]) });
    }

    fn close(&mut self) {
        match self.open.pop() {
            Some(Open::Array(elements)) => self.add(Tree::Array(elements)),
            Some(Open::Object(members, _)) => self.add(Tree::Object(members)),
            None => {}
        }
    }

    fn key(&mut self, lexer: &Lexer<'a>) -> Result<()> {
        if let Some(Open::Object(_, key)) = self.open.last_mut() {
            *key = lexer.unescape()?;
        }
        Ok(())
    }

    fn scalar(&mut self, lexer: &Lexer<'a>) -> Result<()> {
        self.add(match lexer.token {
            Token::String => Tree::String(lexer.unescape()?),
            Token::Number => Tree::Number(Numeric::parse(lexer.slice())?),
            Token::True => Tree::Bool(true),
            Token::False => Tree::Bool(false),
            _ => Tree::Null,
        });
        Ok(())
    }
}
