//! PostgreSQL's spellings that sqlparser does not know, put into ones that it does.
//!
//! ```text
//!   x BETWEEN SYMMETRIC a AND b      x BETWEEN NOT NOT a AND b      (PostgreSQL has no NOT there)
//!   OVER (... ROWS f EXCLUDE TIES)   OVER (... ORDER BY __exclude_ties ROWS f)
//!   FROM ONLY t, FROM ONLY (t)       FROM t                         (nothing inherits)
//!   x OPERATOR(pg_catalog.=) ANY     x = ANY
//!   ROWS FROM (f(), g())             __rows_from(f(), g())
//!   f(name := value)                 f(name => value)
//!   FOR KEY SHARE OF a, b NOWAIT     FOR SHARE OF __weaker.a NOWAIT FOR SHARE OF __weaker.b NOWAIT
//! ```

use super::lexer::syntax_error;
use super::prepass::{are, byte_of, is_word, word};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};
use types::Result;

/// Names that only the rewriting may write.
pub const MARKERS: [&str; 6] = [
    "__exclude_current_row",
    "__exclude_group",
    "__exclude_ties",
    "__exclude_no_others",
    "__rows_from",
    WEAKER,
];

/// Before the table of a row lock: FOR NO KEY UPDATE instead of FOR UPDATE, FOR KEY SHARE instead of FOR SHARE.
pub const WEAKER: &str = "__weaker";

/// Rewrites what `rest` starts with, and returns how many tokens were taken.
pub fn respelled(text: &str, rest: &[TokenWithSpan], out: &mut Vec<TokenWithSpan>) -> Result<Option<usize>> {
    let Some(first) = rest.first() else { return Ok(None) };
    let span = first.span;
    if is_word(out.last(), "between") {
        if is_word(Some(first), "not") {
            let start = byte_of(text, span.start);
            return Err(syntax_error(text, start, start + 3));
        }
        if is_word(Some(first), "asymmetric") {
            return Ok(Some(1));
        }
        if is_word(Some(first), "symmetric") {
            out.push(word("NOT", Keyword::NOT, span));
            out.push(word("NOT", Keyword::NOT, span));
            return Ok(Some(1));
        }
    }
    if first.token == Token::Assignment {
        out.push(TokenWithSpan::new(Token::RArrow, span));
        return Ok(Some(1));
    }
    if is_word(Some(first), "only") {
        return Ok(only(rest, out));
    }
    if is_word(Some(first), "operator") {
        return Ok(quantified_operator(rest, out));
    }
    if are(rest, &["rows", "from"]) && matches!(rest.get(2).map(|next| &next.token), Some(Token::LParen)) {
        out.push(word("__rows_from", Keyword::NoKeyword, span));
        return Ok(Some(2));
    }
    Ok(lock_clause(rest, out).or_else(|| exclusion(rest, out)))
}

/// A row lock that is weaker than those sqlparser knows, or of several tables.
fn lock_clause(rest: &[TokenWithSpan], out: &mut Vec<TokenWithSpan>) -> Option<usize> {
    let (words, weaker) = match () {
        _ if are(rest, &["for", "update"]) || are(rest, &["for", "share"]) => (2, false),
        _ if are(rest, &["for", "no", "key", "update"]) => (4, true),
        _ if are(rest, &["for", "key", "share"]) => (3, true),
        _ => return None,
    };
    let (start, strength) = (rest.first()?, rest.get(words - 1)?);
    let span = start.span;
    let mut at = words;
    let mut names = Vec::new();
    let comma = |at: usize| rest.get(at).is_some_and(|next| next.token == Token::Comma);
    while if names.is_empty() { is_word(rest.get(at), "of") } else { comma(at) } {
        names.push(rest.get(at + 1)?.clone());
        at += 2;
    }
    let wait = match () {
        _ if is_word(rest.get(at), "nowait") => 1,
        _ if are(rest.get(at..)?, &["skip", "locked"]) => 2,
        _ => 0,
    };
    let wait = rest.get(at..at + wait)?;
    let mut clause = |name: Option<TokenWithSpan>| {
        out.extend([start.clone(), strength.clone()]);
        if weaker || name.is_some() {
            out.push(word("OF", Keyword::OF, span));
        }
        if weaker {
            out.push(word(WEAKER, Keyword::NoKeyword, span));
        }
        if weaker && name.is_some() {
            out.push(TokenWithSpan::new(Token::Period, span));
        }
        out.extend(name);
        out.extend_from_slice(wait);
    };
    match names.is_empty() {
        true => clause(None),
        false => names.into_iter().for_each(|name| clause(Some(name))),
    }
    Some(at + wait.len())
}

/// ONLY before a table's name. FETCH FIRST ROW ONLY is another.
fn only(rest: &[TokenWithSpan], out: &mut Vec<TokenWithSpan>) -> Option<usize> {
    if ["row", "rows", "read"].iter().any(|word| is_word(out.last(), word)) {
        return None;
    }
    match rest.get(1)?.token {
        Token::Word(_) => Some(1),
        Token::LParen => {
            let name = rest.get(2..)?;
            let length =
                name.iter().take_while(|token| matches!(token.token, Token::Word(_) | Token::Period)).count();
            if length == 0 || name.get(length)?.token != Token::RParen {
                return None;
            }
            out.extend_from_slice(name.get(..length)?);
            Some(length + 3)
        }
        _ => None,
    }
}

/// `OPERATOR(pg_catalog.=)` before ANY, ALL or SOME, where sqlparser takes only the operator itself.
fn quantified_operator(rest: &[TokenWithSpan], out: &mut Vec<TokenWithSpan>) -> Option<usize> {
    let qualified = is_word(rest.get(2), "pg_catalog") && rest.get(3)?.token == Token::Period;
    let at = if qualified { 4 } else { 2 };
    let quantified = ["any", "all", "some"].iter().any(|word| is_word(rest.get(at + 2), word));
    if rest.get(1)?.token != Token::LParen || rest.get(at + 1)?.token != Token::RParen || !quantified {
        return None;
    }
    out.push(rest.get(at)?.clone());
    Some(at + 2)
}

/// A frame's EXCLUDE, carried by a last sort key that only says so.
fn exclusion(rest: &[TokenWithSpan], out: &mut Vec<TokenWithSpan>) -> Option<usize> {
    let (marker, taken) = match () {
        _ if are(rest, &["exclude", "current", "row"]) => ("__exclude_current_row", 3),
        _ if are(rest, &["exclude", "group"]) => ("__exclude_group", 2),
        _ if are(rest, &["exclude", "ties"]) => ("__exclude_ties", 2),
        _ if are(rest, &["exclude", "no", "others"]) => ("__exclude_no_others", 3),
        _ => return None,
    };
    if rest.get(taken)?.token != Token::RParen {
        return None;
    }
    let (mut depth, mut units, mut ordered) = (0usize, None, false);
    for at in (0..out.len()).rev() {
        match out[at].token {
            Token::RParen => depth += 1,
            Token::LParen if depth == 0 => break,
            Token::LParen => depth -= 1,
            _ if depth > 0 => {}
            _ if ["rows", "range", "groups"].iter().any(|unit| is_word(out.get(at), unit)) => {
                units = Some(at);
            }
            _ if are(&out[at..], &["order", "by"]) => ordered = true,
            _ => {}
        }
    }
    let units = units?;
    let span = rest.first()?.span;
    let mut key = match ordered {
        true => vec![TokenWithSpan::new(Token::Comma, span)],
        false => vec![word("ORDER", Keyword::ORDER, span), word("BY", Keyword::BY, span)],
    };
    key.push(word(marker, Keyword::NoKeyword, span));
    out.splice(units..units, key);
    Some(taken)
}
