//! How deep a statement's tree will be, told from its tokens before anything recurses over it.
//!
//! An operator may put everything before it one level down (`a + b + c`), a bracket or a prefix what follows it. AND
//! and OR are told apart: the binder makes one node of a whole chain, so that only the parser's own tree is deep.

use super::lexer::position;
use super::prepass::byte_of;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};
use types::{Result, err};

/// Operators that a level of brackets may chain, together with those around it.
const LINKS_MAX: usize = 6_000;
/// ANDs and ORs, likewise.
const TERMS_MAX: usize = 50_000;
/// Brackets, CASEs and prefix operators inside one another.
const NESTING_MAX: usize = 500;
/// What dropping the parser's tree takes of one level of stack.
const TERMS_A_LEVEL: usize = 8;

/// One open bracket or CASE.
#[derive(Default, Clone, Copy)]
struct Level {
    links: usize,
    terms: usize,
    prefixes: usize,
    /// Things side by side: the binder makes a tree of joins of them.
    items: usize,
}

/// What `measure` finds.
pub struct Depth {
    /// The depth to keep stack for.
    pub stack: usize,
    /// Of one expression or query within another.
    pub chain: usize,
}

/// 54001 beyond the limits.
pub fn measure(text: &str, tokens: &[TokenWithSpan]) -> Result<Depth> {
    let mut around: Vec<Level> = vec![];
    let mut here = Level::default();
    let (mut sum, mut deepest, mut chain) = (Level::default(), 0, 0);
    let mut after_operand = false;
    for token in tokens {
        let mut operand = false;
        match kind(&token.token) {
            Kind::Open | Kind::Case => {
                // A subscript is a link of its chain as well: a[1][2][3].
                here.links += usize::from(token.token == Token::LBracket);
                sum = sum.plus(&here);
                around.push(std::mem::take(&mut here));
            }
            Kind::Close => {
                if let Some(outer) = around.pop() {
                    here = outer;
                    sum = sum.minus(&here);
                }
                operand = true;
                here.prefixes = 0;
            }
            Kind::Term => {
                here.terms += 1;
                (here.links, here.prefixes) = (0, 0);
            }
            Kind::Comma => {
                let items = here.items + 1;
                here = Level { items, ..Level::default() };
            }
            Kind::Link => {
                here.links += 1;
                here.prefixes += usize::from(!after_operand);
            }
            Kind::Operand => {
                operand = true;
                here.prefixes = 0;
            }
            Kind::Other => {}
        }
        after_operand = operand;
        let now = sum.plus(&here);
        let nesting = around.len() + now.prefixes;
        if now.links > LINKS_MAX || now.terms > TERMS_MAX || nesting > NESTING_MAX {
            return Err(err!(StatementTooComplex, "stack depth limit exceeded")
                .hint(format!(
                    "Operators chain up to {LINKS_MAX} long, AND and OR up to {TERMS_MAX}, and brackets nest up to {NESTING_MAX} deep."
                ))
                .at(position(text, byte_of(text, token.span.start))));
        }
        chain = chain.max(now.links + nesting);
        let items = now.items.min(LINKS_MAX);
        deepest = deepest.max(now.links + nesting + items + now.terms / TERMS_A_LEVEL);
    }
    Ok(Depth { stack: deepest, chain })
}

impl Level {
    fn plus(&self, other: &Level) -> Level {
        Level {
            links: self.links + other.links,
            terms: self.terms + other.terms,
            prefixes: self.prefixes + other.prefixes,
            items: self.items + other.items,
        }
    }

    fn minus(&self, other: &Level) -> Level {
        Level {
            links: self.links - other.links,
            terms: self.terms - other.terms,
            prefixes: self.prefixes - other.prefixes,
            items: self.items - other.items,
        }
    }
}

enum Kind {
    Open,
    Close,
    Case,
    Comma,
    /// AND, OR.
    Term,
    Link,
    Operand,
    Other,
}

fn kind(token: &Token) -> Kind {
    match token {
        Token::LParen | Token::LBracket | Token::LBrace => Kind::Open,
        Token::RParen | Token::RBracket | Token::RBrace => Kind::Close,
        Token::Comma | Token::SemiColon => Kind::Comma,
        Token::Period | Token::EOF => Kind::Other,
        Token::Word(Word { quote_style: Some(_), .. }) => Kind::Operand,
        Token::Word(Word { keyword, .. }) => match keyword {
            Keyword::AND | Keyword::OR => Kind::Term,
            Keyword::CASE => Kind::Case,
            Keyword::END => Kind::Close,
            Keyword::NOT
            | Keyword::IS
            | Keyword::NOTNULL
            | Keyword::IN
            | Keyword::LIKE
            | Keyword::ILIKE
            | Keyword::SIMILAR
            | Keyword::BETWEEN
            | Keyword::COLLATE
            | Keyword::AT
            | Keyword::INTERVAL
            | Keyword::OPERATOR
            | Keyword::JOIN
            | Keyword::UNION
            | Keyword::EXCEPT
            | Keyword::INTERSECT => Kind::Link,
            Keyword::SELECT
            | Keyword::FROM
            | Keyword::WHERE
            | Keyword::WHEN
            | Keyword::THEN
            | Keyword::ELSE
            | Keyword::ON
            | Keyword::ALL
            | Keyword::DISTINCT => Kind::Other,
            _ => Kind::Operand,
        },
        Token::Number(..) | Token::Placeholder(_) => Kind::Operand,
        Token::SingleQuotedString(_)
        | Token::DollarQuotedString(_)
        | Token::NationalStringLiteral(_)
        | Token::EscapedStringLiteral(_)
        | Token::UnicodeStringLiteral(_)
        | Token::HexStringLiteral(_) => Kind::Operand,
        _ => Kind::Link,
    }
}
