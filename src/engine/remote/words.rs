//! Prompts as servers read them.

use crate::catalog::{holds_cjk, in_english};

/// The prompt as a server's model reads it: in English where it is Chinese, and with the signs that mean
/// weights there, but nothing here, escaped.
pub(super) fn prompt_there(text: &str, signs: &[char]) -> String {
    let english;
    let text = if holds_cjk(text) {
        english = in_english(text).text;
        &english
    } else {
        text
    };
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        if signs.contains(&sign) {
            escaped.push('\\');
        }
        escaped.push(sign);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_mean_nothing() {
        assert_eq!(prompt_there("a (b) [c]", &['(', ')']), "a \\(b\\) [c]");
        assert_eq!(prompt_there("a (b)", &[]), "a (b)");
    }
}
