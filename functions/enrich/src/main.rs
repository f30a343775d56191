//! The Lambda function `enrich`.

use std::process::ExitCode;

use andon_aws::{Aws, ConfigError};
use andon_enrich::Enrich;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    andon_runtime::run(async |config| {
        if config.score_requests_queue.is_none() {
            let mistake = "`ANDON_SCORE_REQUESTS_QUEUE_URL` is not set; expected the URL of the queue of score requests";
            return Err(ConfigError { mistakes: vec![mistake.to_owned()] });
        }
        let aws = Aws::connect(config).await;
        let seal = aws.authenticator().await?;
        Ok(Enrich::new(aws, seal, config.enrich_settings()))
    })
    .await
}
