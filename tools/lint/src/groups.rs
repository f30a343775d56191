//! Groups against each other.

use andon_domain::Group;

use super::{Linter, ReadRule};
use andon_engine::expr::ExprKind;

pub(super) fn lint(linter: &mut Linter<'_>, read: &ReadRule<'_>) {
    let rule = linter.rule;
    // The least weight with which a group votes as good as always, and why; the first of the greatest.
    let mut strongest: Option<(usize, f64, String)> = None;
    for (index, group) in rule.groups.iter().enumerate() {
        let Some((weight, why)) = floor(group, index, read) else { continue };
        if strongest.as_ref().is_none_or(|(_, greatest, _)| weight > *greatest) {
            strongest = Some((index, weight, why));
        }
    }
    let Some((strong, floor, why)) = strongest else { return };
    for (index, group) in rule.groups.iter().enumerate() {
        let greatest = group.states.iter().map(|entry| entry.weight.unwrap_or(group.weight));
        let greatest = greatest.fold(group.weight, f64::max);
        #[allow(clippy::float_cmp, reason = "weights are equal only if they are written equal")]
        let outvoted = index != strong && (greatest < floor || (greatest == floor && strong < index));
        if outvoted {
            let name = rule.groups.get(strong).map_or("", |group| group.id.as_str());
            let message = format!(
                "group `{}` (weight {greatest}) hardly ever wins: group `{name}` votes with weight {floor} {why}",
                group.id
            );
            let finding = linter.warn(&["groups".into(), index.into(), "id".into()], "hidden-group", message);
            finding.help = Some(format!("leave `otherwise` out of `{name}`, or give this group more weight"));
            if why.starts_with("at all times") {
                finding.help = Some("give this group more weight".to_owned());
            }
        }
    }
}

/// The least weight with which a group votes, if it votes nearly always.
fn floor(group: &Group, index: usize, read: &ReadRule<'_>) -> Option<(f64, String)> {
    let entries = read.groups.get(index)?;
    let always = entries.iter().filter(|entry| {
        matches!(entry.simple_when.kind, ExprKind::Bool(true)) && entry.entry.times.is_none()
    });
    let always = always.map(|entry| (entry.weight, &entry.entry.state)).max_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((weight, state)) = always {
        return Some((weight, format!("at all times, since `{state}` is always active")));
    }
    let otherwise = group.otherwise.as_ref()?;
    let weights = group.states.iter().map(|entry| entry.weight.unwrap_or(group.weight));
    let least = weights.fold(group.weight, f64::min);
    Some((least, format!("also when none of its conditions is true (`otherwise: {otherwise}`)")))
}
