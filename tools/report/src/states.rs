//! Assigns a style to each state: the same name always gets the same style.

use andon_domain::fnv::fnv64;

/// Appearance and weight of a state's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StateStyle {
    /// Class of the style sheet.
    pub(crate) class: &'static str,
    /// 3 alarm, 2 warning, 1 unknown, 0 all others.
    pub(crate) severity: u8,
}

/// Lowest severity that counts as an alarm or warning.
pub(crate) const TROUBLE: u8 = 2;

const ALARM: [&str; 10] =
    ["ALARM", "FAULT", "CRITICAL", "ERROR", "FAILED", "FAILURE", "EMERGENCY", "DANGER", "DOWN", "TRIP"];
const WARNING: [&str; 6] = ["WARNING", "WARN", "CAUTION", "DEGRADED", "ATTENTION", "MINOR"];
const MAINTENANCE: [&str; 4] = ["MAINTENANCE", "SERVICE", "CLEANING", "CIP"];
const UNKNOWN: [&str; 3] = ["UNKNOWN", "UNDEFINED", "OFFLINE"];
const RUNNING: [&str; 3] = ["RUNNING", "RUN", "PRODUCING"];
const ACTIVE: [&str; 2] = ["ACTIVE", "ON"];
const GOOD: [&str; 5] = ["NORMAL", "OK", "GOOD", "HEALTHY", "READY"];
const PALETTE: [&str; 8] = ["h0", "h1", "h2", "h3", "h4", "h5", "h6", "h7"];

/// The look of a state's name. A name of several words (`HIGH_TEMP-ALARM`) looks like its gravest one; a name that
/// says nothing gets a colour of a fixed palette, by its hash.
pub(crate) fn look(name: &str) -> StateStyle {
    let has = |known: &[&str]| {
        name.split(|c: char| !c.is_alphanumeric())
            .any(|word| known.iter().any(|k| word.eq_ignore_ascii_case(k)))
    };
    let look = |class, severity| StateStyle { class, severity };
    if has(&ALARM) {
        look("alarm", 3)
    } else if has(&WARNING) {
        look("warn", 2)
    } else if has(&MAINTENANCE) {
        look("maint", 0)
    } else if has(&UNKNOWN) {
        look("unk", 1)
    } else if has(&RUNNING) {
        look("run", 0)
    } else if has(&ACTIVE) {
        look("act", 0)
    } else if has(&GOOD) {
        look("ok", 0)
    } else {
        look(PALETTE.get(usize::from(hash(name) & 7)).copied().unwrap_or("h0"), 0)
    }
}

/// The looks of a tag's values, side by side: on and off are neutral, other values never look like an alarm, and
/// as long as the palette lasts each has its own colour.
pub(crate) fn value_classes<'a>(values: impl Iterator<Item = &'a str>) -> Vec<&'static str> {
    let mut free = PALETTE.to_vec();
    values
        .map(|value| match value {
            "true" => "on",
            "false" => "off",
            other => {
                let wanted = PALETTE.get(usize::from(hash(other) & 7)).copied().unwrap_or("h0");
                let taken =
                    free.iter().position(|class| *class == wanted).or((!free.is_empty()).then_some(0));
                taken.map_or(wanted, |place| free.remove(place))
            }
        })
        .collect()
}

/// Returns FNV-1a folded to a byte: a state keeps its colour forever.
fn hash(name: &str) -> u8 {
    fnv64(name.as_bytes()).to_le_bytes().iter().fold(0, |a, b| a ^ b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_look_as_operators_expect() {
        let class = |name| look(name).class;
        assert_eq!(class("NORMAL"), "ok");
        assert_eq!(class("running"), "run");
        assert_eq!(class("Warning"), "warn");
        assert_eq!(class("MAINTENANCE"), "maint");
        assert_eq!(class("UNKNOWN"), "unk");
        assert_eq!(class("HIGH_TEMP-ALARM"), "alarm");
        assert_eq!(look("FAULT").severity, 3);
    }

    #[test]
    fn a_name_that_says_nothing_always_has_the_same_colour_of_the_palette() {
        assert!(PALETTE.contains(&look("BLOCKED").class));
        assert_eq!(look("BLOCKED"), look("BLOCKED"));
        let used: std::collections::BTreeSet<_> = (0..200).map(|i| look(&format!("S{i}")).class).collect();
        assert_eq!(used.len(), PALETTE.len(), "the hash reaches the whole palette");
    }

    #[test]
    fn values_of_one_tag_look_different_and_none_looks_like_an_alarm() {
        let classes = value_classes(["true", "false", "ALARM", "a", "b", "c", "d"].into_iter());
        assert_eq!(classes[..2], ["on", "off"]);
        let others: std::collections::BTreeSet<_> = classes[2..].iter().collect();
        assert_eq!(others.len(), 5);
        assert!(others.iter().all(|class| PALETTE.contains(class)));
    }
}
