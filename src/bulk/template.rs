//! [`Template`]: a text with places such as `{stem}` that are filled in for each picture.

use super::BulkError;

/// A text with named places. `{{` and `}}` stand for the braces themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Place(String),
}

impl Template {
    /// Reads the text of the recipe's `key`.
    pub(super) fn parse(key: &'static str, text: &str) -> Result<Self, BulkError> {
        let (mut pieces, mut so_far) = (Vec::new(), String::new());
        let mut rest = text.chars().peekable();
        let unclosed = || BulkError::Braces {
            key,
            text: text.to_owned(),
        };
        while let Some(c) = rest.next() {
            match c {
                '{' | '}' if rest.peek() == Some(&c) => {
                    rest.next();
                    so_far.push(c);
                }
                '{' => {
                    let mut name = String::new();
                    loop {
                        match rest.next() {
                            Some('}') => break,
                            None | Some('{') => return Err(unclosed()),
                            Some(c) => name.push(c),
                        }
                    }
                    if !so_far.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut so_far)));
                    }
                    pieces.push(Piece::Place(name.trim().to_owned()));
                }
                '}' => return Err(unclosed()),
                c => so_far.push(c),
            }
        }
        if !so_far.is_empty() {
            pieces.push(Piece::Text(so_far));
        }
        Ok(Self { pieces })
    }

    /// The names of its places, in their order.
    pub(super) fn places(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Place(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// True where it has that place.
    pub(super) fn has(&self, name: &str) -> bool {
        self.places().any(|place| place == name)
    }

    /// The text with each place filled in; the name of the first that nothing is known for.
    pub(super) fn fill<'a>(
        &self,
        value: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<String, String> {
        let mut filled = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Place(name) => filled.push_str(value(name).ok_or_else(|| name.clone())?),
            }
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_and_doubled_braces_stay() {
        let template = Template::parse("prompt", "a {colour} {{x}} {stem}").unwrap();
        assert_eq!(template.places().collect::<Vec<_>>(), ["colour", "stem"]);
        let filled = template.fill(|name| (name == "colour").then_some("red"));
        assert_eq!(filled, Err("stem".to_owned()));
        let filled = template.fill(|name| Some(if name == "stem" { "a{b}" } else { "red" }));
        assert_eq!(filled.unwrap(), "a red {x} a{b}");
    }

    #[test]
    fn braces_without_a_partner_are_refused() {
        for bad in ["{", "a {b", "b}", "{a{b}}", "}{"] {
            assert!(Template::parse("name", bad).is_err(), "{bad}");
        }
    }
}
