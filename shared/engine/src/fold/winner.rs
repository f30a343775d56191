//! The winner of a rule, and the rest of a rule's state.

use andon_domain::never;

use crate::compile::CompiledRule;

/// The winner of the last evaluation of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Winner {
    /// No group: the rule's default.
    #[default]
    Default,
    /// A group whose conditions are all false, with its `otherwise`.
    Otherwise(u16),
    /// An entry of a group; both by position.
    Entry(u16, u16),
    /// A state of an earlier version of the rule, by name, until the rule is evaluated again.
    Former(Box<str>),
}

/// The state of a rule, except for its entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RuleState {
    pub winner: Winner,
    /// The sequence number of its last transition on this equipment; 0 before the first.
    pub sequence: u64,
    /// The last instant that listed the rule for evaluation. It has no meaning between records.
    pub listed: u64,
}

impl Winner {
    /// Returns the winning state.
    pub(crate) fn state<'a>(&'a self, rule: &'a CompiledRule) -> &'a str {
        let state = match self {
            Self::Default => return &rule.rule.default,
            Self::Former(state) => return state,
            Self::Otherwise(group) => {
                rule.rule.groups.get(usize::from(*group)).and_then(|group| group.otherwise.as_deref())
            }
            Self::Entry(group, entry) => rule
                .rule
                .groups
                .get(usize::from(*group))
                .and_then(|group| group.states.get(usize::from(*entry)))
                .map(|entry| entry.state.as_str()),
        };
        state.unwrap_or_else(|| {
            never!("the winner {self:?} is no state of rule `{}`", rule.rule.id);
            ""
        })
    }

    /// Returns the winning group.
    pub(crate) fn group(&self) -> Option<usize> {
        match self {
            Self::Otherwise(group) | Self::Entry(group, _) => Some(usize::from(*group)),
            Self::Default | Self::Former(_) => None,
        }
    }
}
