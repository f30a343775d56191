//! Commands over a running system: options, messages and tables. The work itself is in `andon_workflows`, over ports.

mod change;
mod connection;
mod deploy_check;
mod local;
mod republish;
mod rules;
mod send;
mod status;
mod table;
mod unpark;
mod watch;

use std::future::Future;

use andon_workflows::ports::PortError;
use clap::Subcommand;

use crate::failure::Failure;
use crate::terminal::Terminal;
use andon_domain::text::escape_control_chars;

#[derive(Subcommand)]
pub(crate) enum Command {
    Local(local::Arguments),
    Rules(rules::Arguments),
    Send(send::Arguments),
    Watch(watch::Arguments),
    Status(status::Arguments),
    Unpark(unpark::Arguments),
    Republish(republish::Arguments),
    DeployCheck(deploy_check::Arguments),
}

pub(crate) fn run(command: &Command, terminal: &Terminal) -> Result<(), Failure> {
    match command {
        Command::Local(arguments) => local::run(arguments, terminal),
        Command::Rules(arguments) => rules::run(arguments, terminal),
        Command::Send(arguments) => send::run(arguments, terminal),
        Command::Watch(arguments) => watch::run(arguments, terminal),
        Command::Status(arguments) => status::run(arguments, terminal),
        Command::Unpark(arguments) => unpark::run(arguments, terminal),
        Command::Republish(arguments) => republish::run(arguments, terminal),
        Command::DeployCheck(arguments) => deploy_check::run(arguments, terminal),
    }
}

/// The environment, as far as it is text.
fn variables() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Message(format!("cannot start: {error}")))
}

/// Returns the outcome of the work, or `None` if Ctrl-C comes first.
async fn until_ctrl_c<T>(work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        outcome = work => Some(outcome),
        // Without a handler, Ctrl-C ends the process.
        Ok(()) = tokio::signal::ctrl_c() => None,
    }
}

/// Makes a failure of a port's error, with advice where there is any.
fn port_failure(error: PortError) -> Failure {
    Failure::Message(with_advice(&error.message))
}

/// Maximum characters of a service's message that are shown below the advice.
const SAID: usize = 200;

/// Frequent errors: words in the message, and the advice.
const ADVICE: [(&[&str], &str); 6] = [
    (
        &["refused", "dns error", "failed to lookup", "unreachable", "no answer in time", "connect error"],
        "no answer: is the system running, and reachable from here? (andon local status; --endpoint, --region)",
    ),
    (
        &["missing region", "region must be set", "no region", "invalid configuration: region"],
        "no AWS region is set: name it with --region, or AWS_REGION",
    ),
    (
        &["expiredtoken", "token has expired", "expired token", "token included in the request is expired"],
        "the AWS credentials have expired: get new ones",
    ),
    (
        &[
            "credential",
            "unrecognizedclient",
            "invalidaccesskeyid",
            "invalidclienttokenid",
            "signaturedoesnotmatch",
        ],
        "there are no valid AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; those of a \
         login are exported by: eval \"$(aws configure export-credentials --format env)\"",
    ),
    (
        &["accessdenied", "not authorized"],
        "these AWS credentials lack a permission: ask the owner of the account",
    ),
    (
        &["resourcenotfound", "nosuchbucket", "nonexistentqueue", "queuedoesnotexist"],
        "there is no such stream, table, bucket or queue: are the names right (--prefix, ANDON_*), and the region?",
    ),
];

/// Returns the message, below the advice where there is any.
fn with_advice(message: &str) -> String {
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let lower = message.to_lowercase();
    let known = ADVICE.iter().find(|(words, _)| words.iter().any(|word| lower.contains(word)));
    let Some((_, advice)) = known else { return escape_control_chars(&message) };
    let mut said: String = message.chars().take(SAID).collect();
    if message.chars().nth(SAID).is_some() {
        said.push('…');
    }
    format!("{advice}\n  {}", escape_control_chars(&said))
}

/// Runs a future over ports in memory.
#[cfg(test)]
fn at_once<T>(work: impl Future<Output = T>) -> T {
    runtime().unwrap().block_on(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_failure_is_shown_with_its_remedy() {
        for (message, advice) in [
            (
                "cannot read the rules: error trying to connect: tcp connect error: Connection refused (os error 111)",
                "andon local status",
            ),
            ("cannot read the rules: the credential provider was not enabled:\n  Environment", "AWS_PROFILE"),
            (
                "cannot read the rules: ExpiredTokenException: The security token included in the request is expired",
                "have expired",
            ),
            ("cannot read `x`: ResourceNotFoundException: Requested resource not found", "--prefix"),
        ] {
            assert!(with_advice(message).contains(advice), "{message}");
        }
        assert_eq!(with_advice("something\u{1b}else\n there"), "something\\u{1b}else there");
    }
}
