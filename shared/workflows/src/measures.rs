//! Numbers that an invocation reports: each is declared once, where it is counted.
//!
//! `summary!` makes of one declaration the struct that a workflow counts in, the table of its [`Measure`]s and their
//! values. The line of the log, its metrics and the tables of `docs/telemetry.md` are made from that table.

use andon_domain::never::Broken;

/// Severity of a line: the highest severity of the numbers in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For diagnosis only. A setting: no measure has this level.
    Debug,
    /// Normal operation.
    #[default]
    Info,
    /// A fault that the system handles.
    Warn,
    /// A fault that an operator has to fix.
    Error,
}

impl Level {
    /// All levels.
    pub const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// Returns the level as lines and settings spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Unit of a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number of things. Zero is left out of lines and metrics.
    Count,
    /// A duration.
    Milliseconds,
}

impl Unit {
    /// Returns the unit as CloudWatch spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

/// A number of a line, and a metric if it is worth the price of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// The name in the line and of the metric, in camel case.
    pub name: &'static str,
    /// The unit: a name that ends with `Ms` is a duration.
    pub unit: Unit,
    /// True if CloudWatch makes a metric of it. Every metric is billed, whether it is read or not.
    pub metric: bool,
    /// The lowest level of a line in which this number is above zero.
    pub level: Level,
    /// The meaning, for `docs/telemetry.md`.
    pub meaning: &'static str,
    /// The first place to look at when it rises, for `docs/telemetry.md`; may be empty.
    pub when_it_rises: &'static str,
}

impl Measure {
    /// Declares a measure. The unit follows from the name.
    #[must_use]
    pub const fn new(
        name: &'static str,
        metric: bool,
        level: Level,
        meaning: &'static str,
        when_it_rises: &'static str,
    ) -> Self {
        let unit = match name.as_bytes() {
            [.., b'M', b's'] => Unit::Milliseconds,
            _ => Unit::Count,
        };
        Self { name, unit, metric, level, meaning, when_it_rises }
    }
}

/// A summary of an invocation: numbers by measure, texts by name.
pub trait Measured {
    /// The measures of this function, in the order of its line. Those of every function are not among them.
    const MEASURES: &'static [Measure];

    /// Returns a value for each of [`Self::MEASURES`], in their order; `None` for what this invocation did not measure.
    /// Ages are counted up to `ended_ms`.
    fn values(&self, ended_ms: i64) -> Vec<Option<u64>>;

    /// Returns the texts that are set, by name.
    fn texts(&self) -> Vec<(&'static str, &str)>;

    /// Returns the number of port errors.
    fn errors(&self) -> u64;

    /// Returns the broken invariants that the workflow has taken in.
    fn broken(&self) -> Broken;
}

/// A moment that may be missing.
pub trait Moment {
    /// Returns the moment, ms; `None` where there is none.
    fn at_ms(&self) -> Option<i64>;
}

impl Moment for i64 {
    fn at_ms(&self) -> Option<i64> {
        Some(*self)
    }
}

impl Moment for Option<i64> {
    fn at_ms(&self) -> Option<i64> {
        *self
    }
}

/// Returns the age of a moment, ms; `None` for a missing moment and for 0, the moment of a summary that saw none.
pub fn age_ms(moment: &impl Moment, ended_ms: i64) -> Option<u64> {
    let at_ms = moment.at_ms().filter(|at_ms| *at_ms > 0)?;
    Some(u64::try_from(ended_ms.saturating_sub(at_ms)).unwrap_or_default())
}

/// Converts `snake_case` to `camelCase`; the second value is the length in bytes. For `camel!`, at compile time.
#[must_use]
pub const fn camel_case<const N: usize>(snake: &str) -> ([u8; N], usize) {
    let mut camel = [0; N];
    let mut length = 0;
    let mut rest = snake.as_bytes();
    let mut is_capital = false;
    while let Some((letter, others)) = rest.split_first() {
        rest = others;
        if *letter == b'_' {
            is_capital = true;
            continue;
        }
        #[allow(
            clippy::indexing_slicing,
            reason = "runs in the compiler, which refuses an index out of bounds"
        )]
        {
            camel[length] = if is_capital { letter.to_ascii_uppercase() } else { *letter };
        }
        is_capital = false;
        length += 1;
    }
    (camel, length)
}

/// The camel case of a name, as `&'static str`.
macro_rules! camel {
    ($snake:expr) => {{
        const SNAKE: &str = $snake;
        const CAMEL: ([u8; SNAKE.len()], usize) = $crate::measures::camel_case(SNAKE);
        const NAME: &str = match str::from_utf8(CAMEL.0.split_at(CAMEL.1).0) {
            Ok(name) => name,
            // Names of fields are ASCII.
            Err(_) => SNAKE,
        };
        NAME
    }};
}

/// The measure of a declaration such as `metric warn "look at .."`.
macro_rules! measure {
    ($name:expr, [$($doc:literal)+], $kind:ident $level:ident $($rises:literal)?) => {
        $crate::measures::Measure::new(
            $crate::measures::camel!($name),
            $crate::measures::measure!(@kind $kind),
            $crate::measures::measure!(@level $level),
            concat!($($doc),+),
            concat!($($rises)?),
        )
    };
    (@kind metric) => { true };
    (@kind log) => { false };
    (@level info) => { $crate::measures::Level::Info };
    (@level warn) => { $crate::measures::Level::Warn };
    (@level error) => { $crate::measures::Level::Error };
}

/// Declares a summary: its struct, its [`Measure`]s and their values.
///
/// A measure is a doc comment (its meaning), a field (its name), `metric` or `log`, its level, and in quotes what an
/// operator looks at when it rises. Sections, in this order and each but `counts` optional:
///
/// - `ages`: `name_ms of field: type`. The field holds a moment, the measure is its age at the end of the invocation.
/// - `times`: `Option<u64>`, in milliseconds.
/// - `counts`: `u64`.
/// - `reasons NAME`: a map of counts by reason. The measure of the reason `late` is `nameLate`.
/// - `texts`: `Option<String>`.
///
/// Every summary has `errors` and `first_error` (errors of ports), `invariants_broken` and `first_broken_invariant`.
macro_rules! summary {
    (
        $(#[doc = $summary_doc:literal])+
        pub struct $summary:ident {
            $(ages { $(
                $(#[doc = $age_doc:literal])+
                $age:ident of $moment:ident: $moment_type:ty, $age_kind:ident $age_level:ident $($age_rises:literal)?;
            )* })?
            $(times { $(
                $(#[doc = $time_doc:literal])+
                $time:ident: $time_kind:ident $time_level:ident $($time_rises:literal)?;
            )* })?
            counts { $(
                $(#[doc = $count_doc:literal])+
                $count:ident: $count_kind:ident $count_level:ident $($count_rises:literal)?;
            )* }
            $(reasons $reasons:ident { $(
                $(#[doc = $reason_doc:literal])+
                $reason:ident: $reason_kind:ident $reason_level:ident $($reason_rises:literal)?;
            )* })?
            $(texts { $(
                $(#[doc = $text_doc:literal])+
                $text:ident;
            )* })?
        }
    ) => {
        $(#[doc = $summary_doc])+
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $summary {
            $($(
                #[doc = concat!("The moment, ms, whose age is `", stringify!($age), "`.")]
                pub $moment: $moment_type,
            )*)?
            $($(
                $(#[doc = $time_doc])+
                pub $time: Option<u64>,
            )*)?
            $(
                $(#[doc = $count_doc])+
                pub $count: u64,
            )*
            $(
                #[doc = concat!("Counts by reason; the measures begin with `", stringify!($reasons), "`.")]
                pub $reasons: std::collections::BTreeMap<&'static str, u64>,
            )?
            $($(
                $(#[doc = $text_doc])+
                pub $text: Option<String>,
            )*)?
            /// Errors of ports.
            pub errors: u64,
            /// The first error of a port.
            pub first_error: Option<String>,
            /// Broken invariants, see [`andon_domain::never`](mod@andon_domain::never).
            pub invariants_broken: u64,
            /// Message and place of the first broken invariant.
            pub first_broken_invariant: Option<String>,
        }

        impl $crate::measures::Measured for $summary {
            const MEASURES: &'static [$crate::measures::Measure] = &[
                $($( $crate::measures::measure!(
                    stringify!($age), [$($age_doc)+], $age_kind $age_level $($age_rises)?
                ), )*)?
                $($( $crate::measures::measure!(
                    stringify!($time), [$($time_doc)+], $time_kind $time_level $($time_rises)?
                ), )*)?
                $( $crate::measures::measure!(
                    stringify!($count), [$($count_doc)+], $count_kind $count_level $($count_rises)?
                ), )*
                $($( $crate::measures::measure!(
                    concat!(stringify!($reasons), "_", stringify!($reason)),
                    [$($reason_doc)+], $reason_kind $reason_level $($reason_rises)?
                ), )*)?
            ];

            #[allow(unused_variables, reason = "a summary without ages does not need the end of the invocation")]
            fn values(&self, ended_ms: i64) -> Vec<Option<u64>> {
                vec![
                    $($( $crate::measures::age_ms(&self.$moment, ended_ms), )*)?
                    $($( self.$time, )*)?
                    $( Some(self.$count), )*
                    $($( self.$reasons.get(stringify!($reason)).copied(), )*)?
                ]
            }

            fn texts(&self) -> Vec<(&'static str, &str)> {
                let texts = [
                    ("firstError", &self.first_error),
                    $($( ($crate::measures::camel!(stringify!($text)), &self.$text), )*)?
                ];
                texts.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?))).collect()
            }

            fn errors(&self) -> u64 {
                self.errors
            }

            fn broken(&self) -> andon_domain::never::Broken {
                andon_domain::never::Broken {
                    count: self.invariants_broken,
                    first: self.first_broken_invariant.clone(),
                }
            }
        }

        impl $summary {
            /// Counts an error of a port; keeps the text of the first.
            pub(crate) fn error(&mut self, error: &$crate::ports::PortError) {
                self.errors += 1;
                self.first_error.get_or_insert_with(|| error.to_string());
            }
        }
    };
}

pub(crate) use {camel, measure, summary};

#[cfg(test)]
#[allow(
    unreachable_pub,
    dead_code,
    reason = "the macro declares what other crates use, here for these tests alone"
)]
mod tests {
    use super::*;

    summary! {
        /// A summary for the tests.
        pub struct Sample {
            ages {
                /// Age of the batch.
                iterator_age_ms of newest_ms: i64, metric info "look here";
            }
            times {
                /// Longest call.
                call_ms: log info;
            }
            counts {
                /// Points that
                /// were folded.
                points_folded: metric warn;
            }
            reasons rejected {
                /// Late points.
                bad_quality: metric error;
            }
            texts {
                /// The reason of the failure.
                first_failure;
            }
        }
    }

    #[test]
    fn one_declaration_gives_names_units_values_and_meanings() {
        let names: Vec<_> = Sample::MEASURES.iter().map(|measure| (measure.name, measure.unit)).collect();
        assert_eq!(
            names,
            [
                ("iteratorAgeMs", Unit::Milliseconds),
                ("callMs", Unit::Milliseconds),
                ("pointsFolded", Unit::Count),
                ("rejectedBadQuality", Unit::Count),
            ]
        );
        assert_eq!(Sample::MEASURES[2].meaning, " Points that were folded.");
        assert_eq!(Sample::MEASURES[0].when_it_rises, "look here");
        let mut sample = Sample { newest_ms: 1_000, points_folded: 7, ..Sample::default() };
        sample.rejected.insert("bad_quality", 2);
        sample.first_failure = Some("throttled".to_owned());
        assert_eq!(sample.values(3_000), [Some(2_000), None, Some(7), Some(2)]);
        assert_eq!(sample.texts(), [("firstFailure", "throttled")]);
    }

    #[test]
    fn a_moment_that_was_not_seen_has_no_age_and_a_future_one_none_below_zero() {
        assert_eq!(Sample::default().values(3_000)[0], None);
        assert_eq!(Sample { newest_ms: 4_000, ..Sample::default() }.values(3_000)[0], Some(0));
    }
}
