//! The Lambda function `publish`.

use std::process::ExitCode;

use andon_aws::Aws;
use andon_publish::Publish;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    andon_runtime::run(async |config| Ok(Publish::new(Aws::connect(config).await))).await
}
