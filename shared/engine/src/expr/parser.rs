//! Parses tokens to a tree, by recursive descent after CEL's grammar.

use andon_domain::{Millis, limits};

use super::ast::RESERVED;
use super::lexer::{Token, tokens};
use super::{AggregateFn, BinaryOp, CompareOp, Expr, ExprError, ExprKind, Span};
use andon_domain::suggest::nearest;

/// Parses an expression.
///
/// # Errors
/// The first mistake with its place: a syntax error, more than [`limits::EXPRESSION_BYTES`], or a tree deeper than
/// [`limits::EXPRESSION_DEPTH`].
pub fn parse(text: &str) -> Result<Expr, ExprError> {
    if text.len() > limits::EXPRESSION_BYTES {
        let message =
            format!("the expression is {} bytes long; the limit is {}", text.len(), limits::EXPRESSION_BYTES);
        return Err(ExprError::new(Span { start: 0, end: 0 }, message));
    }
    let mut parser = Parser { tokens: tokens(text)?, at: 0, nesting: 0 };
    let (expr, _) = parser.conditional()?;
    match parser.peek() {
        (Token::End, _) => Ok(expr),
        (token, span) => Err(after_expression(token, *span)),
    }
}

/// An expression with the depth of its tree.
type Parsed = Result<(Expr, usize), ExprError>;

struct Parser {
    tokens: Vec<(Token, Span)>,
    at: usize,
    nesting: usize,
}

const END: (Token, Span) = (Token::End, Span { start: 0, end: 0 });

impl Parser {
    fn peek(&self) -> &(Token, Span) {
        self.tokens.get(self.at).or(self.tokens.last()).unwrap_or(&END)
    }

    fn next(&mut self) -> (Token, Span) {
        let next = self.peek().clone();
        self.at += 1;
        next
    }

    fn take(&mut self, symbol: &str) -> Option<Span> {
        match self.peek() {
            (Token::Symbol(found), span) if *found == symbol => {
                let span = *span;
                self.at += 1;
                Some(span)
            }
            _ => None,
        }
    }

    fn expect(&mut self, symbol: &'static str, why: &str) -> Result<Span, ExprError> {
        match self.take(symbol) {
            Some(span) => Ok(span),
            None => {
                let (token, span) = self.peek();
                Err(ExprError::new(*span, format!("expected `{symbol}` {why}, found {}", shown(token))))
            }
        }
    }

    /// Parses a rule of the grammar one level deeper. Hostile nesting ends in an error, and not in a stack overflow.
    fn nested(&mut self, rule: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        let span = self.peek().1;
        self.nesting += 1;
        if self.nesting > limits::EXPRESSION_DEPTH {
            return Err(too_deep(span));
        }
        let parsed = rule(self);
        self.nesting -= 1;
        parsed
    }

    fn conditional(&mut self) -> Parsed {
        self.nested(|parser| {
            let (condition, depth) = parser.or()?;
            if parser.take("?").is_none() {
                return Ok((condition, depth));
            }
            let (then, then_depth) = parser.or()?;
            parser.expect(":", "between the branches of `? :`")?;
            let (otherwise, otherwise_depth) = parser.conditional()?;
            let span = condition.span.to(otherwise.span);
            let depth = depth.max(then_depth).max(otherwise_depth);
            node(ExprKind::Conditional(Box::new(condition), Box::new(then), Box::new(otherwise)), span, depth)
        })
    }

    fn or(&mut self) -> Parsed {
        self.chain("||", ExprKind::Or, Self::and)
    }

    fn and(&mut self) -> Parsed {
        self.chain("&&", ExprKind::And, Self::relation)
    }

    /// Parses `a && b && c` to one node, so that long chains are not deep.
    fn chain(
        &mut self,
        symbol: &str,
        make: fn(Vec<Expr>) -> ExprKind,
        side: fn(&mut Self) -> Parsed,
    ) -> Parsed {
        let (first, mut depth) = side(self)?;
        let mut sides = vec![first];
        while self.take(symbol).is_some() {
            let (next, next_depth) = side(self)?;
            depth = depth.max(next_depth);
            sides.push(next);
        }
        match (sides.len(), sides.first(), sides.last()) {
            (2.., Some(first), Some(last)) => {
                let span = first.span.to(last.span);
                node(make(sides), span, depth)
            }
            _ => sides.pop().map(|only| (only, depth)).ok_or_else(|| too_deep(Span::default())),
        }
    }

    fn relation(&mut self) -> Parsed {
        const OPS: [CompareOp; 6] = [
            CompareOp::LessOrEqual,
            CompareOp::GreaterOrEqual,
            CompareOp::Less,
            CompareOp::Greater,
            CompareOp::Equal,
            CompareOp::NotEqual,
        ];
        let (mut left, mut depth) = self.sum()?;
        while let Some(op) = OPS.into_iter().find(|op| self.take(op.symbol()).is_some()) {
            let (right, right_depth) = self.sum()?;
            let span = left.span.to(right.span);
            let kind = ExprKind::Compare(op, Box::new(left), Box::new(right));
            (left, depth) = node(kind, span, depth.max(right_depth))?;
        }
        Ok((left, depth))
    }

    fn sum(&mut self) -> Parsed {
        self.arithmetic(&[BinaryOp::Add, BinaryOp::Subtract], Self::product)
    }

    fn product(&mut self) -> Parsed {
        self.arithmetic(&[BinaryOp::Multiply, BinaryOp::Divide, BinaryOp::Remainder], Self::unary)
    }

    fn arithmetic(&mut self, ops: &[BinaryOp], side: fn(&mut Self) -> Parsed) -> Parsed {
        let (mut left, mut depth) = side(self)?;
        while let Some(op) = ops.iter().find(|op| self.take(op.symbol()).is_some()) {
            let (right, right_depth) = side(self)?;
            let span = left.span.to(right.span);
            let kind = ExprKind::Binary(*op, Box::new(left), Box::new(right));
            (left, depth) = node(kind, span, depth.max(right_depth))?;
        }
        Ok((left, depth))
    }

    fn unary(&mut self) -> Parsed {
        self.nested(|parser| {
            if let Some(span) = parser.take("!") {
                let (inner, depth) = parser.unary()?;
                let span = span.to(inner.span);
                return node(ExprKind::Not(Box::new(inner)), span, depth);
            }
            if let Some(span) = parser.take("-") {
                let (inner, depth) = parser.unary()?;
                let span = span.to(inner.span);
                return match inner.kind {
                    ExprKind::Number(number) => Ok((Expr { kind: ExprKind::Number(-number), span }, depth)),
                    _ => node(ExprKind::Negate(Box::new(inner)), span, depth),
                };
            }
            parser.primary()
        })
    }

    fn primary(&mut self) -> Parsed {
        let (token, span) = self.next();
        let kind = match token {
            Token::Number(number) => ExprKind::Number(number),
            Token::Text(text) => ExprKind::Text(text),
            Token::Symbol("(") => {
                let (inner, depth) = self.conditional()?;
                let end = self.expect(")", "to close the parenthesis")?;
                return Ok((Expr { kind: inner.kind, span: span.to(end) }, depth));
            }
            Token::Ident(name) => return self.identifier(&name, span),
            Token::Symbol(_) | Token::End => {
                return Err(ExprError::new(span, format!("expected a value, found {}", shown(&token))));
            }
        };
        Ok((Expr { kind, span }, 1))
    }

    fn identifier(&mut self, name: &str, span: Span) -> Parsed {
        if self.take("(").is_some() {
            return self.call(name, span);
        }
        let kind = match name {
            "true" => ExprKind::Bool(true),
            "false" => ExprKind::Bool(false),
            "params" => {
                self.expect(".", "and the parameter's name after `params`")?;
                return self.member(span, "a parameter's name", ExprKind::Param);
            }
            // Without a dot it is a tag, as in rules from before attributes existed.
            "equipment" if self.take(".").is_some() => {
                return self.member(span, "an attribute's name", ExprKind::Attribute);
            }
            "null" => {
                let error = ExprError::new(span, "`null` is no value of the language");
                return Err(error.with_help("whether a tag is silent is asked with `absent(tag, '30s')`"));
            }
            name if RESERVED.contains(&name) || name == "while" => {
                return Err(ExprError::new(span, format!("`{name}` is a reserved word"))
                    .with_help(format!("if it is a tag, write `tag('{name}')`")));
            }
            name => ExprKind::Tag(name.to_owned()),
        };
        if let (Token::Symbol("."), dot) = self.peek() {
            let dot = *dot;
            let error = ExprError::new(span.to(dot), format!("`{name}` has no fields"));
            return Err(error.with_help(format!("a tag with a dot in its name is written `tag('{name}.…')`")));
        }
        Ok((Expr { kind, span }, 1))
    }

    /// Parses the name behind `params.` or `equipment.`.
    fn member(&mut self, span: Span, what: &str, kind: fn(String) -> ExprKind) -> Parsed {
        match self.next() {
            (Token::Ident(name), end) => Ok((Expr { kind: kind(name), span: span.to(end) }, 1)),
            (token, span) => Err(ExprError::new(span, format!("expected {what}, found {}", shown(&token)))),
        }
    }

    /// Parses a call behind its opening parenthesis.
    fn call(&mut self, name: &str, span: Span) -> Parsed {
        match name {
            "tag" | "score" => {
                let (tag, end) = self.named_tag(name, span)?;
                Ok((Expr { kind: ExprKind::Tag(tag), span: span.to(end) }, 1))
            }
            "abs" => {
                let (inner, depth) = self.conditional()?;
                let end = self.expect(")", "after the one argument of `abs`")?;
                node(ExprKind::Abs(Box::new(inner)), span.to(end), depth)
            }
            "absent" => {
                let (tag, wait_ms, end) = self.tag_and_duration(name, "30s", limits::WAIT_MS)?;
                Ok((Expr { kind: ExprKind::Absent { tag, wait_ms }, span: span.to(end) }, 1))
            }
            _ => match AggregateFn::ALL.into_iter().find(|function| function.name() == name) {
                Some(function) => {
                    let (tag, window_ms, end) = self.tag_and_duration(name, "1m", limits::WINDOW_MS)?;
                    let kind = ExprKind::Aggregate { function, tag, window_ms };
                    Ok((Expr { kind, span: span.to(end) }, 1))
                }
                None => Err(unknown_function(name, span)),
            },
        }
    }

    /// Parses the rest of `tag('..')` or `score('..')` after the parenthesis.
    fn named_tag(&mut self, call: &str, span: Span) -> Result<(String, Span), ExprError> {
        let (token, text_span) = self.next();
        let Token::Text(text) = token else {
            let found = shown(&token);
            return Err(ExprError::new(text_span, format!("`{call}` takes a name in quotes, found {found}"))
                .with_help(format!("write `{call}('..')`")));
        };
        let end = self.expect(")", &format!("after the name in `{call}('..')`"))?;
        let tag = if call == "score" { format!("ml.{text}") } else { text };
        let valid = !tag.is_empty()
            && tag != "ml."
            && tag.len() <= limits::NAME_BYTES
            && !tag.chars().any(char::is_control);
        if !valid {
            let message = format!("a tag is 1 to {} bytes without control characters", limits::NAME_BYTES);
            return Err(ExprError::new(span.to(end), message));
        }
        Ok((tag, end))
    }

    /// Parses the rest of `avg(tag, '1m')` after the parenthesis.
    fn tag_and_duration(
        &mut self,
        call: &str,
        example: &str,
        longest_ms: i64,
    ) -> Result<(String, i64, Span), ExprError> {
        let usage = format!("write `{call}(tag, '{example}')`");
        let (token, span) = self.next();
        let tag = match token {
            Token::Ident(name) if (name == "tag" || name == "score") && self.take("(").is_some() => {
                self.named_tag(&name, span)?.0
            }
            Token::Ident(name) if super::ast::is_identifier(&name) => name,
            token => {
                return Err(ExprError::new(
                    span,
                    format!("`{call}` takes a tag first, found {}", shown(&token)),
                )
                .with_help(usage));
            }
        };
        if self.take(",").is_none() {
            let (token, span) = self.peek();
            if *token == Token::Symbol(".") {
                let error = ExprError::new(*span, format!("`{tag}` has no fields"));
                return Err(
                    error.with_help(format!("a tag with a dot in its name is written `tag('{tag}.…')`"))
                );
            }
            let message =
                format!("`{call}` takes a tag and a duration, found {} after the tag", shown(token));
            return Err(ExprError::new(*span, message).with_help(usage));
        }
        let (token, span) = self.next();
        let Token::Text(text) = token else {
            let message = format!("`{call}` takes a duration in quotes, found {}", shown(&token));
            return Err(ExprError::new(span, message).with_help(usage));
        };
        let duration = Millis::parse(&text).map_err(|error| ExprError::new(span, error.to_string()))?;
        if duration.0 <= 0 {
            return Err(ExprError::new(span, format!("the duration `{text}` is not positive")));
        }
        if duration.0 > longest_ms {
            let message = format!("the duration `{text}` is too long; the limit is `{}`", Millis(longest_ms));
            return Err(ExprError::new(span, message));
        }
        let end = self.expect(")", &format!("after the arguments of `{call}`"))?;
        Ok((tag, duration.0, end))
    }
}

fn node(kind: ExprKind, span: Span, depth: usize) -> Parsed {
    let depth = depth + 1;
    if depth > limits::EXPRESSION_DEPTH { Err(too_deep(span)) } else { Ok((Expr { kind, span }, depth)) }
}

fn too_deep(span: Span) -> ExprError {
    ExprError::new(span, format!("the expression is nested deeper than {}", limits::EXPRESSION_DEPTH))
}

fn shown(token: &Token) -> String {
    match token {
        Token::Number(number) => format!("`{number}`"),
        Token::Text(text) => {
            format!("the text `'{}'`", text.chars().take(40).collect::<String>().escape_debug())
        }
        Token::Ident(name) => format!("`{}`", name.chars().take(40).collect::<String>()),
        Token::Symbol(symbol) => format!("`{symbol}`"),
        Token::End => "the end of the expression".to_owned(),
    }
}

fn after_expression(token: &Token, span: Span) -> ExprError {
    let error = ExprError::new(span, format!("expected an operator or the end, found {}", shown(token)));
    match token {
        Token::Ident(word) => match word.to_lowercase().as_str() {
            "and" => error.with_help("for `and`, write `&&`"),
            "or" => error.with_help("for `or`, write `||`"),
            "is" => error.with_help("to compare, write `==`"),
            _ => error,
        },
        Token::Symbol(")") => error.with_help("there is one `)` too many"),
        _ => error,
    }
}

fn unknown_function(name: &str, span: Span) -> ExprError {
    let known = AggregateFn::ALL.map(AggregateFn::name);
    let error =
        ExprError::new(span, format!("unknown function `{}`", name.chars().take(40).collect::<String>()));
    let known = known.into_iter().chain(["absent", "abs", "tag", "score"]);
    match name {
        "not" => error.with_help("for `not`, write `!`"),
        "mean" | "average" => error.with_help("did you mean `avg`?"),
        "std" | "sd" => error.with_help("did you mean `stddev`?"),
        _ => match nearest(name, known.clone()) {
            Some(near) => error.with_help(format!("did you mean `{near}`?")),
            None => error.with_help(format!("the functions are {}", known.collect::<Vec<_>>().join(", "))),
        },
    }
}
