//! `andon deploy-check`: whether this version can take over a running system.

mod render;

use andon_aws::setup::Inspected;
use andon_workflows::ports::{PortError, SetRef};
use andon_workflows::readiness::{SetReadiness, StatesReadiness, rule_sets, states};
use serde::Serialize;

use super::connection::{SystemArguments, with_system};
use crate::failure::Failure;
use crate::format::Format;
use crate::terminal::{self, Terminal};

/// Check, before a deployment, whether this version can take over a running system. Changes nothing.
///
/// Inspects stream, tables, bucket, bus and queues; compiles every rule set that states and records may still need; checks
/// that score requests can be sent; and unpacks the states of machines, all with the code of this version. Run it with the
/// `andon` built from the version to deploy. Resources that cannot be read are findings too, with the permission that the
/// caller lacks. The permissions of the functions are checked with the template (`npm test` in infra).
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  andon deploy-check
  andon deploy-check --states 1000000 --format json

Exit codes: 0 this version can take over; 1 something would break, or cannot be read; 2 the command
line was not understood.")]
pub(crate) struct Arguments {
    /// Maximum machines whose states are read. Each costs half a read unit or more.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    states: u64,
    #[command(flatten)]
    system: SystemArguments,
}

/// The findings.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    version: &'static str,
    ready: bool,
    resources: Vec<Resource>,
    rule_sets: Vec<RuleSet>,
    /// Absent where the rules, without which states mean nothing, could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    states: Option<States>,
    /// Resources that could not be read.
    failures: Vec<String>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Resource {
    what: String,
    wrong: Vec<String>,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleSet {
    start: i64,
    rules: u64,
    problems: Vec<String>,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct States {
    looked_at: u64,
    more: bool,
    rewritten: u64,
    parked: u64,
    unreadable: Vec<Unreadable>,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Unreadable {
    equipment_id: String,
    reason: String,
}

impl Report {
    fn resources(&mut self, inspected: Vec<Inspected>) {
        self.resources =
            inspected.into_iter().map(|Inspected { what, wrong }| Resource { what, wrong }).collect();
    }

    fn rule_sets(&mut self, sets: Vec<SetReadiness>, has_score_request_queue: bool) {
        let newest = sets.last().map_or(0, |set| set.set.start_ms);
        let sets = sets.into_iter().map(|SetReadiness { set, mut problems, endpoints }| {
            let SetRef { start_ms, rules, .. } = set;
            // Older sets send no more score requests.
            if start_ms == newest && !endpoints.is_empty() && !has_score_request_queue {
                problems.push(format!(
                    "they call `{}`, and there is no queue for score requests (`ANDON_SCORE_REQUESTS_QUEUE_URL`): no model \
                     would be called; deploy with `models.endpoints`, and export the variables anew",
                    endpoints.join("`, `")
                ));
            }
            RuleSet { start: start_ms, rules, problems }
        });
        self.rule_sets = sets.collect();
    }

    fn states(&mut self, found: Result<StatesReadiness, PortError>) {
        match found {
            Ok(StatesReadiness { inspected: looked_at, more, rewritten, parked, unreadable }) => {
                let unreadable = unreadable
                    .into_iter()
                    .map(|(equipment_id, reason)| Unreadable { equipment_id, reason })
                    .collect();
                self.states = Some(States { looked_at, more, rewritten, parked, unreadable });
            }
            Err(error) => self.failures.push(error.message),
        }
    }

    /// Whether nothing would break, as far as could be seen.
    fn conclude(&mut self) {
        self.ready = self.failures.is_empty()
            && self.resources.iter().all(|resource| resource.wrong.is_empty())
            && self.rule_sets.iter().all(|set| set.problems.is_empty())
            && self.states.as_ref().is_none_or(|states| states.unreadable.is_empty());
    }
}

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<(), Failure> {
    with_system(&arguments.system.connection, terminal, async |system| {
        let mut report = Report { version: env!("CARGO_PKG_VERSION"), ..Report::default() };
        report.resources(system.aws.inspect().await);
        match rule_sets(&system.aws).await {
            Ok((pointer, sets)) => {
                report.rule_sets(sets, system.config.score_requests_queue.is_some());
                let progress = terminal.steps(arguments.states);
                progress.set_message("states");
                let found =
                    states(&system.aws, &pointer, arguments.states, |count| progress.set_position(count))
                        .await;
                progress.finish_and_clear();
                report.states(found);
            }
            Err(error) => report.failures.push(error.message),
        }
        report.conclude();
        match arguments.system.format.value {
            Format::Text => terminal::print(&render::text(&report, terminal))?,
            Format::Json => {
                let json =
                    serde_json::to_string(&report).map_err(|error| Failure::Message(error.to_string()))?;
                terminal::print(&format!("{json}\n"))?;
            }
        }
        if report.ready { Ok(()) } else { Err(Failure::AlreadyPrinted) }
    })
}
