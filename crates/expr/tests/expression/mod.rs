//! A parser and binder of expressions for tests: literals, `type 'text'`, calls, operators, `::type`, ARRAY[], ROW(),
//! subscripts, CASE, COALESCE, IN, IS, ANY.

use stele_expr::{self as expr, Expr, function, operator};
use types::{ColumnType, DataType, Error, Result, Value, err};

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Name(String),
    Number(String),
    Text(String),
    Symbol(String),
    End,
}

fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = vec![];
    let mut rest = source.trim_start();
    while let Some(c) = rest.chars().next() {
        let length;
        if c.is_alphabetic() || c == '_' || c == '"' {
            length = match c {
                '"' => rest[1..].find('"').expect("a closing quote") + 2,
                _ => rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len()),
            };
            tokens.push(Token::Name(rest[..length].trim_matches('"').to_lowercase()));
        } else if c.is_ascii_digit() {
            let mut end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
            if rest[end..].starts_with('e') {
                end += 1 + rest[end + 1..]
                    .find(|c: char| !(c.is_ascii_digit() || c == '-' || c == '+'))
                    .unwrap_or(rest.len() - end - 1);
            }
            length = end;
            tokens.push(Token::Number(rest[..length].into()));
        } else if c == '\'' {
            let mut text = String::new();
            let mut end = 1;
            loop {
                let close = rest[end..].find('\'').expect("a closing quote");
                text.push_str(&rest[end..end + close]);
                end += close + 1;
                if !rest[end..].starts_with('\'') {
                    break;
                }
                text.push('\'');
                end += 1;
            }
            length = end;
            tokens.push(Token::Text(text));
        } else if "()[],.".contains(c) {
            length = 1;
            tokens.push(Token::Symbol(c.into()));
        } else {
            let end = rest.find(|c: char| !"+-*/<>=~!@#%^&|`?:".contains(c)).unwrap_or(rest.len());
            // As the lexer does: an operator ends in + or - only if it has one of ~ ! @ # % ^ & | ` ?
            let mut symbol = &rest[..end.max(1)];
            while symbol.len() > 1
                && symbol.ends_with(['+', '-'])
                && !symbol.contains(['~', '!', '@', '#', '%', '^', '&', '|', '`', '?'])
            {
                symbol = &symbol[..symbol.len() - 1];
            }
            length = symbol.len();
            tokens.push(Token::Symbol(symbol.into()));
        }
        rest = rest[length..].trim_start();
    }
    tokens.push(Token::End);
    tokens
}

pub fn parse(source: &str) -> Result<Expr> {
    let mut parser = Parser { tokens: tokens(source), position: 0 };
    let expr = parser.expression(0)?;
    assert_eq!(parser.peek(), &Token::End, "{source}");
    Ok(expr)
}

struct Parser {
    tokens: Vec<Token>,
    position: usize,
}

/// `double precision` and its like, by their first word.
fn type_named(parser: &mut Parser) -> Option<ColumnType> {
    let start = parser.position;
    let Token::Name(name) = parser.peek().clone() else { return None };
    parser.position += 1;
    let mut ty = match name.as_str() {
        "int" | "integer" => DataType::Int4,
        "bigint" => DataType::Int8,
        "smallint" => DataType::Int2,
        "real" => DataType::Float4,
        "boolean" => DataType::Bool,
        "decimal" => DataType::Numeric,
        "character" | "char" => DataType::Bpchar,
        name => match DataType::from_name(name) {
            Some(ty) => ty,
            None => {
                parser.position = start;
                return None;
            }
        },
    };
    let mut typmod = -1;
    if parser.peek() == &Token::Symbol("(".into()) && !matches!(ty, DataType::Date | DataType::Text) {
        parser.position += 1;
        let mut numbers = vec![];
        while let Token::Number(number) = parser.peek().clone() {
            numbers.push(number.parse::<i32>().expect("a modifier"));
            parser.position += 1;
            parser.accept(",");
        }
        if !parser.accept(")") || numbers.is_empty() {
            parser.position = start;
            return None;
        }
        typmod = match (ty, numbers.as_slice()) {
            (DataType::Numeric, [precision]) => (precision << 16) + 4,
            (DataType::Numeric, [precision, scale]) => (precision << 16 | scale) + 4,
            (DataType::Varchar | DataType::Bpchar, [length]) => length + 4,
            (_, [precision, ..]) => *precision,
            _ => -1,
        };
    } else if name == "char" || name == "character" {
        typmod = 5;
    }
    if parser.peek() == &Token::Symbol("[".into())
        && parser.tokens[parser.position + 1] == Token::Symbol("]".into())
    {
        parser.position += 2;
        ty = ty.array().expect("an array type");
    }
    Some(ColumnType::new(ty, typmod))
}

pub fn cast(expr: Expr, to: ColumnType, explicit: bool) -> Result<Expr> {
    let from = expr.data_type();
    if from == to.data_type && to.typmod == -1 {
        return Ok(expr);
    }
    // A literal is read when it is bound.
    if let (Expr::Constant { value: Value::Text(text), .. }, DataType::Unknown) = (&expr, from) {
        let settings = types::TextSettings {
            time_zone: types::datetime::TimeZone::parse("America/New_York")?.into(),
            ..types::TextSettings::default()
        };
        let value = types::text::parse(text, to.data_type.into(), &settings)?;
        return Ok(Expr::Constant { value: types::cast::apply_typmod(value, to, explicit)?, ty: to });
    }
    if from != to.data_type && from != DataType::Unknown && types::cast::context(from, to.data_type).is_none()
    {
        return Err(err!(CannotCoerce, "cannot cast type {from} to {}", to.data_type));
    }
    Ok(Expr::Cast { input: Box::new(expr), to, explicit })
}

fn call(resolved: function::Resolved, args: Vec<Expr>) -> Result<Expr> {
    let args = args
        .into_iter()
        .zip(&resolved.arguments)
        .map(|(arg, ty)| cast(arg, (*ty).into(), false))
        .collect::<Result<Vec<_>>>()?;
    Ok(Expr::Call { function: resolved.function, args, ty: resolved.returns.into() })
}

fn infix(symbol: &str, left: Expr, right: Expr) -> Result<Expr> {
    let resolved = operator::resolve(symbol, Some(left.data_type()), right.data_type())?;
    call(resolved, vec![left, right])
}

/// All of their common type.
fn common(exprs: Vec<Expr>, what: &str) -> Result<(Vec<Expr>, DataType)> {
    let types: Vec<DataType> = exprs.iter().map(Expr::data_type).collect();
    let ty = expr::resolution::common_type(&types).ok_or_else(|| {
        err!(DatatypeMismatch, "{what} types {} and {} cannot be matched", types[0], types[1])
    })?;
    let exprs = exprs.into_iter().map(|expr| cast(expr, ty.into(), false)).collect::<Result<Vec<_>>>()?;
    Ok((exprs, ty))
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.position]
    }
    fn accept(&mut self, symbol: &str) -> bool {
        let found = self.peek() == &Token::Symbol(symbol.into());
        self.position += usize::from(found);
        found
    }
    fn accept_word(&mut self, word: &str) -> bool {
        let found = self.peek() == &Token::Name(word.into());
        self.position += usize::from(found);
        found
    }
    fn expect(&mut self, symbol: &str) {
        assert!(self.accept(symbol), "{symbol} expected, not {:?}", self.peek());
    }

    fn list(&mut self, end: &str) -> Result<Vec<Expr>> {
        let mut all = vec![];
        while !self.accept(end) {
            all.push(self.expression(0)?);
            self.accept(",");
        }
        Ok(all)
    }

    fn expression(&mut self, least: u8) -> Result<Expr> {
        let mut left = self.prefix()?;
        loop {
            let (binding, symbol) = match self.peek() {
                Token::Name(word) => match word.as_str() {
                    "or" => (1, word.clone()),
                    "and" => (2, word.clone()),
                    "is" => (4, word.clone()),
                    "in" | "like" | "ilike" | "not" | "similar" => (6, word.clone()),
                    _ => return Ok(left),
                },
                Token::Symbol(symbol) => match symbol.as_str() {
                    ")" | "]" | "," | "(" => return Ok(left),
                    "=" | "<" | ">" | "<=" | ">=" | "<>" | "!=" => (5, symbol.clone()),
                    "+" | "-" => (8, symbol.clone()),
                    "*" | "/" | "%" => (9, symbol.clone()),
                    "^" => (10, symbol.clone()),
                    "[" | "." => (14, symbol.clone()),
                    "::" => (13, symbol.clone()),
                    _ => (7, symbol.clone()),
                },
                _ => return Ok(left),
            };
            if binding <= least {
                return Ok(left);
            }
            self.position += 1;
            left = match symbol.as_str() {
                "or" => Expr::Or(vec![boolean(left)?, boolean(self.expression(binding)?)?]),
                "and" => Expr::And(vec![boolean(left)?, boolean(self.expression(binding)?)?]),
                "::" => {
                    let ty = type_named(self).expect("a type");
                    cast(left, ty, true)?
                }
                "[" => self.subscript(left)?,
                "." => {
                    let Token::Name(name) = self.peek().clone() else { panic!("a field") };
                    self.position += 1;
                    let index: usize = name[1..].parse().expect("fN");
                    let Expr::Row { fields, names: None } = &left else { panic!("a row") };
                    let ty = fields[index - 1].ty();
                    Expr::Field { record: Box::new(left), index: index - 1, ty }
                }
                "is" => self.is(left)?,
                "not" => match self.expression_after_not(left)? {
                    Expr::InList { input, list, equal, negated } => {
                        Expr::InList { input, list, equal, negated: !negated }
                    }
                    other => Expr::Not(Box::new(other)),
                },
                "in" | "like" | "ilike" | "similar" => self.word_operator(&symbol, left)?,
                symbol => {
                    let quantifier = match self.peek() {
                        Token::Name(word) if word == "any" || word == "all" => Some(word == "all"),
                        _ => None,
                    };
                    match quantifier {
                        Some(all) => {
                            self.position += 1;
                            self.quantified(symbol, left, all)?
                        }
                        None => infix(symbol, left, self.expression(binding)?)?,
                    }
                }
            };
        }
    }

    fn expression_after_not(&mut self, left: Expr) -> Result<Expr> {
        let Token::Name(word) = self.peek().clone() else { panic!("a word after NOT") };
        self.position += 1;
        self.word_operator(&word, left)
    }

    fn word_operator(&mut self, word: &str, left: Expr) -> Result<Expr> {
        if word == "in" {
            self.expect("(");
            let mut all = vec![left];
            all.extend(self.list(")")?);
            let (mut all, ty) = common(all, "IN")?;
            let input = all.remove(0);
            let equal = operator::equality(ty)?;
            return Ok(Expr::InList { input: Box::new(input), list: all, equal, negated: false });
        }
        if word == "similar" {
            assert!(self.accept_word("to"));
        } else if self.accept_word("any") {
            return self.quantified("~~", left, false);
        }
        let mut pattern = self.expression(6)?;
        let escape = if self.accept_word("escape") { vec![self.expression(6)?] } else { vec![] };
        let symbol = match word {
            "like" => "~~",
            "ilike" => "~~*",
            _ => "~",
        };
        if word == "similar" || !escape.is_empty() {
            let name = if word == "similar" { "similar_to_escape" } else { "like_escape" };
            let args: Vec<Expr> = [pattern].into_iter().chain(escape).collect();
            let types: Vec<DataType> = args.iter().map(Expr::data_type).collect();
            pattern = call(function::resolve(None, name, &types)?, args)?;
        }
        infix(symbol, left, pattern)
    }

    fn quantified(&mut self, symbol: &str, left: Expr, all: bool) -> Result<Expr> {
        self.expect("(");
        let array = self.expression(0)?;
        self.expect(")");
        let element = array.data_type().element().unwrap_or(left.data_type());
        let resolved = operator::resolve(symbol, Some(left.data_type()), element)?;
        let array_type = resolved.arguments[1].array().expect("an array type");
        let left = cast(left, resolved.arguments[0].into(), false)?;
        let array = cast(array, array_type.into(), false)?;
        Ok(Expr::Quantified {
            left: Box::new(left),
            array: Box::new(array),
            operator: resolved.function,
            all,
        })
    }

    fn is(&mut self, left: Expr) -> Result<Expr> {
        let negated = self.accept_word("not");
        let Token::Name(word) = self.peek().clone() else { panic!("a word after IS") };
        self.position += 1;
        Ok(match word.as_str() {
            "null" => Expr::IsNull { input: Box::new(left), negated },
            "true" | "false" | "unknown" => {
                let value = if word == "unknown" { None } else { Some(word == "true") };
                Expr::BooleanTest { input: Box::new(boolean(left)?), value, negated }
            }
            _ => {
                assert!(self.accept_word("from"));
                let right = self.expression(5)?;
                let (both, ty) = common(vec![left, right], "IS DISTINCT FROM")?;
                let [left, right]: [Expr; 2] = both.try_into().expect("two");
                let equal = operator::equality(ty)?;
                Expr::IsDistinct { left: Box::new(left), right: Box::new(right), equal, negated }
            }
        })
    }

    fn subscript(&mut self, array: Expr) -> Result<Expr> {
        let array_type = array.data_type();
        let is_colon = |parser: &Parser| parser.peek() == &Token::Symbol(":".into());
        let lower = if is_colon(self) { None } else { Some(self.expression(7)?) };
        if self.accept(":") {
            let upper = if self.accept("]") {
                None
            } else {
                let upper = self.expression(7)?;
                self.expect("]");
                Some(upper)
            };
            return Ok(Expr::Slice {
                array: Box::new(array),
                lower: lower.map(Box::new),
                upper: upper.map(Box::new),
                ty: array_type.into(),
            });
        }
        self.expect("]");
        let index = lower.expect("a subscript");
        let more = self.peek() == &Token::Symbol("[".into());
        let ty = match array_type {
            DataType::Jsonb => DataType::Jsonb,
            DataType::Int2Vector => DataType::Int2,
            ty if more => ty,
            ty => ty.element().expect("an array"),
        };
        let index_type = if array_type == DataType::Jsonb && index.data_type() == DataType::Unknown {
            DataType::Text
        } else {
            DataType::Int4
        };
        let index = cast(index, index_type.into(), false)?;
        Ok(Expr::Subscript { array: Box::new(array), index: Box::new(index), ty: ty.into() })
    }

    fn prefix(&mut self) -> Result<Expr> {
        let token = self.peek().clone();
        let start = self.position;
        self.position += 1;
        match token {
            Token::Number(text) => number(&text),
            Token::Text(text) => Ok(Expr::constant(Value::Text(text), DataType::Unknown)),
            // Within ARRAY[...].
            Token::Symbol(symbol) if symbol == "[" => self.array(),
            Token::Symbol(symbol) if symbol == "(" => {
                let inner = self.expression(0)?;
                self.expect(")");
                Ok(inner)
            }
            Token::Symbol(symbol) => {
                let operand = self.expression(if symbol == "-" || symbol == "+" { 11 } else { 7 })?;
                let resolved = operator::resolve(&symbol, None, operand.data_type())?;
                call(resolved, vec![operand])
            }
            Token::Name(name) => match name.as_str() {
                "null" => Ok(Expr::constant(Value::Null, DataType::Unknown)),
                "true" | "false" => Ok(Expr::constant(Value::Bool(name == "true"), DataType::Bool)),
                "not" => Ok(Expr::Not(Box::new(boolean(self.expression(3)?)?))),
                "array" if self.accept("[") => self.array(),
                "row" if self.accept("(") => {
                    let fields = self.list(")")?.into_iter().map(|field| match field.data_type() {
                        DataType::Unknown => cast(field, DataType::Text.into(), false),
                        _ => Ok(field),
                    });
                    Ok(Expr::row(fields.collect::<Result<_>>()?))
                }
                "case" => self.case(),
                "coalesce" | "greatest" | "least" if self.accept("(") => {
                    let (args, ty) = common(self.list(")")?, &name.to_uppercase())?;
                    Ok(match name.as_str() {
                        "coalesce" => Expr::Coalesce { args, ty: ty.into() },
                        name => Expr::Extreme { args, greatest: name == "greatest", ty: ty.into() },
                    })
                }
                "nullif" if self.accept("(") => {
                    let (args, ty) = common(self.list(")")?, "NULLIF")?;
                    let [left, right]: [Expr; 2] = args.try_into().expect("two");
                    let equal = operator::equality(ty)?;
                    Ok(Expr::NullIf { left: Box::new(left), right: Box::new(right), equal, ty: ty.into() })
                }
                _ => {
                    // `type 'text'`
                    self.position = start;
                    if let Some(ty) = type_named(self)
                        && let Token::Text(text) = self.peek().clone()
                    {
                        self.position += 1;
                        return cast(Expr::constant(Value::Text(text), DataType::Unknown), ty, true);
                    }
                    self.position = start + 1;
                    let mut schema = None;
                    let mut name = name;
                    if self.accept(".") {
                        let Token::Name(function) = self.peek().clone() else { panic!("a function's name") };
                        self.position += 1;
                        schema = Some(std::mem::replace(&mut name, function));
                    }
                    let args = if self.accept("(") { self.list(")")? } else { vec![] };
                    let types: Vec<DataType> = args.iter().map(Expr::data_type).collect();
                    call(function::resolve(schema.as_deref(), &name, &types)?, args)
                }
            },
            Token::End => Err(Error::internal("an expression was expected")),
        }
    }

    fn array(&mut self) -> Result<Expr> {
        let (elements, ty) = common(self.list("]")?, "ARRAY")?;
        let ty = if ty.is_array() { ty } else { ty.array().expect("an array type") };
        Ok(Expr::Array { elements, ty: ty.into() })
    }

    fn case(&mut self) -> Result<Expr> {
        let (mut conditions, mut results) = (vec![], vec![]);
        while self.accept_word("when") {
            conditions.push(boolean(self.expression(0)?)?);
            assert!(self.accept_word("then"));
            results.push(self.expression(0)?);
        }
        let with_default = self.accept_word("else");
        if with_default {
            results.push(self.expression(0)?);
        }
        assert!(self.accept_word("end"));
        let (mut results, ty) = common(results, "CASE")?;
        let default = if with_default { results.pop().map(Box::new) } else { None };
        Ok(Expr::Case { branches: conditions.into_iter().zip(results).collect(), default, ty: ty.into() })
    }
}

fn boolean(expr: Expr) -> Result<Expr> {
    cast(expr, DataType::Bool.into(), false)
}

fn number(text: &str) -> Result<Expr> {
    if let Ok(value) = text.parse::<i32>() {
        return Ok(Expr::constant(Value::Int4(value), DataType::Int4));
    }
    if let Ok(value) = text.parse::<i64>() {
        return Ok(Expr::constant(Value::Int8(value), DataType::Int8));
    }
    Ok(Expr::constant(Value::Numeric(types::Numeric::parse(text)?), DataType::Numeric))
}
