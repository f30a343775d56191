//! The bottling line: its machines, their tags, and the sender of each.

/// A state of a machine, as its tag `machine_state` reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MachineState {
    Stopped,
    Starting,
    Running,
    Cleaning,
    Fault,
}

impl MachineState {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Cleaning => "cleaning",
            Self::Fault => "fault",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    OneLitre,
    HalfLitre,
}

impl Product {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::OneLitre => "1l",
            Self::HalfLitre => "0.5l",
        }
    }
}

/// A sender, and the clock that stamps its points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Serves the wet end: depalletizer, rinser, filler, capper.
    Gateway1,
    /// Serves the dry end: labeler, inspector, packer, palletizer.
    Gateway2,
    /// The capper's drive sends for itself.
    CapperDrive,
}

impl Source {
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Gateway1 => "gateway-1",
            Self::Gateway2 => "gateway-2",
            Self::CapperDrive => "capper-1-drive",
        }
    }
}

/// The scripted incident that a measured value takes part in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IncidentEffect {
    None,
    Overheating,
    JumpingGlue,
    Leak,
    Bearing,
    DeadPressure,
    BadTorque,
}

/// A measured value and how it behaves.
#[derive(Debug)]
pub(crate) struct ChannelPlan {
    pub(crate) tag: &'static str,
    /// At the start of the shift.
    pub(crate) cold: f64,
    pub(crate) stopped: f64,
    pub(crate) running: f64,
    pub(crate) cleaning: f64,
    /// The running level with half-litre bottles, as a multiple of the one with litre bottles.
    pub(crate) half_litre: f64,
    /// The running level while maintenance tries the machine, as a multiple of the usual one.
    pub(crate) trial: f64,
    /// Time constant of the value, s: two thirds of the way to a new level.
    pub(crate) lag_s: f64,
    pub(crate) noise: f64,
    /// Seconds between two samples.
    pub(crate) every_s: i64,
    /// Comes from an analyser that needs up to one and a half seconds for a value.
    pub(crate) analysed: bool,
    pub(crate) source: Option<Source>,
    pub(crate) effect: IncidentEffect,
}

/// Levels: at the start of the shift, stopped, running, cleaning.
const fn channel(tag: &'static str, levels: [f64; 4], lag_s: f64, noise: f64) -> ChannelPlan {
    let [cold, stopped, running, cleaning] = levels;
    ChannelPlan {
        tag,
        cold,
        stopped,
        running,
        cleaning,
        half_litre: 1.0,
        trial: 1.0,
        lag_s,
        noise,
        every_s: 1,
        analysed: false,
        source: None,
        effect: IncidentEffect::None,
    }
}

impl ChannelPlan {
    const fn half_litre(mut self, factor: f64) -> Self {
        self.half_litre = factor;
        self
    }

    const fn trial(mut self, factor: f64) -> Self {
        self.trial = factor;
        self
    }

    const fn every_s(mut self, seconds: i64) -> Self {
        self.every_s = seconds;
        self
    }

    const fn analysed(mut self) -> Self {
        self.analysed = true;
        self
    }

    const fn source(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }

    const fn effect(mut self, effect: IncidentEffect) -> Self {
        self.effect = effect;
        self
    }
}

/// In bottles per hour; the line fills smaller bottles faster.
const fn speed() -> ChannelPlan {
    channel("speed", [0.0, 0.0, 18_000.0, 0.0], 12.0, 60.0).half_litre(1.35).trial(0.6)
}

/// In mm/s, effective value.
const fn vibration(running: f64) -> ChannelPlan {
    channel("vibration", [0.1, 0.1, running, 0.3], 6.0, 0.22).half_litre(1.1).analysed()
}

/// In kW.
const fn power(stopped: f64, running: f64) -> ChannelPlan {
    channel("power", [stopped, stopped, running, stopped + 1.0], 5.0, 0.12).half_litre(1.08)
}

/// A plan of a machine: its measured tags, besides `machine_state`, `product`, `maintenance_mode` and `door_open`,
/// which all have.
#[derive(Debug)]
pub(crate) struct MachinePlan {
    pub(crate) equipment: &'static str,
    pub(crate) gateway: Source,
    /// Carries product or water, and is therefore cleaned at a product change.
    pub(crate) wet: bool,
    pub(crate) channels: &'static [ChannelPlan],
}

pub(crate) const RINSER: &str = "rinser-1";
pub(crate) const FILLER: &str = "filler-1";
pub(crate) const CAPPER: &str = "capper-1";
pub(crate) const LABELER: &str = "labeler-1";
pub(crate) const PACKER: &str = "packer-1";
pub(crate) const PALLETIZER: &str = "palletizer-1";

/// The temperature of the labeler's glue (°C) that the flapping sensor jumps around.
pub(crate) const GLUE_LIMIT: f64 = 165.0;

/// In the order in which the bottles pass.
pub(crate) static LINE: [MachinePlan; 8] = [
    MachinePlan {
        equipment: "depalletizer-1",
        gateway: Source::Gateway1,
        wet: false,
        channels: &[
            speed(),
            power(1.2, 7.5),
            vibration(1.6),
            channel("temperature", [18.0, 24.0, 46.0, 24.0], 420.0, 0.2).every_s(2),
        ],
    },
    MachinePlan {
        equipment: RINSER,
        gateway: Source::Gateway1,
        wet: true,
        channels: &[
            speed(),
            power(0.8, 5.2),
            channel("pressure", [0.9, 1.2, 3.2, 2.4], 8.0, 0.05).effect(IncidentEffect::DeadPressure),
            channel("water_temperature", [16.0, 30.0, 42.0, 60.0], 140.0, 0.2),
        ],
    },
    MachinePlan {
        equipment: FILLER,
        gateway: Source::Gateway1,
        wet: true,
        channels: &[
            speed(),
            power(2.5, 22.0),
            vibration(2.0),
            // Cleaning is hotter than filling, but under less pressure.
            channel("water_temperature", [18.0, 64.0, 71.0, 84.0], 150.0, 0.25)
                .effect(IncidentEffect::Overheating),
            channel("pressure", [0.8, 1.0, 4.6, 2.5], 10.0, 0.06),
            channel("fill_level", [20.0, 55.0, 62.0, 40.0], 60.0, 0.12).effect(IncidentEffect::Leak),
        ],
    },
    MachinePlan {
        equipment: CAPPER,
        gateway: Source::Gateway1,
        wet: true,
        channels: &[
            power(0.9, 6.4),
            speed().source(Source::CapperDrive),
            vibration(1.8).source(Source::CapperDrive),
            // In Nm; nothing is tightened while the machine stands.
            channel("torque", [0.0, 0.0, 2.4, 0.0], 2.0, 0.05)
                .half_litre(0.9)
                .source(Source::CapperDrive)
                .effect(IncidentEffect::BadTorque),
            channel("temperature", [18.0, 24.0, 52.0, 28.0], 500.0, 0.2)
                .every_s(2)
                .source(Source::CapperDrive),
        ],
    },
    MachinePlan {
        equipment: LABELER,
        gateway: Source::Gateway2,
        wet: false,
        channels: &[
            speed(),
            power(1.5, 4.8),
            vibration(1.1),
            // Of the glue.
            channel("temperature", [20.0, 150.0, 152.0, 150.0], 160.0, 0.3)
                .effect(IncidentEffect::JumpingGlue),
            channel("fill_level", [70.0, 70.0, 68.0, 70.0], 400.0, 0.15).every_s(2),
        ],
    },
    MachinePlan {
        equipment: "inspector-1",
        gateway: Source::Gateway2,
        wet: false,
        channels: &[
            speed(),
            power(0.9, 2.1),
            channel("temperature", [19.0, 28.0, 38.0, 28.0], 300.0, 0.15),
            // Bottles sorted out, per minute.
            channel("rejects", [0.0, 0.0, 3.0, 0.0], 10.0, 0.6).half_litre(1.3),
        ],
    },
    MachinePlan {
        equipment: PACKER,
        gateway: Source::Gateway2,
        wet: false,
        channels: &[
            speed(),
            power(1.4, 8.1),
            vibration(2.1),
            // Of the air for the grippers.
            channel("pressure", [5.2, 6.0, 6.2, 6.0], 20.0, 0.05),
        ],
    },
    MachinePlan {
        equipment: PALLETIZER,
        gateway: Source::Gateway2,
        wet: false,
        channels: &[
            speed(),
            power(1.8, 12.0),
            vibration(2.2).effect(IncidentEffect::Bearing),
            channel("temperature", [18.0, 24.0, 48.0, 24.0], 450.0, 0.2).every_s(2),
            channel("pressure", [5.4, 6.1, 6.3, 6.1], 20.0, 0.05),
        ],
    },
];
