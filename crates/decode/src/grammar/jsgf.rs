//! The JSpeech Grammar Format (W3C note of June 2000); `Grammar::from_jsgf` lists what is
//! supported.

use std::collections::HashMap;

use super::builder::COST_UNIT;
use super::{Expansion, refuse};
use crate::Error;

/// The deepest nesting of groups.
const MAX_DEPTH: usize = 64;

pub(super) struct Rules {
    /// Names with their lines.
    pub public: Vec<(String, usize)>,
    pub rules: HashMap<String, Expansion>,
    /// The first line of each word.
    pub lines: HashMap<String, usize>,
}

/// A piece of the text with its line.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    /// `<name>`
    Rule(String),
    /// `/2.5/`
    Weight(f32),
    Mark(char),
}

pub(super) fn parse(text: &str) -> Result<Rules, Error> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, place: 0, depth: 0 };
    let mut lines = HashMap::new();
    for (token, line) in &tokens {
        if let Token::Word(word) = token {
            lines.entry(word.clone()).or_insert(*line);
        }
    }
    let mut rules = Rules { public: Vec::new(), rules: HashMap::new(), lines };
    while let Some(token) = parser.peek() {
        let line = parser.line();
        match token {
            Token::Word(word) if word == "#JSGF" || word == "grammar" => {
                while !parser.accept(';') {
                    if parser.next().is_none() {
                        return Err(refuse(line, format!("{word} lacks a ';' at its end")));
                    }
                }
                continue;
            }
            Token::Word(word) if word == "import" => {
                return Err(refuse(line, "import is not supported: write the rule here"));
            }
            _ => {}
        }
        let public = *token == Token::Word("public".into());
        if public {
            parser.next();
        }
        let Some(Token::Rule(name)) = parser.next() else {
            return Err(refuse(line, "a rule begins with its name: <name> = ...;"));
        };
        if !parser.accept('=') {
            return Err(refuse(line, format!("<{name}> lacks a '='")));
        }
        let expansion = parser.alternatives()?;
        if !parser.accept(';') {
            let seen = match parser.peek() {
                Some(Token::Mark(mark)) => {
                    format!("{mark:?} is not expected here; perhaps a ';' is missing before it")
                }
                _ => format!("<{name}> lacks a ';' at its end"),
            };
            return Err(refuse(parser.line(), seen));
        }
        if rules.rules.insert(name.clone(), expansion).is_some() {
            return Err(refuse(line, format!("<{name}> is defined twice")));
        }
        if public {
            rules.public.push((name.clone(), line));
        }
    }
    Ok(rules)
}

struct Parser<'a> {
    tokens: &'a [(Token, usize)],
    place: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.place).map(|(token, _)| token)
    }

    fn next(&mut self) -> Option<&'a Token> {
        let token = self.peek();
        self.place += 1;
        token
    }

    fn accept(&mut self, mark: char) -> bool {
        let found = self.peek() == Some(&Token::Mark(mark));
        self.place += usize::from(found);
        found
    }

    /// The line of the next token, or of the last.
    fn line(&self) -> usize {
        self.tokens.get(self.place).or(self.tokens.last()).map_or(1, |&(_, line)| line)
    }

    fn alternatives(&mut self) -> Result<Expansion, Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(refuse(self.line(), "groups are nested too deeply"));
        }
        let mut alternatives = vec![(self.weight(), self.sequence()?)];
        while self.accept('|') {
            alternatives.push((self.weight(), self.sequence()?));
        }
        self.depth -= 1;
        let heaviest = alternatives.iter().map(|(weight, _)| *weight).fold(0.0, f32::max);
        // Weight 0 means never said.
        alternatives.retain(|(weight, _)| *weight > 0.0);
        let weighted =
            |(weight, expansion): (f32, Expansion)| match (heaviest / weight).ln() / COST_UNIT {
                cost if cost < 0.5 => expansion,
                cost => Expansion::Weighted(cost.round() as u32, Box::new(expansion)),
            };
        let mut alternatives: Vec<Expansion> = alternatives.into_iter().map(weighted).collect();
        Ok(match alternatives.len() {
            1 => alternatives.remove(0),
            _ => Expansion::Alternatives(alternatives),
        })
    }

    /// The weight of the next alternative, 1 if it has none.
    fn weight(&mut self) -> f32 {
        let Some(&Token::Weight(weight)) = self.peek() else { return 1.0 };
        self.next();
        weight
    }

    fn sequence(&mut self) -> Result<Expansion, Error> {
        let mut sequence = Vec::new();
        loop {
            let line = self.line();
            let mut item = match self.peek() {
                Some(Token::Word(word)) => {
                    self.next();
                    Expansion::Word(word.clone())
                }
                Some(Token::Rule(name)) => {
                    self.next();
                    match &name[..] {
                        "NULL" => Expansion::Sequence(Vec::new()),
                        "VOID" => Expansion::Alternatives(Vec::new()),
                        _ => Expansion::Rule(name.clone(), line),
                    }
                }
                Some(Token::Mark(open @ ('(' | '['))) => {
                    self.next();
                    let inside = self.alternatives()?;
                    let close = if *open == '(' { ')' } else { ']' };
                    if !self.accept(close) {
                        return Err(refuse(line, format!("a {close:?} is missing")));
                    }
                    if *open == '[' { Expansion::Optional(Box::new(inside)) } else { inside }
                }
                Some(Token::Weight(_)) => {
                    return Err(refuse(
                        line,
                        "a weight stands before an alternative, not within it",
                    ));
                }
                _ => break,
            };
            // Repeated marks mean the same as one of each.
            let (mut repeated, mut optional) = (false, false);
            loop {
                if self.accept('*') {
                    optional = true;
                } else if !self.accept('+') {
                    break;
                }
                repeated = true;
            }
            if repeated {
                item = Expansion::Repeated(Box::new(item));
            }
            if optional {
                item = Expansion::Optional(Box::new(item));
            }
            sequence.push(item);
        }
        match sequence.len() {
            0 => Err(refuse(self.line(), "an alternative is empty: write <NULL> if it is meant")),
            1 => Ok(sequence.remove(0)),
            _ => Ok(Expansion::Sequence(sequence)),
        }
    }
}

/// Words, rule names, weights and marks; comments and tags are left out.
fn tokens(text: &str) -> Result<Vec<(Token, usize)>, Error> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        // Text up to and including `end`, and the rest.
        let enclosed = |open: &str, end: &str| match rest[open.len()..].split_once(end) {
            Some((inside, after)) => Ok((inside, after)),
            None => Err(refuse(line, format!("{open} lacks its {end}"))),
        };
        let (token, after) = if first.is_whitespace() {
            (None, &rest[first.len_utf8()..])
        } else if rest.starts_with("//") {
            (None, rest.split_once('\n').map_or("", |(comment, _)| &rest[comment.len()..]))
        } else if rest.starts_with("/*") {
            (None, enclosed("/*", "*/")?.1)
        } else if first == '/' {
            let (text, after) = enclosed("/", "/")?;
            let weight = text.trim().parse().ok().filter(|w: &f32| w.is_finite() && *w >= 0.0);
            let Some(weight) = weight else {
                let problem = format!("/{text}/ is not a weight: give a number, 0 or more");
                return Err(refuse(line, problem));
            };
            (Some(Token::Weight(weight)), after)
        } else if first == '{' {
            (None, enclosed("{", "}")?.1)
        } else if first == '<' {
            let (name, after) = enclosed("<", ">")?;
            (Some(Token::Rule(name.trim().into())), after)
        } else if first == '"' {
            let (word, after) = enclosed("\"", "\"")?;
            tokens.extend(word.split_whitespace().map(|w| (Token::Word(w.into()), line)));
            (None, after)
        } else if ";=|()[]*+>})]".contains(first) {
            (Some(Token::Mark(first)), &rest[1..])
        } else {
            let ends = |c: char| c.is_whitespace() || ";=|()[]*+<>{}/\"".contains(c);
            let length = rest.find(ends).unwrap_or(rest.len());
            (Some(Token::Word(rest[..length].into())), &rest[length..])
        };
        tokens.extend(token.map(|token| (token, line)));
        line += rest[..rest.len() - after.len()].matches('\n').count();
        rest = after;
    }
    Ok(tokens)
}
