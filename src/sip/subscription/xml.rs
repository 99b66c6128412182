//! The little of XML that our documents need: text that cannot break out of its place.

use std::fmt;

/// Text or an attribute's value, escaped; what XML 1.0 §2.2 does not allow at all is left out.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&apos;")?,
                '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
                other => write!(out, "{other}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_its_place() {
        let text = Escaped("Ana \"<&>' \u{1}ç").to_string();
        assert_eq!(text, "Ana &quot;&lt;&amp;&gt;&apos; ç");
    }
}
