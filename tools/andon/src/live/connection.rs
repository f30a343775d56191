//! Which system a command talks to.

use std::future::Future;

use andon_aws::{Aws, Config};
use andon_local::NAMES;

use super::local::record::{self, Running};
use crate::failure::Failure;
use crate::format::FormatArgument;
use crate::terminal::Terminal;

/// Which system to talk to; without any of these, the one that `andon local up` runs.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Which system")]
pub(crate) struct Connection {
    /// The address of an emulator, or of a private endpoint.
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// The AWS region.
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Names begin with this: stream `PREFIX-points`, tables `PREFIX-state`, .. [default: as ANDON_* variables say, or `andon`].
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
    /// AWS, as its own tools find it, even if a local system runs.
    #[arg(long, conflicts_with = "endpoint")]
    aws: bool,
}

/// The options of a command that shows something of a running system.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct SystemArguments {
    #[command(flatten)]
    pub(crate) format: FormatArgument,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// A system to talk to.
pub(crate) struct System {
    pub(crate) aws: Aws,
    pub(crate) config: Config,
    /// The queue that the local system's state changes go to.
    pub(crate) changes_queue: Option<String>,
}

/// Variables of AWS that name a system of their own.
const ENDPOINT: &str = "AWS_ENDPOINT_URL";

/// The variables that a command goes by, what it talks to in words, and the local system's queue.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) vars: Vec<(String, String)>,
    pub(super) said: String,
    pub(super) changes_queue: Option<String>,
}

impl Connection {
    /// Chooses: what the command line says, then what variables say, then the local system that runs.
    pub(super) fn choose(
        &self,
        vars: Vec<(String, String)>,
        running: Option<Running>,
    ) -> Result<Choice, Failure> {
        let set = |name: &str| vars.iter().any(|(known, value)| known == name && !value.is_empty());
        let named = self.endpoint.is_some()
            || self.region.is_some()
            || self.prefix.is_some()
            || self.aws
            || set(ENDPOINT)
            || NAMES.iter().any(|(name, _)| set(name));
        if !named {
            let running = running.ok_or_else(|| {
                Failure::Message(
                    "no local system is running and no other one is named; start one (andon local up), or name one: \
                     --aws, --region, --prefix, --endpoint, or ANDON_* variables"
                        .to_owned(),
                )
            })?;
            let said = format!("the local system at {}", running.endpoint);
            // Its own settings alone: what the shell says is about something else.
            return Ok(Choice { vars: running.vars, said, changes_queue: Some(running.changes_queue) });
        }
        let mut vars = vars;
        let mut put = |name: &str, value: String| {
            vars.retain(|(known, _)| known != name);
            vars.push((name.to_owned(), value));
        };
        if self.aws {
            put(ENDPOINT, String::new());
        }
        if let Some(endpoint) = &self.endpoint {
            put(ENDPOINT, endpoint.clone());
        }
        if let Some(region) = &self.region {
            put("AWS_REGION", region.clone());
        }
        if let Some(prefix) = &self.prefix {
            for (name, end) in NAMES {
                put(name, format!("{prefix}{end}"));
            }
        }
        let get = |vars: &[(String, String)], name: &str| {
            vars.iter()
                .find(|(known, value)| known == name && !value.is_empty())
                .map(|(_, value)| value.clone())
        };
        let endpoint = get(&vars, ENDPOINT);
        if endpoint.as_deref().is_some_and(is_loopback) {
            // An emulator asks for some, and takes any.
            for (name, value) in [
                ("AWS_ACCESS_KEY_ID", "test"),
                ("AWS_SECRET_ACCESS_KEY", "test"),
                ("AWS_REGION", "us-east-1"),
            ] {
                if get(&vars, name).is_none() {
                    vars.push((name.to_owned(), value.to_owned()));
                }
            }
        }
        let region = get(&vars, "AWS_REGION").or_else(|| get(&vars, "AWS_DEFAULT_REGION"));
        let stream = get(&vars, "ANDON_STREAM").unwrap_or_else(|| "andon-points".to_owned());
        let place = match (endpoint, region) {
            (Some(endpoint), _) => endpoint,
            (None, Some(region)) => format!("AWS, region {region}"),
            (None, None) => "AWS, in the region of its configuration".to_owned(),
        };
        Ok(Choice { vars, said: format!("the system of `{stream}` at {place}"), changes_queue: None })
    }
}

/// Whether an address is on this machine.
fn is_loopback(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    ["localhost", "127.", "[::1]"].iter().any(|loopback| host.starts_with(loopback))
}

/// Runs a command's work with the system that it is for, on a runtime of its own.
pub(crate) fn with_system<F>(
    connection: &Connection,
    terminal: &Terminal,
    work: impl FnOnce(System) -> F,
) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let choice = connection.choose(super::variables(), record::running())?;
    terminal.say(&format!("Talking to {}.", choice.said));
    let config = Config::from_vars(choice.vars).map_err(|error| Failure::Usage(error.to_string()))?;
    super::runtime()?.block_on(async {
        let aws = Aws::connect(&config).await;
        work(System { aws, config, changes_queue: choice.changes_queue }).await
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(vars: &[(&str, &str)]) -> Vec<(String, String)> {
        vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn running() -> Option<Running> {
        Some(Running {
            pid: 1,
            since: 0,
            endpoint: "http://127.0.0.1:4711".to_owned(),
            vars: vars(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:4711"), ("AWS_REGION", "us-east-1")]),
            changes_queue: "changes".to_owned(),
        })
    }

    fn var(choice: &Choice, name: &str) -> Option<String> {
        choice.vars.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    #[test]
    fn what_is_named_goes_before_the_local_system() {
        let choose =
            |connection: Connection, set: &[(&str, &str)]| connection.choose(vars(set), running()).unwrap();
        let aws = vec![("AWS_REGION", "eu-central-1"), ("AWS_ACCESS_KEY_ID", "mine")];
        let choice = choose(Connection::default(), &aws);
        assert_eq!(choice.said, "the local system at http://127.0.0.1:4711");
        assert_eq!(var(&choice, "AWS_ACCESS_KEY_ID"), None);
        let choice = choose(Connection { aws: true, ..Connection::default() }, &aws);
        assert_eq!(choice.said, "the system of `andon-points` at AWS, region eu-central-1");
        let choice = choose(Connection::default(), &[("ANDON_STREAM", "plant-7")]);
        assert_eq!(choice.said, "the system of `plant-7` at AWS, in the region of its configuration");
        let endpoint = Some("http://localhost:4566".to_owned());
        let choice =
            choose(Connection { endpoint, prefix: Some("x".to_owned()), ..Connection::default() }, &[]);
        assert_eq!(choice.said, "the system of `x-points` at http://localhost:4566");
        assert_eq!(var(&choice, "ANDON_BUS").as_deref(), Some("x"));
        assert_eq!(var(&choice, "AWS_ACCESS_KEY_ID").as_deref(), Some("test"));
    }

    #[test]
    fn without_any_system_it_says_how_to_get_or_name_one() {
        let chosen = Connection::default().choose(vars(&[("AWS_REGION", "eu-central-1")]), None);
        let Err(Failure::Message(message)) = chosen else { panic!("expected a sentence, not {chosen:?}") };
        assert!(message.contains("andon local up") && message.contains("--aws"), "{message}");
    }

    #[test]
    fn credentials_are_made_up_for_this_machine_only() {
        let connection =
            Connection { endpoint: Some("https://10.0.0.7".to_owned()), ..Connection::default() };
        assert_eq!(var(&connection.choose(Vec::new(), None).unwrap(), "AWS_ACCESS_KEY_ID"), None);
    }
}
