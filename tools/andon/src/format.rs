//! The option that chooses between output for people and for programs.

use clap::ValueEnum;

/// The format of results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct FormatArgument {
    /// The format of the results.
    #[arg(id = "format", long = "format", value_enum, default_value = "text", value_name = "FORMAT")]
    pub(crate) value: Format,
}

/// A format of results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: JSON, one object per line.
    Json,
}
