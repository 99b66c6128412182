//! Which of our two languages a browser wants; RFC 9110 §12.5.4.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Portuguese,
    English,
}

impl Language {
    pub(super) const ALL: [Language; 2] = [Language::Portuguese, Language::English];

    pub(super) fn code(self) -> &'static str {
        match self {
            Language::Portuguese => "pt-BR",
            Language::English => "en",
        }
    }

    /// What neither is, is English.
    pub(super) fn named(code: &str) -> Language {
        Language::of_range(code).unwrap_or(Language::English)
    }

    /// `lang=en`
    pub(super) fn in_query(query: &str) -> Option<Language> {
        query.split('&').find_map(|pair| pair.strip_prefix("lang=")).and_then(Language::of_range)
    }

    /// `pt-BR,pt;q=0.9,en;q=0.8`: the one of ours that weighs most; of equal ones the first.
    pub(super) fn accepted(header: &str) -> Option<Language> {
        let mut best: Option<(f32, Language)> = None;
        for range in header.split(',').take(MOST_RANGES) {
            let mut parts = range.split(';').map(str::trim);
            let Some(language) = parts.next().and_then(Language::of_range) else {
                continue;
            };
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok());
            let weight = weight.unwrap_or(0.0);
            if weight > 0.0 && best.is_none_or(|(heaviest, _)| weight > heaviest) {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }

    fn of_range(range: &str) -> Option<Language> {
        let family = range.split('-').next().unwrap_or_default();
        match family.to_ascii_lowercase().as_str() {
            "pt" => Some(Language::Portuguese),
            "en" => Some(Language::English),
            _ => None,
        }
    }
}

/// Nobody speaks more; the header comes from a stranger.
const MOST_RANGES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_of_our_languages_is_taken() {
        let cases = [
            ("pt-BR,pt;q=0.9,en;q=0.8", Some(Language::Portuguese)),
            ("de,en-GB;q=0.7,pt;q=0.3", Some(Language::English)),
            ("en;q=0,pt;q=0.1", Some(Language::Portuguese)),
            ("de, fr;q=0.9, *;q=0.1", None),
            ("en;q=banana", None),
            ("", None),
        ];
        for (header, wanted) in cases {
            assert_eq!(Language::accepted(header), wanted, "{header}");
        }
        assert_eq!(Language::accepted(&"x,".repeat(100_000)), None);
        assert_eq!(Language::in_query("a=b&lang=en"), Some(Language::English));
    }
}
