//! Random model bindings and attributes. Their choices are apart, so that the rules and the stream of a seed are the same
//! with them and without.

use std::collections::BTreeMap;

use andon_domain::{Millis, ModelBinding, ModelEndpoint, ModelInput, ParameterValue, RuleDocument, Scope};

use super::{Dice, MACHINES, TEXTS, rules};

const PERIODS_MS: [i64; 6] = [1000, 1000, 2000, 2500, 5000, 20_000];

/// Sets the choice of `at_least_every` apart.
const AGAIN: u64 = 0x6167_6169_6e21_2121;

/// A machine that no stream names. It has every attribute that an expression may name.
const UNSEEN: &str = "unseen";

/// The attributes that expressions name. Parameters have the same names, so that one can stand for the other.
const ATTRIBUTES: [&str; 3] = ["limit", "mode", "flag"];

/// Adds bindings, and lets attributes stand for parameters.
pub(super) fn add(rng: &mut Dice, document: &mut RuleDocument) {
    if rng.chance(60) {
        for index in 0..rng.usize(1..=3) {
            // Scores of the first occur in streams.
            let id = if index == 0 { "quality".to_owned() } else { format!("m{index}") };
            document.models.push(binding(rng, &id));
        }
    }
    if rng.chance(40) {
        for id in MACHINES {
            if rng.chance(70) {
                document.equipment.insert(id.to_owned(), attributes(rng));
            }
        }
        let entries =
            document.rules.iter_mut().flat_map(|rule| &mut rule.groups).flat_map(|group| &mut group.states);
        for entry in entries {
            entry.when = with_attributes(rng, &entry.when);
            entry.until = entry.until.as_ref().map(|until| with_attributes(rng, until));
        }
    }
    settle(rng, document);
}

/// Changes one binding or the attributes of one machine, where there are some.
pub(super) fn change(rng: &mut Dice, document: &mut RuleDocument) {
    if document.models.is_empty() && document.equipment.is_empty() {
        return;
    }
    match rng.u8(..12) {
        0 => {
            document.models.pop();
        }
        1 | 2 => {
            let id = rng.pick(&["quality", "m1", "m2"]);
            if document.models.iter().all(|model| model.id != id) {
                document.models.push(binding(rng, id));
            }
        }
        3 => rng.shuffle(&mut document.models),
        4..=6 => {
            let id = rng.pick(&MACHINES);
            document.equipment.insert(id.to_owned(), attributes(rng));
        }
        7 => {
            document.equipment.remove(rng.pick(&MACHINES));
        }
        8 => {
            if let Some(model) = rng.choice(&mut document.models) {
                model.version += 1;
                model.endpoint.retries = 1;
            }
        }
        _ => {
            let index = rng.usize(..document.models.len().max(1));
            if let Some(model) = document.models.get_mut(index) {
                let id = model.id.clone();
                let other = binding(rng, &id);
                match rng.u8(..3) {
                    0 => {
                        model.at_most_every = other.at_most_every;
                        model.at_least_every = other.at_least_every;
                        model.every = other.every;
                    }
                    1 => model.scope = other.scope,
                    _ => model.inputs = other.inputs,
                }
            }
        }
    }
    settle(rng, document);
}

/// Gives one machine each attribute that is named, and takes away parameters that are not.
pub(super) fn settle(rng: &mut Dice, document: &mut RuleDocument) {
    let names_attributes = serde_json::to_string(document).is_ok_and(|json| json.contains("equipment."));
    if names_attributes {
        let all = ATTRIBUTES.map(|name| (name.to_owned(), rules::parameter(rng, name)));
        document.equipment.insert(UNSEEN.to_owned(), all.into());
    }
    for rule in &mut document.rules {
        rules::settle_parameters(rng, rule);
    }
}

fn attributes(rng: &mut Dice) -> BTreeMap<String, ParameterValue> {
    let mut attributes = BTreeMap::new();
    for name in ATTRIBUTES {
        if rng.chance(75) {
            attributes.insert(name.to_owned(), rules::parameter(rng, name));
        }
    }
    attributes
}

fn with_attributes(rng: &mut Dice, expression: &str) -> String {
    if rng.chance(60) { expression.replace("params.", "equipment.") } else { expression.to_owned() }
}

fn binding(rng: &mut Dice, id: &str) -> ModelBinding {
    let period = Millis(rng.pick(&PERIODS_MS));
    let grid = rng.chance(40);
    let again = again(rng, period).filter(|_| !grid);
    let inputs: Vec<ModelInput> = (0..rng.usize(1..=3))
        .map(|index| ModelInput { name: format!("i{index}"), value: input(rng, id) })
        .collect();
    ModelBinding {
        id: id.to_owned(),
        version: 1,
        description: None,
        scope: if rng.chance(70) { Scope::default() } else { rules::scope(rng) },
        parameters: ATTRIBUTES.map(|name| (name.to_owned(), rules::parameter(rng, name))).into(),
        inputs,
        at_most_every: (!grid).then_some(period),
        at_least_every: again,
        every: grid.then_some(period),
        endpoint: endpoint(),
    }
}

/// Returns the period after which unchanged inputs are requested again. Its choices are apart: it came to the generator
/// last.
fn again(rng: &mut Dice, period: Millis) -> Option<Millis> {
    rng.apart(
        |rng| rng.clone().u64(..) ^ AGAIN,
        |rng| rng.chance(50).then(|| Millis(period.0 * rng.i64(1..=4) + rng.pick(&[0, 500]))),
    )
}

/// Returns an endpoint. It decides nothing here.
fn endpoint() -> ModelEndpoint {
    ModelEndpoint {
        name: "endpoint".to_owned(),
        variant: None,
        asynchronous: false,
        format: andon_domain::Format::Csv,
        content_type: None,
        rows_under: None,
        row: andon_domain::RowShape::List,
        rows: 1,
        answer: andon_domain::AnswerLayout::default(),
        timeout: None,
        retries: 3,
        too_old: Millis(600_000),
        on_failure: andon_domain::OnFailure::default(),
        cache: None,
    }
}

/// Returns an input that is exact in binary. Only later models name the score of the first, so that there is no circle.
fn input(rng: &mut Dice, id: &str) -> String {
    loop {
        let input = match rng.u8(..20) {
            0..=6 => rules::tag(rng.number_tag()),
            7 => rules::number(rng, 2),
            8..=10 => rules::exact_aggregate(rng),
            11 | 12 => rng.text_tag().to_owned(),
            13 => rules::condition(rng, 1),
            14 => "score('quality')".to_owned(),
            15 => format!("level > 3 ? '{}' : machine_state", rng.pick(&TEXTS)),
            16 => "equipment.mode".to_owned(),
            17 => "equipment.limit + level".to_owned(),
            18 => format!("count({}, '5s')", rules::tag(rng.number_tag())),
            _ => rng.bool_tag().to_owned(),
        };
        let input = if rng.chance(20) { with_attributes(rng, &input) } else { input };
        if id != "quality" || !input.contains("quality") {
            return input;
        }
    }
}
