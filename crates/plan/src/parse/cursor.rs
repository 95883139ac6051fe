//! A cursor over one statement's tokens: what our own parsers are written with.

use super::lexer::{Kind, Token, position, syntax_error};
use types::ddl::Name;
use types::{Error, Result};

/// Walks the tokens of one statement. `text` is the statement's own text; token offsets are into it.
pub struct Cursor<'a> {
    pub text: &'a str,
    tokens: &'a [Token],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str, tokens: &'a [Token]) -> Cursor<'a> {
        Cursor { text, tokens, at: 0 }
    }

    pub fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    pub fn peek_ahead(&self, ahead: usize) -> Option<&'a Token> {
        self.tokens.get(self.at + ahead)
    }

    pub fn advance(&mut self) {
        self.at += 1;
    }

    /// To go back to with [`Cursor::seek`].
    pub fn mark(&self) -> usize {
        self.at
    }

    pub fn seek(&mut self, mark: usize) {
        self.at = mark;
    }

    pub fn at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// Characters from 1 of the next token.
    pub fn position(&self) -> usize {
        position(self.text, self.peek().map_or(self.text.len(), |token| token.start))
    }

    /// `syntax error at or near` the next token.
    pub fn unexpected(&self) -> Error {
        match self.peek() {
            Some(token) => syntax_error(self.text, token.start, token.end),
            None => syntax_error(self.text, self.text.len(), self.text.len()),
        }
    }

    /// 0A000 pointing at the next token.
    pub fn unsupported(&self, what: &str, hint: &str) -> Error {
        Error::unsupported(what).hint(hint).at(self.position())
    }

    pub fn end(&self) -> Result<()> {
        if self.at_end() { Ok(()) } else { Err(self.unexpected()) }
    }

    pub fn is(&self, word: &str) -> bool {
        self.peek().is_some_and(|token| token.is_word(word))
    }

    /// Whether the token before the next one ends an operand: `DEFAULT 1 NULL` ends before NULL, `DEFAULT NULL` and
    /// `x IS NULL` do not.
    pub fn follows_operand(&self) -> bool {
        let Some(token) = self.at.checked_sub(1).and_then(|at| self.tokens.get(at)) else { return false };
        match &token.kind {
            Kind::Symbol(symbol) => symbol == ")" || symbol == "]",
            Kind::Word(word) => !matches!(
                word.as_str(),
                "default"
                    | "is"
                    | "not"
                    | "and"
                    | "or"
                    | "case"
                    | "when"
                    | "then"
                    | "else"
                    | "like"
                    | "in"
                    | "distinct"
                    | "from"
            ),
            _ => true,
        }
    }

    /// Whether the next words are these (blank-separated).
    pub fn are(&self, words: &str) -> bool {
        words
            .split(' ')
            .enumerate()
            .all(|(ahead, word)| self.peek_ahead(ahead).is_some_and(|token| token.is_word(word)))
    }

    /// Takes these words if they are next.
    pub fn eat(&mut self, words: &str) -> bool {
        let found = self.are(words);
        if found {
            self.at += words.split(' ').count();
        }
        found
    }

    pub fn expect(&mut self, words: &str) -> Result<()> {
        words.split(' ').try_for_each(|word| if self.eat(word) { Ok(()) } else { Err(self.unexpected()) })
    }

    /// Takes whichever of these words is next.
    pub fn one_of(&mut self, words: &[&'static str]) -> Option<&'static str> {
        words.iter().find(|words| self.eat(words)).copied()
    }

    pub fn is_symbol(&self, symbol: &str) -> bool {
        self.peek().is_some_and(|token| token.is_symbol(symbol))
    }

    pub fn eat_symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        self.at += found as usize;
        found
    }

    pub fn expect_symbol(&mut self, symbol: &str) -> Result<()> {
        if self.eat_symbol(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// An identifier: quoted, or a word that is not reserved (PostgreSQL 15, appendix C).
    pub fn identifier(&mut self) -> Result<String> {
        match self.peek().map(|token| &token.kind) {
            Some(Kind::Quoted(name)) => {
                self.at += 1;
                Ok(name.clone())
            }
            Some(Kind::Word(word)) if !super::reserved::is_reserved(word) => {
                self.at += 1;
                Ok(word.clone())
            }
            _ => Err(self.unexpected()),
        }
    }

    /// Any word, reserved or not, or a quoted identifier: what may follow a dot, AS or SET.
    pub fn label(&mut self) -> Result<String> {
        match self.peek().map(|token| &token.kind) {
            Some(Kind::Quoted(name) | Kind::Word(name)) => {
                self.at += 1;
                Ok(name.clone())
            }
            _ => Err(self.unexpected()),
        }
    }

    /// `[schema.]name`; a database in front is 0A000.
    pub fn name(&mut self) -> Result<Name> {
        let position = self.position();
        let mut parts = vec![self.identifier()?];
        while self.eat_symbol(".") {
            parts.push(self.label()?);
        }
        match <[String; 1]>::try_from(parts) {
            Ok([name]) => Ok(Name { schema: None, name }),
            Err(mut parts) if parts.len() == 2 => {
                let name = parts.pop().unwrap_or_default();
                Ok(Name { schema: parts.pop(), name })
            }
            Err(_) => Err(Error::unsupported("a reference to another database").at(position)),
        }
    }

    /// `item, item, ...`
    pub fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.eat_symbol(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// `(item, item, ...)`
    pub fn parenthesised<T>(&mut self, item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        self.expect_symbol("(")?;
        let items = self.list(item)?;
        self.expect_symbol(")")?;
        Ok(items)
    }

    pub fn string(&mut self) -> Result<String> {
        match self.peek().map(|token| &token.kind) {
            Some(Kind::Text(text)) => {
                self.at += 1;
                Ok(text.clone())
            }
            _ => Err(self.unexpected()),
        }
    }

    /// A signed integer constant.
    pub fn integer(&mut self) -> Result<i64> {
        let negative = self.eat_symbol("-");
        if !negative {
            self.eat_symbol("+");
        }
        match self.peek().map(|token| &token.kind) {
            Some(Kind::Number(digits)) => {
                let signed = if negative { format!("-{digits}") } else { digits.clone() };
                let value = signed.parse().map_err(|_| self.unexpected())?;
                self.at += 1;
                Ok(value)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// Skips a balanced run of tokens up to (not including) the first at depth 0 for which `stop` holds, a closing
    /// bracket, or the end; returns its source text. Empty is a syntax error.
    pub fn text_until(&mut self, stop: impl Fn(&Self) -> bool) -> Result<String> {
        let first = self.at;
        let mut depth = 0usize;
        while let Some(token) = self.peek() {
            if depth == 0 && (token.is_symbol(")") || token.is_symbol("]") || stop(self)) {
                break;
            }
            if token.is_symbol("(") || token.is_symbol("[") {
                depth += 1;
            } else if token.is_symbol(")") || token.is_symbol("]") {
                depth -= 1;
            }
            self.at += 1;
        }
        if first == self.at || depth > 0 {
            return Err(self.unexpected());
        }
        let (start, end) = (self.tokens[first].start, self.tokens[self.at - 1].end);
        Ok(self.text[start..end].to_owned())
    }

    /// The source text from the next token to the end of the statement, and where it starts (bytes).
    pub fn rest(&mut self) -> (usize, &'a str) {
        let start = self.peek().map_or(self.text.len(), |token| token.start);
        self.at = self.tokens.len();
        (start, &self.text[start..])
    }

    /// The source text between two marks.
    pub fn between(&self, from: usize, to: usize) -> &'a str {
        match (self.tokens.get(from), to.checked_sub(1).and_then(|last| self.tokens.get(last))) {
            (Some(first), Some(last)) if from < to => &self.text[first.start..last.end],
            _ => "",
        }
    }
}
