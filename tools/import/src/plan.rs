//! Assigns a role to each column: time, machine, tag, value, source, quality.

use crate::MAX_NAME_BYTES;
use crate::error::ImportError;
use crate::options::{Field, Layout, Options};
use crate::summary::Assumption;
use crate::words::{self, normalised};

/// An assignment of roles to the columns of a file.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) names: Vec<String>,
    pub(crate) time: usize,
    pub(crate) date: Option<usize>,
    pub(crate) arrival: Option<usize>,
    pub(crate) equipment: Origin,
    pub(crate) source: Origin,
    pub(crate) quality: Origin,
    pub(crate) body: Body,
    pub(crate) unused: Vec<String>,
    pub(crate) assumed: Vec<Assumption>,
}

#[derive(Debug)]
pub(crate) enum Origin {
    Constant(String),
    Column(usize),
}

#[derive(Debug)]
pub(crate) enum Body {
    /// The columns that are tags.
    Wide(Vec<usize>),
    Long {
        tag: usize,
        value: usize,
    },
}

/// Returns true if the text is a valid name of a machine, tag, source or quality.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_NAME_BYTES && !text.chars().any(char::is_control)
}

struct Planner<'o> {
    options: &'o Options,
    names: Vec<String>,
    normalised: Vec<String>,
    /// The role of each column, if known.
    roles: Vec<Option<&'static str>>,
    assumed: Vec<Assumption>,
}

/// Assigns roles to the columns, from the names in the header and the options.
pub(crate) fn plan(names: Vec<String>, options: &Options) -> Result<Plan, ImportError> {
    check_options(options)?;
    let mut planner = Planner {
        normalised: names.iter().map(|name| normalised(name)).collect(),
        roles: vec![None; names.len()],
        assumed: Vec::new(),
        names,
        options,
    };
    planner.plan()
}

fn check_options(options: &Options) -> Result<(), ImportError> {
    let error = |what: String| Err(ImportError::Options(what));
    let constants =
        [("equipment", &options.equipment), ("source", &options.source), ("quality", &options.quality)];
    for (what, field) in constants {
        if let Some(Field::Constant(name)) = field
            && !is_name(name)
            && !(name.is_empty() && what == "source")
        {
            return error(format!(
                "{} is no name for the {what}; {}",
                crate::reject::shown(name.as_bytes()),
                expected_name()
            ));
        }
    }
    let mut targets = std::collections::BTreeSet::new();
    for (from, to) in &options.rename {
        if !is_name(to) {
            return error(format!(
                "{} is no name for the tag `{from}`; {}",
                crate::reject::shown(to.as_bytes()),
                expected_name()
            ));
        }
        if !targets.insert(to) {
            return error(format!("two tags are renamed to `{to}`; expected a name for each"));
        }
    }
    if let Some(both) = options.include.intersection(&options.exclude).next() {
        return error(format!("the tag `{both}` is both included and excluded"));
    }
    Ok(())
}

pub(crate) fn expected_name() -> String {
    format!("expected 1 to {MAX_NAME_BYTES} bytes without control characters")
}

impl Planner<'_> {
    fn plan(&mut self) -> Result<Plan, ImportError> {
        let options = self.options;
        // What was said comes before what is guessed, so that no guess takes a column away.
        let time = self.given(options.time_column.as_ref(), "time")?;
        let date = self.given(options.date_column.as_ref(), "date")?;
        let arrival = self.given(options.arrival_column.as_ref(), "arrival time")?;
        let equipment = self.given_field(options.equipment.as_ref(), "equipment")?;
        let source = self.given_field(options.source.as_ref(), "source")?;
        let quality = self.given_field(options.quality.as_ref(), "quality")?;
        let tag = self.given(options.tag_column.as_ref(), "tag")?;
        let value = self.given(options.value_column.as_ref(), "value")?;
        if options.layout == Layout::Wide && (tag.is_some() || value.is_some()) {
            return Err(ImportError::Options(
                "the wide layout has no tag column and no value column; give --layout long with them"
                    .to_owned(),
            ));
        }

        let (time, date) = match time {
            Some(time) => (time, date),
            None => self.guess_time(date)?,
        };
        let arrival = arrival.or_else(|| self.guess("arrival time", words::ARRIVAL));
        let equipment =
            match equipment.or_else(|| self.guess("equipment", words::EQUIPMENT).map(Origin::Column)) {
                Some(origin) => origin,
                None => {
                    return Err(ImportError::Header(format!(
                        "no column names the equipment; give it with --equipment, or its column with \
                     --equipment-column; the columns are {}",
                        self.listed()
                    )));
                }
            };
        let source = source
            .or_else(|| self.guess("source", words::SOURCE).map(Origin::Column))
            .unwrap_or(Origin::Constant(String::new()));
        let quality = quality
            .or_else(|| self.guess("quality", words::QUALITY).map(Origin::Column))
            .unwrap_or_else(|| Origin::Constant("Ok".to_owned()));
        let body = self.body(tag, value)?;
        if options.snapshot && matches!(body, Body::Long { .. }) {
            return Err(ImportError::Options(
                "snapshots are of the wide layout, but the layout of this file is long".to_owned(),
            ));
        }
        let unused = self
            .roles
            .iter()
            .zip(&self.names)
            .enumerate()
            .filter(|(_, (role, _))| role.is_none())
            .map(|(n, (_, name))| shown_name(n, name))
            .collect();
        Ok(Plan {
            time,
            date,
            arrival,
            equipment,
            source,
            quality,
            body,
            unused,
            names: std::mem::take(&mut self.names),
            assumed: std::mem::take(&mut self.assumed),
        })
    }

    fn body(&mut self, tag: Option<usize>, value: Option<usize>) -> Result<Body, ImportError> {
        let asked = self.options.layout;
        if asked != Layout::Wide {
            let given = tag.is_some() || value.is_some();
            let tag = tag.or_else(|| self.find(words::TAG));
            let value = value.or_else(|| self.find(words::VALUE));
            match (tag, value) {
                (Some(tag), Some(value)) if tag != value => {
                    self.take(tag, "tag");
                    self.take(value, "value");
                    if asked == Layout::Auto && !given {
                        self.assume(
                            "layout",
                            "long".to_owned(),
                            format!(
                                "column {} names tags and column {} has values",
                                self.name(tag),
                                self.name(value)
                            ),
                        );
                    }
                    return Ok(Body::Long { tag, value });
                }
                _ if asked == Layout::Long || given => {
                    let missing = if tag.is_none() { "tag" } else { "value" };
                    return Err(ImportError::Header(format!(
                        "the long layout needs a {missing} column; give it with --{missing}-column; the columns are {}",
                        self.listed()
                    )));
                }
                _ => self.assume(
                    "layout",
                    "wide".to_owned(),
                    "no two columns are named like one of tags and one of values".to_owned(),
                ),
            }
        }
        self.wide()
    }

    fn wide(&mut self) -> Result<Body, ImportError> {
        let options = self.options;
        let named = options.include.iter().chain(&options.exclude).chain(options.rename.keys());
        for name in named {
            match self.names.iter().position(|column| column == name) {
                None => return Err(self.no_column(name, "tag")),
                Some(column) => {
                    if let Some(role) = self.roles.get(column).copied().flatten() {
                        return Err(ImportError::Options(format!(
                            "the column `{name}` is the {role}, so it cannot be a tag too"
                        )));
                    }
                }
            }
        }
        let mut tags = Vec::new();
        let mut seen = std::collections::BTreeMap::new();
        for (n, name) in self.names.iter().enumerate() {
            let selected = (options.include.is_empty() || options.include.contains(name))
                && !options.exclude.contains(name)
                && !name.is_empty();
            if !selected || self.roles.get(n).copied().flatten().is_some() {
                continue;
            }
            let tag = options.rename.get(name).unwrap_or(name);
            if !is_name(tag) {
                return Err(ImportError::Header(format!(
                    "column {}, {}, is no name for a tag; {}; rename or exclude it",
                    n + 1,
                    crate::reject::shown(tag.as_bytes()),
                    expected_name()
                )));
            }
            if let Some(before) = seen.insert(tag, n) {
                return Err(ImportError::Header(format!(
                    "columns {} and {} are both the tag `{tag}`; exclude it, or give the columns other names",
                    before + 1,
                    n + 1
                )));
            }
            tags.push(n);
        }
        for name in &options.text {
            if !tags.iter().any(|n| {
                self.names
                    .get(*n)
                    .is_some_and(|column| column == name || options.rename.get(column) == Some(name))
            }) {
                return Err(self.no_column(name, "tag"));
            }
        }
        if tags.is_empty() {
            return Err(ImportError::Header(format!(
                "no column is left to be a tag; the columns are {}",
                self.listed()
            )));
        }
        for n in &tags {
            self.take(*n, "tag");
        }
        Ok(Body::Wide(tags))
    }

    fn guess_time(&mut self, date: Option<usize>) -> Result<(usize, Option<usize>), ImportError> {
        let by_name = self.find(words::TIME);
        let Some(time) = by_name.or_else(|| self.roles.iter().position(Option::is_none)) else {
            return Err(ImportError::Header("no column is left to be the time".to_owned()));
        };
        self.take(time, "time");
        let is = |n: usize, list: &[&str]| {
            self.normalised.get(n).is_some_and(|name| list.contains(&name.as_str()))
        };
        let other = if date.is_some() || by_name.is_none() {
            None
        } else if is(time, words::DATE) {
            self.find(words::TIME_OF_DAY).map(|other| (other, time))
        } else if is(time, words::TIME_OF_DAY) {
            self.find(words::DATE).map(|other| (time, other))
        } else {
            None
        };
        if let Some((time, date)) = other {
            self.take(time, "time");
            self.take(date, "date");
            let taken = format!("{} and {}", self.name(date), self.name(time));
            self.assume("date and time", taken, "the columns are named so".to_owned());
            return Ok((time, Some(date)));
        }
        let because = match by_name {
            Some(_) => "it is the first column that is named like a time",
            None => "it is the first column and none is named like a time",
        };
        self.assume("time column", self.name(time), because.to_owned());
        Ok((time, date))
    }

    /// A column that nothing else is, by its name.
    fn find(&self, list: &[&str]) -> Option<usize> {
        let options = self.options;
        (0..self.names.len()).find(|n| {
            let free = self.roles.get(*n).is_some_and(Option::is_none);
            let named = self.normalised.get(*n).is_some_and(|name| list.contains(&name.as_str()));
            let a_tag = options.layout != Layout::Long
                && self.names.get(*n).is_some_and(|name| {
                    options.include.contains(name)
                        || options.rename.contains_key(name)
                        || options.text.contains(name)
                });
            free && named && !a_tag
        })
    }

    fn guess(&mut self, role: &'static str, list: &[&str]) -> Option<usize> {
        let column = self.find(list)?;
        self.take(column, role);
        self.assume(role, format!("column {}", self.name(column)), "it is named like one".to_owned());
        Some(column)
    }

    fn given_field(
        &mut self,
        field: Option<&Field>,
        role: &'static str,
    ) -> Result<Option<Origin>, ImportError> {
        Ok(match field {
            None => None,
            Some(Field::Constant(name)) => Some(Origin::Constant(name.clone())),
            Some(Field::Column(name)) => self.given(Some(name), role)?.map(Origin::Column),
        })
    }

    fn given(&mut self, name: Option<&String>, role: &'static str) -> Result<Option<usize>, ImportError> {
        let Some(name) = name else { return Ok(None) };
        let wanted = name.trim();
        let matching = |matches: &dyn Fn(&str) -> bool| {
            let mut found =
                self.names.iter().enumerate().filter(|(_, column)| matches(column)).map(|(n, _)| n);
            (found.next(), found.next())
        };
        let column = match matching(&|column| column == wanted) {
            (None, _) => matching(&|column| column.to_lowercase() == wanted.to_lowercase()),
            exact => exact,
        };
        match column {
            (Some(_), Some(_)) => Err(ImportError::Header(format!(
                "more than one column is named `{wanted}`, the {role} column"
            ))),
            (None, _) => Err(self.no_column(wanted, role)),
            (Some(n), None) => match self.roles.get(n).copied().flatten() {
                Some(other) => Err(ImportError::Options(format!(
                    "the column `{wanted}` cannot be both the {other} and the {role}"
                ))),
                None => {
                    self.take(n, role);
                    Ok(Some(n))
                }
            },
        }
    }

    fn take(&mut self, column: usize, role: &'static str) {
        if let Some(place) = self.roles.get_mut(column) {
            *place = Some(role);
        }
    }

    fn assume(&mut self, what: &'static str, taken: String, because: String) {
        self.assumed.push(Assumption { what, taken, because });
    }

    fn name(&self, column: usize) -> String {
        shown_name(column, self.names.get(column).map_or("", String::as_str))
    }

    fn no_column(&self, name: &str, role: &str) -> ImportError {
        ImportError::Header(format!(
            "no column is named `{name}`, the {role} column; the columns are {}",
            self.listed()
        ))
    }

    fn listed(&self) -> String {
        const SHOWN: usize = 30;
        let mut list: Vec<_> = (0..self.names.len().min(SHOWN)).map(|n| self.name(n)).collect();
        if self.names.len() > SHOWN {
            list.push(format!("and {} more", self.names.len() - SHOWN));
        }
        list.join(", ")
    }
}

/// A column's name in backticks, or its number if it has none.
pub(crate) fn shown_name(column: usize, name: &str) -> String {
    if name.is_empty() { format!("number {} (without a name)", column + 1) } else { format!("`{name}`") }
}
