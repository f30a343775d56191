//! The Lambda function `tick`.

use std::process::ExitCode;

use andon_aws::Aws;
use andon_tick::Tick;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    andon_runtime::run(async |config| {
        let aws = Aws::connect(config).await;
        let seal = aws.authenticator().await?;
        Ok(Tick::new(aws, seal, config.tick_settings()))
    })
    .await
}
