//! Time travel for sqlparser: our forms become ones that it knows.
//!
//! ```text
//!   t AS OF TX 42                              t FOR SYSTEM_TIME AS OF __tx(42)
//!   t FOR SYSTEM_TIME AS OF TRANSACTION $1     t FOR SYSTEM_TIME AS OF __tx($1)
//!   t AS OF TIMESTAMP e                        t FOR SYSTEM_TIME AS OF e
//!   t FOR SYSTEM_TIME BETWEEN a AND b          t FOR SYSTEM_TIME AS OF __between BETWEEN a AND b
//!   t FOR SYSTEM_TIME FROM a TO b              t FOR SYSTEM_TIME AS OF __from(a, b)
//!   t FOR SYSTEM_TIME ALL                      t FOR SYSTEM_TIME AS OF __all
//!   ... AS OF SYSTEM TIME e                    lifted out of the query
//! ```
//! Tokens keep their places, so that error positions stay right. A user cannot type the markers.

use super::lexer::{self, position};
use super::spelling;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer, Whitespace, Word};
use types::{Result, err};

/// sqlparser's tokens of a statement, rewritten. Blanks and comments are gone.
pub fn tokenize(text: &str) -> Result<Vec<TokenWithSpan>> {
    let mut tokens = Vec::new();
    Tokenizer::new(super::dialect(), text).tokenize_with_location_into_buf(&mut tokens).map_err(|error| {
        err!(SyntaxError, "{}", error.message).at(position(text, byte_of(text, error.location)))
    })?;
    let mut tokens = continued(tokens);
    tokens.retain(|token| !matches!(token.token, Token::Whitespace(_)));
    for token in &tokens {
        if let Token::Word(Word { value, quote_style: None, .. }) = &token.token
            && value.starts_with("__")
            && ["__tx", "__between", "__from", "__all"]
                .iter()
                .chain(&spelling::MARKERS)
                .any(|marker| marker.eq_ignore_ascii_case(value))
        {
            return Err(err!(ReservedName, "the name \"{value}\" is reserved")
                .hint("Quote it if it names something of yours.")
                .at(position(text, byte_of(text, token.span.start))));
        }
    }
    rewrite(text, tokens)
}

/// Strings that only blanks with a newline part are one (PostgreSQL 15, 4.1.2.1).
fn continued(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut blanks: Vec<TokenWithSpan> = vec![];
    for token in tokens {
        if let Token::Whitespace(blank) = &token.token {
            // A comment of several lines ends a string; one to the end of the line is a newline.
            if !matches!(blank, Whitespace::MultiLineComment(_)) {
                blanks.push(token);
                continue;
            }
        }
        let newline = |blank: &TokenWithSpan| {
            matches!(
                blank.token,
                Token::Whitespace(Whitespace::Newline | Whitespace::SingleLineComment { .. })
            )
        };
        if let (Some(before), Token::SingleQuotedString(more)) = (out.last_mut(), &token.token)
            && let Token::SingleQuotedString(text) = &mut before.token
            && blanks.iter().any(newline)
        {
            text.push_str(more);
            before.span.end = token.span.end;
            blanks.clear();
            continue;
        }
        out.append(&mut blanks);
        out.push(token);
    }
    out
}

/// sqlparser takes a string for a name in many places. PostgreSQL never does, so that strings go to it in the spelling
/// that it takes for a constant only; except where it asks for this one.
pub fn only_constants(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    for at in 0..tokens.len() {
        let asked = at > 0 && is_word(tokens.get(at - 1), "interval")
            || at > 1
                && matches!(tokens[at - 1].token, Token::LParen)
                && is_word(tokens.get(at - 2), "extract");
        let token = &mut tokens[at].token;
        if let (Token::SingleQuotedString(text), false) = (&mut *token, asked) {
            *token = Token::EscapedStringLiteral(std::mem::take(text));
        }
    }
    tokens
}

/// The byte that sqlparser's line and column (characters from 1) name.
pub fn byte_of(text: &str, location: Location) -> usize {
    if location.line == 0 {
        return text.len();
    }
    let line_start = match location.line {
        1 => 0,
        line => match text.match_indices('\n').nth(line as usize - 2) {
            Some((newline, _)) => newline + 1,
            None => return text.len(),
        },
    };
    let skipped = (location.column as usize).saturating_sub(1);
    text[line_start..].char_indices().nth(skipped).map_or(text.len(), |(byte, _)| line_start + byte)
}

pub(super) fn is_word(token: Option<&TokenWithSpan>, word: &str) -> bool {
    matches!(token.map(|token| &token.token), Some(Token::Word(Word { value, quote_style: None, .. })) if value.eq_ignore_ascii_case(word))
}

pub(super) fn are(tokens: &[TokenWithSpan], words: &[&str]) -> bool {
    words.iter().enumerate().all(|(at, word)| is_word(tokens.get(at), word))
}

pub(super) fn word(value: &str, keyword: Keyword, span: Span) -> TokenWithSpan {
    TokenWithSpan::new(Token::Word(Word { value: value.into(), quote_style: None, keyword }), span)
}

fn system_time(out: &mut Vec<TokenWithSpan>, span: Span) {
    out.push(word("FOR", Keyword::FOR, span));
    out.push(word("SYSTEM_TIME", Keyword::SYSTEM_TIME, span));
    out.push(word("AS", Keyword::AS, span));
    out.push(word("OF", Keyword::OF, span));
}

fn rewrite(text: &str, tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>> {
    let mut out = Vec::with_capacity(tokens.len() + 8);
    let mut at = 0;
    while at < tokens.len() {
        let rest = &tokens[at..];
        let span = rest[0].span;
        if are(rest, &["as", "of"]) && !are(rest, &["as", "of", "system", "time"]) {
            match short_form(text, rest)? {
                Some(skip) => {
                    system_time(&mut out, span);
                    at += skip;
                    at += moment(text, &tokens[at..], &mut out)?;
                }
                None => {
                    // `of` is an alias.
                    out.extend_from_slice(&rest[..2]);
                    at += 2;
                }
            }
        } else if are(rest, &["for", "system_time"]) {
            system_time(&mut out, span);
            at += 2;
            at += long_form(text, &tokens[at..], &mut out)?;
        } else if let Some(skip) = filled_in(rest, &mut out) {
            at += skip;
        } else if matches!(rest[0].token, Token::DoubleEq) {
            // No synonym of `=`, but an operator that does not exist.
            out.push(TokenWithSpan::new(Token::CustomBinaryOperator("==".into()), span));
            at += 1;
        } else if let Some(skip) = spelling::respelled(text, rest, &mut out)? {
            at += skip;
        } else {
            out.push(unkeyworded(rest));
            at += 1;
        }
    }
    Ok(out)
}

/// What PostgreSQL lets out, or sqlparser does not know, in the words that it knows. Returns how many tokens were taken.
fn filled_in(rest: &[TokenWithSpan], out: &mut Vec<TokenWithSpan>) -> Option<usize> {
    let span = rest.first()?.span;
    // trim(FROM x), trim(LEADING FROM x): of blanks.
    if is_word(rest.first(), "trim") && matches!(rest.get(1)?.token, Token::LParen) {
        let side = ["both", "leading", "trailing"].iter().any(|word| is_word(rest.get(2), word));
        let taken = if side { 3 } else { 2 };
        if is_word(rest.get(taken), "from") {
            out.extend_from_slice(&rest[..taken]);
            let from = rest.get(taken)?.span;
            if side {
                out.push(TokenWithSpan::new(Token::SingleQuotedString(" ".into()), from));
                return Some(taken);
            }
            return Some(taken + 1);
        }
    }
    // (t).*, which sqlparser knows without the parentheses.
    if let [
        TokenWithSpan { token: Token::LParen, .. },
        name @ TokenWithSpan { token: Token::Word(_), .. },
        TokenWithSpan { token: Token::RParen, .. },
        period @ TokenWithSpan { token: Token::Period, .. },
        star @ TokenWithSpan { token: Token::Mul, .. },
        ..,
    ] = rest
        && (matches!(out.last().map(|before| &before.token), Some(Token::Comma))
            || is_word(out.last(), "select"))
    {
        out.extend([name.clone(), period.clone(), star.clone()]);
        return Some(5);
    }
    // `x NOT NULL`, which sqlparser takes for a test: two NOTs are none to it either.
    if are(rest, &["not", "null"]) && out.last().is_some_and(ends_operand) {
        out.push(rest[0].clone());
        out.push(rest[0].clone());
        return Some(1);
    }
    // GROUP BY ALL is GROUP BY.
    if are(rest, &["group", "by", "all"]) && rest.len() > 3 {
        out.extend_from_slice(&rest[..2]);
        return Some(3);
    }
    // name 'x', pg_catalog.int4 '1': types that sqlparser does not know as such.
    if !is_word(out.last(), "as") && !matches!(out.last().map(|before| &before.token), Some(Token::Period)) {
        let qualified = is_word(rest.first(), "pg_catalog")
            && matches!(rest.get(1).map(|next| &next.token), Some(Token::Period));
        let at = if qualified { 2 } else { 0 };
        if let (Token::Word(Word { value, quote_style: None, .. }), Some(Token::SingleQuotedString(_))) =
            (&rest.get(at)?.token, rest.get(at + 1).map(|next| &next.token))
            && (qualified || UNKNOWN_TYPES.iter().any(|ty| ty.eq_ignore_ascii_case(value)))
            && types::DataType::from_name(&value.to_ascii_lowercase()).is_some()
        {
            out.push(word("CAST", Keyword::CAST, span));
            out.push(TokenWithSpan::new(Token::LParen, span));
            out.push(rest[at + 1].clone());
            out.push(word("AS", Keyword::AS, span));
            out.push(rest[at].clone());
            out.push(TokenWithSpan::new(Token::RParen, rest[at + 1].span));
            return Some(at + 2);
        }
    }
    // x ISNULL, x NOTNULL: reserved but for functions and types, so that nothing else can stand here.
    let postfix = ["isnull", "notnull"].iter().position(|word| is_word(rest.first(), word));
    if let Some(negated) = postfix
        && !matches!(rest.get(1).map(|next| &next.token), Some(Token::LParen | Token::Period))
        && !is_word(out.last(), "as")
        && !matches!(out.last().map(|before| &before.token), None | Some(Token::Period))
    {
        out.push(word("IS", Keyword::IS, span));
        if negated == 1 {
            out.push(word("NOT", Keyword::NOT, span));
        }
        out.push(word("NULL", Keyword::NULL, span));
        return Some(1);
    }
    // FETCH FIRST (1 + 1) ROWS ONLY: sqlparser takes a plain number there, but any expression after LIMIT.
    if is_word(rest.first(), "fetch")
        && (is_word(rest.get(1), "first") || is_word(rest.get(1), "next"))
        && matches!(rest.get(2)?.token, Token::LParen)
    {
        let end = 2 + closing(&rest[2..])?;
        let rows = is_word(rest.get(end + 1), "row") || is_word(rest.get(end + 1), "rows");
        if rows && is_word(rest.get(end + 2), "only") {
            out.push(word("LIMIT", Keyword::LIMIT, span));
            out.extend_from_slice(&rest[2..=end]);
            return Some(end + 3);
        }
    }
    // TABLE t, at the start of a query.
    if is_word(rest.first(), "table") && matches!(rest.get(1)?.token, Token::Word(_)) {
        let before = out.last();
        let starts = before.is_none_or(|token| matches!(token.token, Token::LParen))
            || ["union", "all", "distinct", "except", "intersect"].iter().any(|word| is_word(before, word));
        if starts {
            out.push(word("SELECT", Keyword::SELECT, span));
            out.push(TokenWithSpan::new(Token::Mul, span));
            out.push(word("FROM", Keyword::FROM, span));
            return Some(1);
        }
    }
    None
}

/// Whether an expression may end with this token.
fn ends_operand(token: &TokenWithSpan) -> bool {
    match &token.token {
        Token::Number(..) | Token::SingleQuotedString(_) | Token::RParen | Token::RBracket => true,
        Token::Word(Word { quote_style: Some(_), .. }) => true,
        Token::Word(Word { value, .. }) => {
            let word = value.to_ascii_lowercase();
            const BEFORE: [&str; 10] =
                ["is", "by", "between", "like", "ilike", "overlaps", "set", "values", "escape", "of"];
            !super::reserved::is_reserved(&word) && !BEFORE.contains(&word.as_str())
        }
        _ => false,
    }
}

/// Where the parenthesis closes that opens at 0.
fn closing(tokens: &[TokenWithSpan]) -> Option<usize> {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// PostgreSQL's types that sqlparser takes for names of the user's.
const UNKNOWN_TYPES: &[&str] = &[
    "bpchar",
    "int2vector",
    "name",
    "oid",
    "oidvector",
    "regclass",
    "regnamespace",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
    "xid",
];

/// Clauses of other databases, which are names here.
const FOREIGN: &[&str] = &[
    "anti",
    "asof",
    "cluster",
    "connect",
    "distribute",
    "format",
    "global",
    "match_condition",
    "match_recognize",
    "minus",
    "open",
    "output",
    "pivot",
    "prewhere",
    "qualify",
    "sample",
    "semi",
    "settings",
    "sort",
    "start",
    "top",
    "trim",
    "unpivot",
    "view",
];

/// With table versions on, sqlparser takes `at`, `before` and `changes` for clauses; as names they are quoted.
fn unkeyworded(rest: &[TokenWithSpan]) -> TokenWithSpan {
    let token = &rest[0];
    let call = matches!(rest.get(1).map(|next| &next.token), Some(Token::LParen));
    let zone = is_word(rest.get(1), "time");
    // Of a window: PARTITION BY, EXCLUDE TIES.
    let window = ["by", "current", "group", "ties", "no"].iter().any(|word| is_word(rest.get(1), word));
    let word_of_window = !window && (is_word(rest.first(), "partition") || is_word(rest.first(), "exclude"));
    match &token.token {
        Token::Word(Word { value, quote_style: None, .. })
            if !call
                && !zone
                && (word_of_window
                    || ["at", "before", "changes"]
                        .iter()
                        .chain(FOREIGN)
                        .any(|w| w.eq_ignore_ascii_case(value))) =>
        {
            let quoted = Word {
                value: value.to_ascii_lowercase(),
                quote_style: Some('"'),
                keyword: Keyword::NoKeyword,
            };
            TokenWithSpan::new(Token::Word(quoted), token.span)
        }
        _ => token.clone(),
    }
}

/// How many tokens `AS OF` takes when a moment follows; None when it is `AS of`, an alias. A bare number or string is
/// refused: peers read it as nanoseconds, versions or refs.
fn short_form(text: &str, rest: &[TokenWithSpan]) -> Result<Option<usize>> {
    if ["tx", "transaction", "timestamp"].iter().any(|word| is_word(rest.get(2), word)) {
        return Ok(Some(2));
    }
    match rest.get(2).map(|token| &token.token) {
        Some(Token::Number(..) | Token::SingleQuotedString(_) | Token::Placeholder(_)) => {
            Err(err!(SyntaxError, "AS OF needs to know whether a transaction or a time is meant")
                .hint("Write AS OF TX 42, or AS OF TIMESTAMP '2026-01-01 00:00:00Z'.")
                .at(position(text, byte_of(text, rest[2].span.start))))
        }
        _ => Ok(None),
    }
}

/// After FOR SYSTEM_TIME; the caller has written `FOR SYSTEM_TIME AS OF`. Returns how many tokens were taken.
fn long_form(text: &str, rest: &[TokenWithSpan], out: &mut Vec<TokenWithSpan>) -> Result<usize> {
    let Some(first) = rest.first() else { return Ok(0) };
    let span = first.span;
    if are(rest, &["as", "of"]) {
        return Ok(2 + moment(text, &rest[2..], out)?);
    }
    if are(rest, &["all"]) {
        out.push(word("__all", Keyword::NoKeyword, span));
        return Ok(1);
    }
    if are(rest, &["between"]) {
        out.push(word("__between", Keyword::NoKeyword, span));
        out.push(rest[0].clone());
        let mut taken = 1 + moment(text, &rest[1..], out)?;
        // Up to AND the bound may be any expression.
        while taken < rest.len() && !is_word(rest.get(taken), "and") {
            out.push(rest[taken].clone());
            taken += 1;
        }
        if let Some(and) = rest.get(taken) {
            out.push(and.clone());
            taken += 1;
            taken += moment(text, &rest[taken..], out)?;
        }
        return Ok(taken);
    }
    if are(rest, &["from"]) {
        out.push(word("__from", Keyword::NoKeyword, span));
        out.push(TokenWithSpan::new(Token::LParen, span));
        let mut taken = 1 + moment(text, &rest[1..], out)?;
        while taken < rest.len() && !is_word(rest.get(taken), "to") {
            out.push(rest[taken].clone());
            taken += 1;
        }
        let Some(to) = rest.get(taken) else { return Ok(taken) };
        out.push(TokenWithSpan::new(Token::Comma, to.span));
        taken += 1;
        let from = taken;
        taken += moment(text, &rest[taken..], out)?;
        // A bound of one token, of a call, or with a cast.
        // TIMESTAMP before a literal is no operand yet.
        let complete = taken > from && !is_word(rest.get(from), "timestamp");
        taken += bound_tail(&rest[taken..], complete, out);
        let end = rest.get(taken.saturating_sub(1)).map_or(span, |token| token.span);
        out.push(TokenWithSpan::new(Token::RParen, end));
        return Ok(taken);
    }
    Err(err!(SyntaxError, "FOR SYSTEM_TIME needs AS OF, BETWEEN, FROM or ALL")
        .at(position(text, byte_of(text, span.start))))
}

/// The rest of the upper bound of FROM..TO: one primary expression, arithmetic on it, casts and calls.
fn bound_tail(rest: &[TokenWithSpan], complete: bool, out: &mut Vec<TokenWithSpan>) -> usize {
    let mut depth = 0usize;
    let mut operand = !complete;
    let mut taken = 0;
    while let Some(token) = rest.get(taken) {
        match &token.token {
            Token::LParen
                if depth > 0
                    || operand
                    || matches!(rest.get(taken.wrapping_sub(1)).map(|t| &t.token), Some(Token::Word(_))) =>
            {
                depth += 1
            }
            Token::RParen if depth > 0 => {
                depth -= 1;
                operand = false;
            }
            _ if depth > 0 => {}
            Token::Plus | Token::Minus | Token::DoubleColon => operand = true,
            Token::Word(Word { value, .. }) if value.eq_ignore_ascii_case("interval") => operand = true,
            Token::Word(_) | Token::Number(..) | Token::SingleQuotedString(_) | Token::Placeholder(_)
                if operand =>
            {
                operand = false;
            }
            _ => break,
        }
        out.push(token.clone());
        taken += 1;
    }
    taken
}

/// `TX n` and `TRANSACTION n` become `__tx(n)`; the word TIMESTAMP is dropped; anything else stays for the caller.
fn moment(text: &str, rest: &[TokenWithSpan], out: &mut Vec<TokenWithSpan>) -> Result<usize> {
    if is_word(rest.first(), "timestamp") {
        return Ok(1);
    }
    if !is_word(rest.first(), "tx") && !is_word(rest.first(), "transaction") {
        return Ok(0);
    }
    let span = rest[0].span;
    let number = match rest.get(1) {
        Some(token) if matches!(token.token, Token::Number(..) | Token::Placeholder(_)) => token.clone(),
        other => {
            let byte = other.map_or(text.len(), |token| byte_of(text, token.span.start));
            return Err(err!(SyntaxError, "a transaction number or a parameter is expected here")
                .at(position(text, byte)));
        }
    };
    out.push(word("__tx", Keyword::NoKeyword, span));
    out.push(TokenWithSpan::new(Token::LParen, span));
    out.push(number);
    out.push(TokenWithSpan::new(Token::RParen, span));
    Ok(2)
}

/// Cuts `AS OF SYSTEM TIME e` out of a query's tokens and returns `e`'s. It stands after FROM, at the top level.
pub fn lift_system_time(text: &str, tokens: &mut Vec<TokenWithSpan>) -> Result<Option<Vec<TokenWithSpan>>> {
    let mut depth = 0i64;
    let mut found = None;
    for at in 0..tokens.len() {
        match tokens[at].token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ if are(&tokens[at..], &["as", "of", "system", "time"]) => {
                let place = position(text, byte_of(text, tokens[at].span.start));
                if depth != 0 || found.is_some() {
                    return Err(err!(FeatureNotSupported, "AS OF SYSTEM TIME is for a whole query, once")
                        .hint("Inside a query write FOR SYSTEM_TIME AS OF after a table's name.")
                        .at(place));
                }
                found = Some(at);
            }
            _ => {}
        }
    }
    let Some(start) = found else { return Ok(None) };
    const CLAUSES: [&str; 12] = [
        "where",
        "group",
        "having",
        "window",
        "order",
        "limit",
        "offset",
        "fetch",
        "for",
        "union",
        "intersect",
        "except",
    ];
    let mut end = start + 4;
    let mut depth = 0;
    while let Some(token) = tokens.get(end) {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ if depth == 0 && CLAUSES.iter().any(|clause| is_word(Some(token), clause)) => break,
            _ => {}
        }
        end += 1;
    }
    let lifted: Vec<_> = tokens.drain(start..end).skip(4).collect();
    if lifted.is_empty() {
        let byte = tokens.get(start).map_or(text.len(), |token| byte_of(text, token.span.start));
        return Err(lexer::syntax_error(text, byte, byte));
    }
    Ok(Some(lifted))
}

/// Cuts `OVERRIDING SYSTEM VALUE` or `OVERRIDING USER VALUE` out of an INSERT's tokens.
pub fn lift_overriding(tokens: &mut Vec<TokenWithSpan>) -> Option<crate::bind::Overriding> {
    use crate::bind::Overriding;
    let mut depth = 0i64;
    for at in 0..tokens.len() {
        match tokens[at].token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ if depth == 0 => {
                let found = match () {
                    _ if are(&tokens[at..], &["overriding", "system", "value"]) => Overriding::System,
                    _ if are(&tokens[at..], &["overriding", "user", "value"]) => Overriding::User,
                    _ => continue,
                };
                tokens.drain(at..at + 3);
                return Some(found);
            }
            _ => {}
        }
    }
    None
}

/// The target of ON CONFLICT where it is more than columns: the elements' tokens, and the condition's.
pub struct Target {
    pub keys: Vec<Vec<TokenWithSpan>>,
    pub predicate: Option<Vec<TokenWithSpan>>,
}

/// Cuts such a target out of an INSERT's tokens; names alone are left to sqlparser.
pub fn lift_target(tokens: &mut Vec<TokenWithSpan>) -> Option<Target> {
    let mut depth = 0i64;
    let start = (0..tokens.len()).find(|&at| {
        match tokens[at].token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        depth == 0 && are(&tokens[at..], &["on", "conflict"])
    })? + 2;
    if tokens.get(start)?.token != Token::LParen {
        return None;
    }
    let (mut keys, mut depth, mut end) = (vec![vec![]], 0i64, start);
    loop {
        let token = tokens.get(end)?;
        end += 1;
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        match token.token {
            Token::LParen if depth == 1 => {}
            Token::RParen if depth == 0 => break,
            Token::Comma if depth == 1 => keys.push(vec![]),
            _ => keys.last_mut()?.push(token.clone()),
        }
    }
    let predicate = match is_word(tokens.get(end), "where") {
        false => None,
        true => {
            let length = tokens[end..].iter().position(|token| is_word(Some(token), "do"))?;
            let predicate = tokens[end + 1..end + length].to_vec();
            end += length;
            Some(predicate)
        }
    };
    let plain =
        |key: &Vec<TokenWithSpan>| matches!(key.as_slice(), [only] if matches!(only.token, Token::Word(_)));
    if predicate.is_none() && keys.iter().all(plain) {
        return None;
    }
    tokens.drain(start..end);
    Some(Target { keys, predicate })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(sql: &str) -> String {
        tokenize(sql).unwrap().iter().map(|token| token.token.to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_form_of_time_travel() {
        for (form, expected) in [
            ("t AS OF TX 42", "t FOR SYSTEM_TIME AS OF __tx ( 42 )"),
            ("t as of transaction $1", "t FOR SYSTEM_TIME AS OF __tx ( $1 )"),
            ("t AS OF TIMESTAMP '2026-01-01' x", "t FOR SYSTEM_TIME AS OF '2026-01-01' x"),
            ("t FOR SYSTEM_TIME AS OF TRANSACTION 7", "t FOR SYSTEM_TIME AS OF __tx ( 7 )"),
            ("t FOR SYSTEM_TIME AS OF now()", "t FOR SYSTEM_TIME AS OF now ( )"),
            ("t FOR SYSTEM_TIME ALL", "t FOR SYSTEM_TIME AS OF __all"),
            (
                "t FOR SYSTEM_TIME BETWEEN TX 1 AND TX 2",
                "t FOR SYSTEM_TIME AS OF __between BETWEEN __tx ( 1 ) AND __tx ( 2 )",
            ),
            (
                "t FOR SYSTEM_TIME FROM TRANSACTION 1 TO '2026-01-01' WHERE x",
                "t FOR SYSTEM_TIME AS OF __from ( __tx ( 1 ) , '2026-01-01' ) WHERE x",
            ),
            ("t AS of", "t AS of"),
            ("x at time zone 'UTC'", "x at time zone 'UTC'"),
            ("t at", "t \"at\""),
        ] {
            assert_eq!(rewritten(form).to_lowercase(), expected.to_lowercase(), "{form}");
        }
    }

    #[test]
    fn every_form_parses() {
        for from in [
            "t AS OF TX 42 x",
            "t FOR SYSTEM_TIME AS OF TIMESTAMP $1::timestamptz AS x",
            "t FOR SYSTEM_TIME FROM '2026-01-01' TO now() - interval '1 day' x",
            "t FOR SYSTEM_TIME BETWEEN '2026-01-01' AND TRANSACTION $2 x JOIN u AS OF TX 3 ON true",
            "t FOR SYSTEM_TIME ALL AS x, u at",
            "t, u AS OF SYSTEM TIME '-10s'",
            "t AS OF SYSTEM TIME now() - interval '1 h'",
        ] {
            let parsed = crate::parse(&format!("SELECT 1 FROM {from} WHERE true"))
                .unwrap_or_else(|e| panic!("{from}: {e}"));
            assert_eq!(parsed[0].as_of.is_some(), from.contains("SYSTEM TIME"), "{from}");
        }
    }

    #[test]
    fn refuses_what_is_ambiguous_or_ours() {
        for sql in [
            "SELECT 1 FROM t AS OF 42",
            "SELECT 1 FROM t AS OF '1'",
            "SELECT __tx(4)",
            "SELECT (SELECT 1 FROM t AS OF SYSTEM TIME '-1s')",
            "SELECT 1 FROM t AS OF TX",
            "SELECT 1 FROM t FOR SYSTEM_TIME 4",
        ] {
            assert!(crate::parse(sql).is_err(), "{sql}");
        }
    }
}
