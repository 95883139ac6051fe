//! PostgreSQL's advanced regular expressions (9.7.3) rewritten for `fancy_regex`, and the cache of compiled ones.
//!
//! The rewriting takes the pattern apart completely: whatever has another meaning there is escaped or refused with
//! PostgreSQL's message (2201B). Among matches that begin at the same place PostgreSQL takes the longest, this engine
//! the one that its alternatives name first: they differ for `a|ab`, not for whether there is a match.

use fancy_regex::Regex;
use std::cell::RefCell;
use std::collections::HashMap;
use std::iter::Peekable;
use std::rc::Rc;
use std::str::Chars;
use types::{Error, Result, err};

/// What the flags of the functions and `(?...)` at the start of a pattern say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Options {
    pub global: bool,
    pub ignore_case: bool,
    /// `.` and `[^a]` do not match a newline.
    newline_stops: bool,
    /// `^` and `$` match at newlines.
    newline_anchors: bool,
    /// Blanks and comments are ignored.
    expanded: bool,
    /// The pattern is a string, not an expression.
    literal: bool,
}

impl Options {
    /// 22023 for a letter that is none.
    pub fn parse(flags: &str) -> Result<Options> {
        let mut options = Options::default();
        for flag in flags.chars() {
            if flag == 'g' {
                options.global = true;
            } else if !options.set(flag) {
                return Err(err!(InvalidParameterValue, "invalid regular expression option: \"{flag}\""));
            }
        }
        Ok(options)
    }

    fn set(&mut self, flag: char) -> bool {
        match flag {
            'i' => self.ignore_case = true,
            'c' => self.ignore_case = false,
            'n' | 'm' => (self.newline_stops, self.newline_anchors) = (true, true),
            's' => (self.newline_stops, self.newline_anchors) = (false, false),
            'p' => (self.newline_stops, self.newline_anchors) = (true, false),
            'w' => (self.newline_stops, self.newline_anchors) = (false, true),
            'x' => self.expanded = true,
            't' => self.expanded = false,
            'q' => self.literal = true,
            // Extended expressions are advanced ones but for their escapes.
            'e' => {}
            _ => return false,
        }
        true
    }
}

/// How many compiled expressions a thread keeps.
const CACHE_SIZE: usize = 128;

thread_local! {
    static CACHE: RefCell<HashMap<(String, Options), Rc<Regex>>> = RefCell::default();
}

pub(crate) fn compile(pattern: &str, options: Options) -> Result<Rc<Regex>> {
    CACHE.with_borrow_mut(|cache| {
        // `global` is not the expression's business.
        let key = (pattern.to_owned(), Options { global: false, ..options });
        if let Some(regex) = cache.get(&key) {
            return Ok(regex.clone());
        }
        let regex = Regex::new(&translate(pattern, options)?).map_err(|error| invalid(&reason(&error)))?;
        if cache.len() >= CACHE_SIZE {
            cache.clear();
        }
        let regex = Rc::new(regex);
        cache.insert(key, regex.clone());
        Ok(regex)
    })
}

/// The engine's own complaint, on one line.
fn reason(error: &fancy_regex::Error) -> String {
    let text = error.to_string();
    text.lines().last().unwrap_or_default().trim().to_owned()
}

pub(crate) fn invalid(why: &str) -> Error {
    err!(InvalidRegularExpression, "invalid regular expression: {why}")
}

fn translate(pattern: &str, mut options: Options) -> Result<String> {
    let mut rest = pattern;
    if let Some(literal) = rest.strip_prefix("***=") {
        (rest, options.literal) = (literal, true);
    } else if let Some(advanced) = rest.strip_prefix("***:") {
        rest = advanced;
    }
    if !options.literal
        && let Some((letters, after)) = rest.strip_prefix("(?").and_then(|inner| inner.split_once(')'))
        && !letters.is_empty()
        && letters.bytes().all(|letter| letter.is_ascii_lowercase())
    {
        for letter in letters.chars() {
            if !options.set(letter) {
                return Err(invalid("invalid embedded option"));
            }
        }
        rest = after;
    }
    let mut out = String::from("(?");
    if options.ignore_case {
        out.push('i');
    }
    if !options.newline_stops {
        out.push('s');
    }
    if options.newline_anchors {
        out.push('m');
    }
    if out.len() == 2 {
        out.clear();
    } else {
        out.push(')');
    }
    if options.literal {
        rest.chars().for_each(|c| push_literal(c, &mut out));
        return Ok(out);
    }
    Translation { rest: rest.chars().peekable(), options, out, depth: 0, groups: 0, atom: Atom::None }.run()
}

/// What stands before the place looked at: what a quantifier would apply to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Atom {
    None,
    Some,
    Quantified,
}

struct Translation<'a> {
    rest: Peekable<Chars<'a>>,
    options: Options,
    out: String,
    depth: usize,
    groups: usize,
    atom: Atom,
}

impl Translation<'_> {
    fn run(mut self) -> Result<String> {
        while let Some(c) = self.rest.next() {
            match c {
                '\\' => self.escape()?,
                '[' => self.bracket()?,
                '(' => self.open()?,
                ')' => {
                    self.depth =
                        self.depth.checked_sub(1).ok_or_else(|| invalid("parentheses () not balanced"))?;
                    self.push_atom(")");
                }
                '|' => {
                    self.out.push('|');
                    self.atom = Atom::None;
                }
                '*' | '+' | '?' => {
                    self.out.push(c);
                    self.quantified()?;
                }
                '{' if self.rest.peek().is_some_and(char::is_ascii_digit) => self.bound()?,
                '^' | '$' => {
                    self.out.push(c);
                    self.atom = Atom::None;
                }
                '.' => self.push_atom("."),
                '#' if self.options.expanded => while self.rest.next().is_some_and(|c| c != '\n') {},
                c if self.options.expanded && c.is_whitespace() => {}
                c => self.literal(c),
            }
        }
        if self.depth > 0 {
            return Err(invalid("parentheses () not balanced"));
        }
        Ok(self.out)
    }

    fn push_atom(&mut self, text: &str) {
        self.out.push_str(text);
        self.atom = Atom::Some;
    }

    fn literal(&mut self, c: char) {
        push_literal(c, &mut self.out);
        self.atom = Atom::Some;
    }

    /// After a quantifier: an atom must have come before it; `?` makes it take as little as it can.
    fn quantified(&mut self) -> Result<()> {
        if self.atom != Atom::Some {
            return Err(invalid("quantifier operand invalid"));
        }
        self.atom = Atom::Quantified;
        if self.rest.next_if_eq(&'?').is_some() {
            self.out.push('?');
        }
        Ok(())
    }

    fn open(&mut self) -> Result<()> {
        self.depth += 1;
        self.atom = Atom::None;
        if self.rest.next_if_eq(&'?').is_none() {
            self.groups += 1;
            self.out.push('(');
            return Ok(());
        }
        let kind = match self.rest.next() {
            Some(':') => "(?:",
            Some('=') => "(?=",
            Some('!') => "(?!",
            Some('<') => match self.rest.next() {
                Some('=') => "(?<=",
                Some('!') => "(?<!",
                _ => return Err(invalid("quantifier operand invalid")),
            },
            Some('#') => {
                // A comment.
                self.depth -= 1;
                while self.rest.next().is_some_and(|c| c != ')') {}
                return Ok(());
            }
            _ => return Err(invalid("quantifier operand invalid")),
        };
        self.out.push_str(kind);
        Ok(())
    }

    fn bound(&mut self) -> Result<()> {
        let wrong = || invalid("invalid repetition count(s)");
        let least = self.digits(10, 3);
        let mut most = Some(least.clone());
        if self.rest.next_if_eq(&',').is_some() {
            most = self.rest.peek().is_some_and(char::is_ascii_digit).then(|| self.digits(10, 3));
        }
        if self.rest.next_if_eq(&'}').is_none() {
            return Err(wrong());
        }
        let count = |digits: &str| digits.parse::<u32>().ok().filter(|count| *count <= 255).ok_or_else(wrong);
        let low = count(&least)?;
        match &most {
            Some(most) if count(most)? < low => return Err(wrong()),
            Some(most) => self.out.push_str(&format!("{{{low},{most}}}")),
            None => self.out.push_str(&format!("{{{low},}}")),
        }
        self.quantified()
    }

    fn digits(&mut self, radix: u32, most: usize) -> String {
        let mut digits = String::new();
        while digits.len() < most
            && let Some(digit) = self.rest.next_if(|c| c.is_digit(radix))
        {
            digits.push(digit);
        }
        digits
    }

    fn escape(&mut self) -> Result<()> {
        let wrong = || invalid("invalid escape \\ sequence");
        let c = self.rest.next().ok_or_else(wrong)?;
        match c {
            'd' => self.push_atom("[0-9]"),
            'D' => self.push_atom("[^0-9]"),
            'w' | 'W' | 's' | 'S' => self.push_atom(&format!("\\{c}")),
            'm' => self.constraint(r"\b(?=\w)"),
            'M' => self.constraint(r"\b(?<=\w)"),
            'y' => self.constraint(r"\b"),
            'Y' => self.constraint(r"\B"),
            'A' => self.constraint(r"\A"),
            'Z' => self.constraint(r"\z"),
            '1'..='9' => {
                let mut number = c.to_string();
                while let Some(digit) = self.rest.next_if(char::is_ascii_digit) {
                    number.push(digit);
                }
                let number: usize = number.parse().map_err(|_| wrong())?;
                if number > self.groups {
                    return Err(invalid("invalid backreference number"));
                }
                self.push_atom(&format!("(?:\\{number})"));
            }
            _ => {
                let c = self.character(c)?;
                self.literal(c);
            }
        }
        Ok(())
    }

    fn constraint(&mut self, text: &str) {
        self.out.push_str(text);
        self.atom = Atom::None;
    }

    /// The escapes that name one character; `c` follows the backslash.
    fn character(&mut self, c: char) -> Result<char> {
        let wrong = || invalid("invalid escape \\ sequence");
        let (radix, digits) = match c {
            'a' => return Ok('\x07'),
            'b' => return Ok('\x08'),
            'B' => return Ok('\\'),
            'e' => return Ok('\x1b'),
            'f' => return Ok('\x0c'),
            'n' => return Ok('\n'),
            'r' => return Ok('\r'),
            't' => return Ok('\t'),
            'v' => return Ok('\x0b'),
            'c' => {
                let control = self.rest.next().ok_or_else(wrong)?;
                return char::from_u32(control as u32 & 31).ok_or_else(wrong);
            }
            'x' => (16, self.digits(16, 8)),
            'u' => (16, self.digits(16, 4)),
            'U' => (16, self.digits(16, 8)),
            '0' => (8, format!("0{}", self.digits(8, 2))),
            c if c.is_ascii_alphanumeric() => return Err(wrong()),
            c => return Ok(c),
        };
        u32::from_str_radix(&digits, radix).ok().and_then(char::from_u32).ok_or_else(wrong)
    }

    fn bracket(&mut self) -> Result<()> {
        let unbalanced = || invalid("brackets [] not balanced");
        let ahead: String = self.rest.clone().take(6).collect();
        if ahead == "[:<:]]" || ahead == "[:>:]]" {
            self.rest.nth(5);
            self.constraint(if ahead == "[:<:]]" { r"\b(?=\w)" } else { r"\b(?<=\w)" });
            return Ok(());
        }
        self.out.push('[');
        let negated = self.rest.next_if_eq(&'^').is_some();
        if negated {
            self.out.push('^');
            if self.options.newline_stops {
                self.out.push_str("\\n");
            }
        }
        let mut first = true;
        loop {
            let c = self.rest.next().ok_or_else(unbalanced)?;
            if c == ']' && !first {
                break;
            }
            first = false;
            let Some(low) = self.bracket_item(c)? else { continue };
            // A range, unless the hyphen is the last character.
            let mut ahead = self.rest.clone();
            if ahead.next() == Some('-') && ahead.next().is_some_and(|c| c != ']') {
                self.rest.next();
                let c = self.rest.next().ok_or_else(unbalanced)?;
                let high = self.bracket_item(c)?.filter(|high| *high >= low);
                let high = high.ok_or_else(|| invalid("invalid character range"))?;
                push_member(low, &mut self.out);
                self.out.push('-');
                push_member(high, &mut self.out);
            } else {
                push_member(low, &mut self.out);
            }
        }
        self.out.push(']');
        self.atom = Atom::Some;
        Ok(())
    }

    /// One character of a bracket expression; None if it was a class, which is written already.
    fn bracket_item(&mut self, c: char) -> Result<Option<char>> {
        match (c, self.rest.peek().copied()) {
            ('[', Some(kind @ (':' | '.' | '='))) => {
                self.rest.next();
                let mut name = String::new();
                loop {
                    let c = self.rest.next().ok_or_else(|| invalid("brackets [] not balanced"))?;
                    if c == kind && self.rest.next_if_eq(&']').is_some() {
                        break;
                    }
                    name.push(c);
                }
                if kind != ':' {
                    let mut characters = name.chars();
                    return match (characters.next(), characters.next()) {
                        (Some(one), None) => Ok(Some(one)),
                        _ => Err(invalid("invalid collating element")),
                    };
                }
                self.out.push_str(match name.as_str() {
                    "alpha" => r"\p{Alphabetic}",
                    "upper" => r"\p{Uppercase}",
                    "lower" => r"\p{Lowercase}",
                    "alnum" => r"\p{Alphabetic}\p{Nd}",
                    "digit" => "0-9",
                    "xdigit" => "0-9A-Fa-f",
                    "space" => r"\s",
                    "blank" => r" \t",
                    "punct" => "!-/:-@\\[-`{-~",
                    "cntrl" => r"\x00-\x1f\x7f",
                    "print" => r"\x20-\x7e\u{a0}-\u{10ffff}",
                    "graph" => r"\x21-\x7e\u{a1}-\u{10ffff}",
                    "word" => r"\w",
                    _ => return Err(invalid("invalid character class")),
                });
                Ok(None)
            }
            ('\\', Some(class @ ('d' | 'w' | 's' | 'D' | 'W' | 'S'))) => {
                self.rest.next();
                match class {
                    'd' => self.out.push_str("0-9"),
                    'D' => self.out.push_str("[^0-9]"),
                    class => self.out.extend(['\\', class]),
                }
                Ok(None)
            }
            ('\\', Some(escaped)) => {
                self.rest.next();
                self.character(escaped).map(Some)
            }
            (c, _) => Ok(Some(c)),
        }
    }
}

fn push_literal(c: char, out: &mut String) {
    if "\\.+*?()|[]{}^$".contains(c) {
        out.push('\\');
    }
    out.push(c);
}

/// Within brackets: by number, unless it is a letter or a digit.
fn push_member(c: char, out: &mut String) {
    if c.is_ascii_alphanumeric() {
        out.push(c);
    } else {
        out.push_str(&format!("\\x{{{:x}}}", c as u32));
    }
}
