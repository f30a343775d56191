//! Hosts models as endpoints of SageMaker, and nothing else: `cargo run -p andon-local --example models -- ENDPOINT=FILE..`
//! prints where it answers (for `AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME` of its clients), and runs until it is ended.

#![allow(clippy::print_stdout, reason = "this is what the example is for")]

use std::error::Error;

use andon_local::models::ModelServer;
use andon_models::Model;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut models = Vec::new();
    for argument in std::env::args().skip(1) {
        let Some((endpoint, file)) = argument.split_once('=') else {
            return Err(format!("`{argument}`: expected ENDPOINT=FILE").into());
        };
        let model = std::fs::read(file).map_err(|error| format!("`{file}`: {error}"))?;
        let model = Model::read(&model).map_err(|error| format!("`{file}`: {error}"))?;
        models.push((endpoint.to_owned(), model));
    }
    let server = ModelServer::start(models, None).await?;
    println!("{}", server.url());
    std::future::pending::<()>().await;
    Ok(())
}
