//! What a mailbox may be called: its messages lie in a folder of that name.

/// Letters that no mailbox's name has: they would lead out of the folder, or look as if something stood in their place.
const REFUSED: [char; 4] = ['/', '\\', '{', '}'];
/// What file systems bear, in bytes.
const LONGEST: usize = 200;

/// What a name must be, for whoever wrote another one.
pub const MEND: &str = "A mailbox is a folder of that name: letters, digits and most signs, but no `/`, `\\`, `{` or `}`, and no `.` at its beginning.";

pub fn fits(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len()) && !name.starts_with('.') && !name.contains(is_refused)
}

/// What is wrong with a name, and the mend.
pub(super) fn faults(name: &str) -> Vec<(String, String)> {
    if fits(name) { Vec::new() } else { vec![(format!("`{name}` cannot be the name of a mailbox"), MEND.to_owned())] }
}

/// One folder inside that of all messages, whatever the name is: a name that fits is its folder's.
pub fn folder(name: &str) -> String {
    if fits(name) {
        return name.to_owned();
    }
    let tamed = name.replace(is_refused, "_");
    let end = tamed.floor_char_boundary(LONGEST - 1);
    format!("_{}", &tamed[..end])
}

fn is_refused(letter: char) -> bool {
    letter.is_control() || REFUSED.contains(&letter)
}

#[cfg(test)]
mod tests {
    use std::path::Component;
    use std::path::Path;

    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder_of_messages() {
        let long = "é".repeat(200);
        for name in ["../../../pwned", "..", ".", "", "/etc/cron.d", "a/b", "a\\b", "{caller}", "a\0b", &long] {
            assert!(!fits(name), "{name}");
            let folder = folder(name);
            assert!(fits(&folder), "{name}: {folder}");
            let parts: Vec<Component<'_>> = Path::new(&folder).components().collect();
            assert!(matches!(parts[..], [Component::Normal(_)]), "{name}: {folder}");
        }
        for name in ["geral", "dra-lima", "201", "Vendas Zona Sul", "recepção", "a..b"] {
            assert!(fits(name), "{name}");
            assert_eq!(folder(name), name);
        }
    }
}
