//! Random streams: the lines of gateways in the order of their arrival, with faults.

use std::collections::BTreeMap;

use andon_domain::{Rule, RuleDocument};

use super::{
    BOOL_TAGS, Dice, GRID_MS, MACHINES, NUMBERS, OTHER_TAG, SCORE_TAG, START_MS, TEXT_TAGS, TEXTS, edit,
};

/// The steps of slow and fast streams. In fast ones points often come when a wait ends.
const PACES: [&[i64]; 4] =
    [&[0, 0, 1, 1, 1, 2, 2, 4, 4, 8, 20], &[0, 1, 1, 2], &[1], &[0, 2, 4, 4, 8, 20, 40]];

/// A data point as it is written. Fields that are `None` are left out.
#[derive(Clone, Debug)]
pub(super) struct PointText {
    pub(super) timestamp: i64,
    pub(super) equipment: String,
    pub(super) tag: &'static str,
    /// As JSON.
    pub(super) value: Option<String>,
    pub(super) quality: Option<&'static str>,
    pub(super) sequence: Option<i64>,
    pub(super) derived: bool,
    pub(super) created_at: Option<i64>,
    pub(super) source: Option<String>,
}

impl PointText {
    /// Returns the compact form with the keys in the usual order, which the fast path reads.
    pub(super) fn json(&self) -> String {
        let mut meta = Vec::new();
        meta.extend(self.sequence.map(|number| format!("\"sequenceNumber\":{number}")));
        if self.derived {
            meta.push("\"flags\":[\"Drv\"]".to_owned());
        }
        meta.extend(self.created_at.map(|at| format!("\"createdAt\":{at}")));
        meta.extend(self.source.as_ref().map(|id| format!("\"sourceId\":\"{id}\"")));
        let value = self.value.as_ref().map_or_else(String::new, |value| format!(",\"value\":{value}"));
        let quality = self.quality.map_or_else(String::new, |quality| format!(",\"quality\":\"{quality}\""));
        let meta = if meta.is_empty() { String::new() } else { format!(",\"meta\":{{{}}}", meta.join(",")) };
        format!(
            "{{\"version\":1,\"timestamp\":{},\"equipmentId\":\"{}\",\"tag\":\"{}\"{value}{quality}{meta}}}",
            self.timestamp, self.equipment, self.tag
        )
    }

    /// Returns the same meaning in a form that only the general reader takes.
    fn general_json(&self) -> String {
        let json = self.json();
        let body = json.strip_prefix("{\"version\":1,").unwrap_or(&json);
        format!("{{ \"unknown\": [{{}}], {body}")
    }
}

/// A sender and its faults.
#[derive(Clone, Debug)]
struct Source {
    id: Option<String>,
    /// The error of its clock, ms.
    skew: i64,
    /// The end of its silence, ms.
    silent_until: i64,
}

struct Stream<'a> {
    rng: &'a mut Dice,
    now: i64,
    /// Times between two lines, in steps of the grid.
    steps: &'static [i64],
    sequence: i64,
    /// Points with a fault, %.
    faults: u8,
    /// Records in an envelope, %.
    enveloped: u8,
    machines: Vec<(String, Vec<Source>)>,
    /// The newest value by equipment and tag: most are sent again.
    values: BTreeMap<(String, &'static str), String>,
    /// Records as they were sent, without envelope.
    sent: Vec<String>,
    rules: RuleDocument,
    gone: Vec<Rule>,
    greatest_start: i64,
}

/// Returns at most `length` lines; fewer where the choices end before.
pub(super) fn lines(rng: &mut Dice, rules: &RuleDocument, length: usize) -> Vec<String> {
    let number = if rng.crowd { 1 } else { rng.pick(&[1, 1, 2, 3]) };
    let machines = MACHINES.into_iter().take(number).map(|id| (id.to_owned(), sources(rng, id))).collect();
    let mut stream = Stream {
        now: START_MS,
        steps: if rng.crowd { &[0, 0, 1] } else { rng.pick(&PACES) },
        sequence: 0,
        faults: rng.pick(&[0, 2, 5, 10, 25]),
        enveloped: rng.pick(&[100, 100, 100, 50, 0]),
        machines,
        values: BTreeMap::new(),
        sent: Vec::new(),
        rules: rules.clone(),
        gone: Vec::new(),
        greatest_start: i64::MIN,
        rng,
    };
    let changes_rules = stream.rng.pick(&[0, 0, 4, 10, 30]);
    (0..length).map_while(|_| (!stream.rng.is_used_up()).then(|| stream.line(changes_rules))).collect()
}

fn sources(rng: &mut Dice, equipment: &str) -> Vec<Source> {
    let number = if rng.crowd { 90 } else { rng.pick(&[1, 1, 2, 3]) };
    (0..number)
        .map(|index| Source {
            id: (!rng.chance(10)).then(|| format!("{equipment}-gw{index}")),
            skew: if rng.crowd || rng.chance(80) {
                0
            } else {
                rng.pick(&[-500, -2000, -30_000, 500, 3_600_000])
            },
            silent_until: START_MS,
        })
        .collect()
}

impl Stream<'_> {
    /// Returns the next line. `changes_rules` is the percentage of rule sets.
    fn line(&mut self, changes_rules: u8) -> String {
        self.now += GRID_MS * self.rng.pick(self.steps);
        if self.rng.chance(2) && !self.rng.crowd {
            self.now += GRID_MS * self.rng.pick(&[40, 120, 400]);
        }
        if self.rng.chance(changes_rules) {
            return self.rule_set();
        }
        match self.rng.u8(..100) {
            0..=5 => self.tick(),
            6..=9 => self.again(),
            10 => self.malformed(),
            11..=20 => self.snapshot(),
            _ => {
                let (equipment, source) = self.sender();
                let point = self.point(&equipment, &source);
                let json = if self.rng.chance(5) { point.general_json() } else { point.json() };
                self.send(json)
            }
        }
    }

    /// Returns the record as a line, in an envelope or bare.
    fn send(&mut self, record: String) -> String {
        let line = self.enveloped(&record);
        self.sent.push(record);
        line
    }

    fn enveloped(&mut self, record: &str) -> String {
        if !self.rng.chance(self.enveloped) {
            return record.to_owned();
        }
        let arrival =
            if self.rng.chance(3) { self.now - self.rng.pick(&[250, 1000, 5000]) } else { self.now };
        format!("{{\"arrival\":{arrival},\"data\":{record}}}")
    }

    /// Returns a machine and one of its sources; one that is not silent, if there is one.
    fn sender(&mut self) -> (String, Source) {
        let now = self.now;
        let Some((equipment, sources)) = self.rng.choice(&mut self.machines) else {
            return (String::new(), Source { id: None, skew: 0, silent_until: now });
        };
        let falls_silent = self.rng.chance(3);
        if let Some(source) = self.rng.choice(&mut *sources).filter(|_| falls_silent) {
            source.silent_until = now + GRID_MS * self.rng.i64(4..200);
        }
        let awake: Vec<&Source> = sources.iter().filter(|source| source.silent_until <= now).collect();
        let source = self.rng.choice(awake).or(sources.first()).cloned();
        let source = source.unwrap_or(Source { id: None, skew: 0, silent_until: now });
        (equipment.clone(), source)
    }

    fn faulty(&mut self) -> bool {
        self.rng.chance(self.faults)
    }

    fn point(&mut self, equipment: &str, source: &Source) -> PointText {
        let lag = match self.rng.u8(..100) {
            0..=54 => 0,
            55..=79 => self.rng.i64(0..4),
            80..=94 => self.rng.i64(0..16),
            _ if !self.faulty() => 0,
            95 | 96 => self.rng.i64(0..200),
            97 => 4800,
            _ => -self.rng.pick(&[1, 4, 20, 14_400]),
        };
        let tag = self.tag();
        self.sequence += 1;
        let derived = tag == SCORE_TAG && self.rng.chance(80) || self.faulty() && self.rng.chance(20);
        let sequence = if self.faulty() { None } else { Some(self.sequence) };
        let quality = match self.rng.u8(..10) {
            0 => None,
            1 if self.faulty() => Some("Bad"),
            2 if self.faulty() => Some("Uncertain"),
            _ => Some("Ok"),
        };
        PointText {
            timestamp: self.now - GRID_MS * lag + source.skew,
            equipment: equipment.to_owned(),
            tag,
            value: self.value(equipment, tag),
            quality,
            sequence,
            derived,
            created_at: (!self.rng.chance(10)).then_some(self.now),
            source: source.id.clone(),
        }
    }

    fn tag(&mut self) -> &'static str {
        match self.rng.u8(..20) {
            0..=8 => self.rng.number_tag(),
            9..=12 => self.rng.bool_tag(),
            13..=16 => self.rng.text_tag(),
            17 | 18 => SCORE_TAG,
            _ => OTHER_TAG,
        }
    }

    /// Returns a value as JSON; `None` is a point without a value.
    fn value(&mut self, equipment: &str, tag: &'static str) -> Option<String> {
        if self.faulty() {
            return match self.rng.u8(..5) {
                0 => None,
                1 => Some("null".to_owned()),
                2 => Some(format!("\"{}\"", self.rng.pick(&TEXTS))),
                3 => Some(self.rng.bool().to_string()),
                _ => Some(self.rng.pick(&["4.0", "40e-1", "\"\\u0031l\"", "1e300", "-0"]).to_owned()),
            };
        }
        let key = (equipment.to_owned(), tag);
        let again = self.rng.chance(45);
        if let Some(value) = self.values.get(&key).filter(|_| again) {
            return Some(value.clone());
        }
        let value = if BOOL_TAGS.contains(&tag) {
            self.rng.bool().to_string()
        } else if TEXT_TAGS.contains(&tag) {
            format!("\"{}\"", self.rng.pick(&TEXTS))
        } else {
            self.rng.pick(&NUMBERS).to_string()
        };
        self.values.insert(key, value.clone());
        Some(value)
    }

    /// Returns several points in one record, mostly of one timestamp, sometimes of several machines.
    fn snapshot(&mut self) -> String {
        let (mut equipment, mut source) = self.sender();
        let one_time = self.rng.chance(70);
        let several = self.rng.chance(25);
        let mut points: Vec<PointText> = Vec::new();
        for _ in 0..self.rng.usize(1..=5) {
            if several {
                (equipment, source) = self.sender();
            }
            let mut point = self.point(&equipment, &source);
            if let (true, Some(first)) = (one_time, points.first()) {
                point.timestamp = first.timestamp;
            }
            points.push(point);
        }
        let mut items: Vec<String> = points.iter().map(PointText::json).collect();
        if self.faulty() {
            let at = self.rng.usize(..=items.len());
            items.insert(at, "{\"equipmentId\":\"filler-1\",\"tag\":\"level\",\"value\":4}".to_owned());
        }
        self.send(format!("[{}]", items.join(",")))
    }

    fn tick(&mut self) -> String {
        let (equipment, _) = self.sender();
        let tick = format!("{{\"equipmentId\":\"{equipment}\",\"tick\":true}}");
        self.enveloped(&tick)
    }

    /// Returns a record that was sent before; or, if there is none, a tick.
    fn again(&mut self) -> String {
        let recent = self.sent.len().saturating_sub(10);
        match self.rng.choice(self.sent.iter().skip(recent).cloned().collect::<Vec<_>>()) {
            Some(record) => self.enveloped(&record),
            None => self.tick(),
        }
    }

    fn malformed(&mut self) -> String {
        let record = match self.rng.u8(..8) {
            0 => return "{not json".to_owned(),
            1 => return "7".to_owned(),
            2 => format!("{{\"timestamp\":{},\"tag\":\"level\",\"value\":4}}", self.now),
            3 => format!("{{\"timestamp\":{},\"equipmentId\":\"filler-1\",\"value\":4}}", self.now),
            4 => "{\"timestamp\":1.5,\"equipmentId\":\"filler-1\",\"tag\":\"level\",\"value\":4}".to_owned(),
            5 => format!(
                "{{\"timestamp\":{},\"equipmentId\":\"filler-1\",\"tag\":\"level\",\"value\":[4]}}",
                self.now
            ),
            6 => format!(
                "{{\"timestamp\":{},\"equipmentId\":\"filler-1\",\"tag\":\"level\",\"value\":1e999}}",
                self.now
            ),
            _ => "[]".to_owned(),
        };
        self.enveloped(&record)
    }

    /// Returns a changed rule set that starts now, soon, or (rarely) no later than another: then it is refused.
    fn rule_set(&mut self) -> String {
        let start = match self.rng.u8(..20) {
            0 => self.greatest_start.max(START_MS),
            1 => self.now - 20_000,
            2 => return format!("{{\"arrival\":{},\"rules\":{{\"rules\":[{{}}]}}}}", self.now),
            3..=6 => self.now + GRID_MS * self.rng.i64(1..20),
            7..=9 => self.now - GRID_MS * self.rng.i64(0..8),
            _ => self.now,
        };
        let (mut rules, mut gone) = (self.rules.clone(), self.gone.clone());
        edit::document(self.rng, &mut rules, &mut gone);
        // A document that does not become JSON would be seen as refused.
        let json = serde_json::to_string(&rules).unwrap_or_default();
        if start > self.greatest_start {
            (self.greatest_start, self.rules, self.gone) = (start, rules, gone);
        }
        format!("{{\"arrival\":{start},\"rules\":{json}}}")
    }
}
