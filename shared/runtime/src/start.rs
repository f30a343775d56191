//! The report of a function that cannot start.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// The variables that Lambda and its emulators set; without them `lambda_runtime` panics.
const VARIABLES: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
];

/// Timeout of the runtime API.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(5);

/// Returns a message if this process was not started as a function.
pub(crate) fn missing_variables() -> Option<String> {
    let missing: Vec<&str> =
        VARIABLES.into_iter().filter(|variable| std::env::var_os(variable).is_none()).collect();
    (!missing.is_empty()).then(|| {
        format!(
            "this is a Lambda function, to be started by Lambda or by `andon local up`: there is no `{}` in the environment",
            missing.join("`, `")
        )
    })
}

/// Reports to Lambda why the function cannot start. Lambda returns the reason to its callers.
pub(crate) fn report(reason: &str) {
    if let Ok(host) = std::env::var("AWS_LAMBDA_RUNTIME_API") {
        // The reason is in the log as well.
        let _ = post(&host, reason);
    }
}

fn post(host: &str, reason: &str) -> io::Result<()> {
    let body = serde_json::json!({"errorType": "Andon.Start", "errorMessage": reason}).to_string();
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(STARTUP_TIMEOUT))?;
    stream.set_write_timeout(Some(STARTUP_TIMEOUT))?;
    let request = format!(
        "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Lambda-Runtime-Function-Error-Type: Andon.Start\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes())?;
    // The answer has no content; its end confirms the report.
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn lambda_hears_why_a_function_cannot_start() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let heard = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = vec![0; 4096];
            let mut length = 0;
            while !heard[..length].ends_with(b"}") {
                length += stream.read(&mut heard[length..]).unwrap();
            }
            stream.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").unwrap();
            String::from_utf8(heard[..length].to_vec()).unwrap()
        });
        post(&host, "`ANDON_PARALLELIZATION_FACTOR` is `many`; expected a number").unwrap();
        let heard = heard.join().unwrap();
        assert!(heard.starts_with("POST /2018-06-01/runtime/init/error HTTP/1.1\r\n"), "{heard}");
        assert!(heard.ends_with(
            r#"{"errorMessage":"`ANDON_PARALLELIZATION_FACTOR` is `many`; expected a number","errorType":"Andon.Start"}"#
        ));
    }
}
