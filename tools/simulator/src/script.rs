//! Schedules the incidents of a shift. Every shift has the same ones; the seed moves each by some minutes.

use fastrand::Rng;

use crate::line::{CAPPER, FILLER, LABELER, LINE, MachineState, PACKER, PALLETIZER, Product, RINSER, Source};
use crate::record::Damage;
use crate::story::{Incident, IncidentKind};

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;

/// A span of time, from and including `from_ms`, until and excluding `until_ms`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) from_ms: i64,
    pub(crate) until_ms: i64,
}

impl Span {
    pub(crate) fn contains(self, at_ms: i64) -> bool {
        self.from_ms <= at_ms && at_ms < self.until_ms
    }
}

/// A new value of one of the signals that every machine has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Signal {
    State(MachineState),
    Product(Product),
    Maintenance(bool),
    Door(bool),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(crate) at_ms: i64,
    pub(crate) equipment: &'static str,
    pub(crate) signal: Signal,
}

#[derive(Debug)]
pub(crate) struct Script {
    /// By time.
    pub(crate) changes: Vec<Change>,
    pub(crate) overheating: Span,
    pub(crate) jumping_glue: Span,
    pub(crate) dead_pressure: Span,
    pub(crate) bad_torque: Span,
    pub(crate) leak: Span,
    pub(crate) bearing: Span,
    pub(crate) lost_link: Span,
    pub(crate) clock_ahead: Span,
    pub(crate) redelivery: Span,
    /// By time: the next line of the first gateway is broken.
    pub(crate) damages: Vec<(i64, Damage)>,
    /// By time.
    pub(crate) story: Vec<Incident>,
}

impl Script {
    pub(crate) fn new(start_ms: i64, rng: &mut Rng) -> Self {
        let mut plot = Plot { start_ms, rng, changes: Vec::new(), story: Vec::new() };
        plot.warm_up();
        let jumping_glue = plot.jumping_glue();
        let redelivery = plot.redelivery();
        plot.chattering_door();
        plot.product_change(140, Product::HalfLitre);
        let dead_pressure = plot.dead_pressure();
        let overheating = plot.overheating_behind_maintenance();
        let bad_torque = plot.bad_torque();
        plot.short_stops();
        plot.product_change(320, Product::OneLitre);
        let leak = plot.leak();
        let lost_link = plot.jam_behind_a_lost_link();
        let clock_ahead = plot.clock_ahead();
        let bearing = plot.bearing();
        let damages = plot.damages();
        let Plot { mut changes, mut story, .. } = plot;
        changes.sort_by_key(|change| change.at_ms);
        story.sort_by_key(|incident| incident.at_ms);
        Self {
            changes,
            overheating,
            jumping_glue,
            dead_pressure,
            bad_torque,
            leak,
            bearing,
            lost_link,
            clock_ahead,
            redelivery,
            damages,
            story,
        }
    }
}

/// The script while it is written.
struct Plot<'a> {
    start_ms: i64,
    rng: &'a mut Rng,
    changes: Vec<Change>,
    story: Vec<Incident>,
}

impl Plot<'_> {
    /// About `minute` minutes into the shift, earlier or later by up to `give` minutes.
    fn around(&mut self, minute: i64, give: i64) -> i64 {
        self.start_ms + minute * MINUTE_MS + self.rng.i64(-give * MINUTE_MS..=give * MINUTE_MS)
    }

    fn between_s(&mut self, least: i64, most: i64) -> i64 {
        self.rng.i64(least * SECOND_MS..=most * SECOND_MS)
    }

    fn change(&mut self, at_ms: i64, equipment: &'static str, signal: Signal) {
        self.changes.push(Change { at_ms, equipment, signal });
    }

    fn tell(
        &mut self,
        span: Span,
        equipment: &'static str,
        kind: IncidentKind,
        text: impl Into<String>,
    ) -> Span {
        let Span { from_ms: at_ms, until_ms } = span;
        self.story.push(Incident { at_ms, until_ms, equipment, kind, text: text.into() });
        span
    }

    fn warm_up(&mut self) {
        let mut at_ms = self.start_ms;
        let mut ready_ms = at_ms;
        for machine in &LINE {
            at_ms += self.between_s(8, 25);
            self.change(at_ms, machine.equipment, Signal::State(MachineState::Starting));
            ready_ms = ready_ms.max(at_ms) + self.between_s(3, 6);
            ready_ms = ready_ms.max(at_ms + self.between_s(120, 220));
            self.change(ready_ms, machine.equipment, Signal::State(MachineState::Running));
        }
        // The water takes longest.
        let until_ms = ready_ms.max(self.start_ms + 10 * MINUTE_MS);
        let text = "the line is switched on, machine after machine, and heats up for litre bottles";
        self.tell(Span { from_ms: self.start_ms, until_ms }, "line", IncidentKind::WarmUp, text);
    }

    fn product_change(&mut self, minute: i64, product: Product) {
        let stop_ms = self.around(minute, 6);
        let cleaning_ms = stop_ms + self.between_s(150, 210);
        let cleaned_ms = cleaning_ms + self.between_s(14 * 60, 18 * 60);
        let mut pass_ms = 0;
        let mut until_ms = cleaned_ms;
        for machine in &LINE {
            // The last bottles leave the line one machine after the other, and the first ones come that way.
            pass_ms += self.between_s(3, 6);
            let name = machine.equipment;
            self.change(stop_ms + pass_ms, name, Signal::State(MachineState::Stopped));
            if machine.wet {
                self.change(cleaning_ms + pass_ms, name, Signal::State(MachineState::Cleaning));
            }
            let open_ms = cleaning_ms + pass_ms + self.between_s(20, 90);
            self.change(open_ms, name, Signal::Door(true));
            let shut_ms = open_ms + self.between_s(120, 400);
            self.change(shut_ms, name, Signal::Door(false));
            self.change(cleaned_ms + pass_ms, name, Signal::Product(product));
            self.change(cleaned_ms + pass_ms, name, Signal::State(MachineState::Starting));
            let running_ms = cleaned_ms + pass_ms + 60 * SECOND_MS + self.between_s(0, 2);
            self.change(running_ms, name, Signal::State(MachineState::Running));
            until_ms = until_ms.max(running_ms);
        }
        let text = match product {
            Product::HalfLitre => "the line is emptied, cleaned and started again with half-litre bottles",
            Product::OneLitre => "the line is emptied, cleaned and started again with litre bottles",
        };
        self.tell(Span { from_ms: stop_ms, until_ms }, "line", IncidentKind::ProductChange, text);
    }

    fn jumping_glue(&mut self) -> Span {
        let from_ms = self.around(45, 5);
        let until_ms = from_ms + self.between_s(18 * 60, 24 * 60);
        let text = "a loose probe makes the glue's temperature jump around 165 °C, once a second";
        self.tell(Span { from_ms, until_ms }, LABELER, IncidentKind::FlappingSensor, text)
    }

    fn redelivery(&mut self) -> Span {
        let from_ms = self.around(85, 5);
        let until_ms = from_ms + self.between_s(25, 35);
        let text = "the gateway hears no acknowledgement for half a minute and sends every point of it twice";
        self.tell(Span { from_ms, until_ms }, Source::Gateway1.id(), IncidentKind::Redelivery, text)
    }

    fn chattering_door(&mut self) {
        let from_ms = self.around(100, 6);
        let end_ms = from_ms + self.between_s(6 * 60, 9 * 60);
        let mut at_ms = from_ms;
        let mut open = false;
        // The last change closes the door, which no change had opened.
        while at_ms < end_ms || open {
            open = !open;
            self.change(at_ms, PACKER, Signal::Door(open));
            at_ms += self.rng.i64(1_500..=4_500);
        }
        let text = "a loose door contact says open and shut every few seconds while the door stays shut";
        self.tell(Span { from_ms, until_ms: at_ms }, PACKER, IncidentKind::ChatteringContact, text);
    }

    fn dead_pressure(&mut self) -> Span {
        let from_ms = self.around(185, 5);
        let until_ms = from_ms + self.between_s(35 * 60, 45 * 60);
        let text = "the pressure sensor dies and is replaced later; all other tags go on";
        self.tell(Span { from_ms, until_ms }, RINSER, IncidentKind::DeadSensor, text)
    }

    fn overheating_behind_maintenance(&mut self) -> Span {
        let from_ms = self.around(215, 5);
        let until_ms = from_ms + self.between_s(33 * 60, 36 * 60);
        self.change(from_ms, FILLER, Signal::Maintenance(true));
        self.change(until_ms, FILLER, Signal::Maintenance(false));
        let open_ms = from_ms + self.between_s(60, 120);
        self.change(open_ms, FILLER, Signal::Door(true));
        let shut_ms = open_ms + self.between_s(8 * 60, 11 * 60);
        self.change(shut_ms, FILLER, Signal::Door(false));
        let text = "valves are exchanged while the filler goes on slowly, at times with an open door";
        self.tell(Span { from_ms, until_ms }, FILLER, IncidentKind::Maintenance, text);

        let creeping_ms = from_ms + self.between_s(5 * 60, 6 * 60);
        let fixed_ms = from_ms + self.between_s(46 * 60, 50 * 60);
        let text =
            "the water slowly gets too hot, unseen behind the maintenance, until a regulator is set right";
        let span = Span { from_ms: creeping_ms, until_ms: fixed_ms };
        self.tell(span, FILLER, IncidentKind::Overheating, text)
    }

    fn bad_torque(&mut self) -> Span {
        let from_ms = self.around(280, 5);
        let until_ms = from_ms + self.between_s(8 * 60, 10 * 60);
        let text = "the torque sensor has a broken wire and marks its values as bad";
        self.tell(Span { from_ms, until_ms }, CAPPER, IncidentKind::BadQuality, text)
    }

    fn short_stops(&mut self) {
        let from_ms = self.around(295, 4);
        let mut at_ms = from_ms;
        let mut until_ms = from_ms;
        for _ in 0..5 {
            until_ms = at_ms + self.between_s(30, 50);
            self.change(at_ms, LABELER, Signal::State(MachineState::Fault));
            self.change(until_ms, LABELER, Signal::State(MachineState::Running));
            at_ms = until_ms + self.between_s(70, 110);
        }
        let text = "label ends that do not stick stop the labeler five times for less than a minute";
        self.tell(Span { from_ms, until_ms }, LABELER, IncidentKind::ShortStops, text);
    }

    fn leak(&mut self) -> Span {
        let from_ms = self.around(365, 4);
        let until_ms = from_ms + self.between_s(300, 350);
        let text = "a leaking valve lets the filler's bowl run low until it is shut";
        self.tell(Span { from_ms, until_ms }, FILLER, IncidentKind::LevelDrop, text)
    }

    fn jam_behind_a_lost_link(&mut self) -> Span {
        let from_ms = self.around(385, 5);
        let until_ms = from_ms + 10 * MINUTE_MS + self.between_s(-20, 20);
        let text =
            "the gateway has no link for ten minutes, keeps its points, and then sends them in their order";
        let link = self.tell(Span { from_ms, until_ms }, Source::Gateway2.id(), IncidentKind::LostLink, text);
        let jam_ms = from_ms + self.between_s(150, 200);
        let cleared_ms = jam_ms + self.between_s(180, 240);
        self.change(jam_ms, PACKER, Signal::State(MachineState::Fault));
        self.change(cleared_ms, PACKER, Signal::State(MachineState::Running));
        let text = "a carton jams while the gateway cannot report it";
        self.tell(Span { from_ms: jam_ms, until_ms: cleared_ms }, PACKER, IncidentKind::Jam, text);
        link
    }

    fn clock_ahead(&mut self) -> Span {
        let from_ms = self.around(416, 4);
        let until_ms = from_ms + self.between_s(12 * 60, 15 * 60);
        let text = "the drive's clock runs three minutes ahead until it is set right";
        self.tell(Span { from_ms, until_ms }, Source::CapperDrive.id(), IncidentKind::ClockAhead, text)
    }

    fn bearing(&mut self) -> Span {
        let from_ms = self.around(430, 4);
        let until_ms = from_ms + self.between_s(18 * 60, 22 * 60);
        let text = "a dry bearing makes the vibration grow until it is greased";
        self.tell(Span { from_ms, until_ms }, PALLETIZER, IncidentKind::BearingWear, text)
    }

    fn damages(&mut self) -> Vec<(i64, Damage)> {
        let from_ms = self.around(460, 5);
        let mut at_ms = from_ms;
        let mut damages = Vec::new();
        for damage in [Damage::CutShort, Damage::ObjectValue].into_iter().cycle().take(6) {
            damages.push((at_ms, damage));
            at_ms += self.between_s(5, 30);
        }
        let text = "three lines are cut short and three have an object for a value";
        let span = Span { from_ms, until_ms: at_ms };
        self.tell(span, Source::Gateway1.id(), IncidentKind::MalformedLines, text);
        damages
    }
}
