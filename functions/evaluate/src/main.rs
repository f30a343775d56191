//! The Lambda function `evaluate`.

use std::process::ExitCode;

use andon_aws::Aws;
use andon_evaluate::Evaluate;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    andon_runtime::run(async |config| {
        let aws = Aws::connect(config).await;
        let trust = aws.authenticator().await?;
        Ok(Evaluate::new(aws, config.evaluate_settings(), trust))
    })
    .await
}
