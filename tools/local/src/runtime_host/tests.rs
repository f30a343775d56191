//! This test binary itself is the function: `acts_as_a_function` speaks the runtime API by hand.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use super::*;

fn request(method: &str, path: &str, body: &str) -> (BTreeMap<String, String>, String) {
    let address = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    let mut stream = TcpStream::connect(&address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut reader = BufReader::new(stream);
    let mut head = BTreeMap::new();
    for line in reader.by_ref().lines().map(Result::unwrap).skip(1).take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap();
        head.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = String::new();
    reader.read_to_string(&mut body).unwrap();
    (head, body)
}

#[test]
fn acts_as_a_function() {
    let Ok(name) = std::env::var("AWS_LAMBDA_FUNCTION_NAME") else { return };
    if name == "broken" {
        request("POST", "init/error", r#"{"errorMessage":"no table"}"#);
        std::process::exit(3);
    }
    loop {
        let (head, event) = request("GET", "invocation/next", "");
        let id = &head["lambda-runtime-aws-request-id"];
        println!("got {event}");
        match event.as_str() {
            "die" => std::process::exit(1),
            "sleep" => std::thread::sleep(Duration::from_secs(60)),
            "fail" => {
                request("POST", &format!("invocation/{id}/error"), r#"{"errorMessage":"no"}"#);
            }
            _ => {
                let answer = format!("{} {event} {}", std::process::id(), std::env::var("A").unwrap());
                request("POST", &format!("invocation/{id}/response"), &answer);
            }
        }
    }
}

fn host(name: &str, listener: Listener) -> RuntimeHost {
    let function = Function {
        name: name.to_owned(),
        program: std::env::current_exe().unwrap(),
        arguments: ["--exact", "runtime_host::tests::acts_as_a_function", "--nocapture"]
            .map(str::to_owned)
            .to_vec(),
        variables: BTreeMap::from([("A".to_owned(), "b".to_owned())]),
        timeout: Duration::from_secs(2),
        memory_mb: 128,
    };
    RuntimeHost::new([function], listener)
}

fn pid(answer: &[u8]) -> u32 {
    str::from_utf8(answer).unwrap().split_once(' ').unwrap().0.parse().unwrap()
}

fn is_there(pid: u32) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
}

#[tokio::test]
async fn a_process_serves_one_event_after_another_and_ends_with_its_host() {
    let host = host("test", Listener::silent());
    let first = host.invoke("test", b"one".to_vec()).await.unwrap();
    let second = host.invoke("test", b"two".to_vec()).await.unwrap();
    assert!(String::from_utf8(second.clone()).unwrap().ends_with(" two b"));
    assert_eq!(pid(&first), pid(&second));
    drop(host);
    assert!(!is_there(pid(&first)));
}

#[tokio::test]
async fn events_at_the_same_time_go_to_several_processes() {
    let host = host("test", Listener::silent());
    let (one, other) =
        tokio::join!(host.invoke("test", b"one".to_vec()), host.invoke("test", b"two".to_vec()));
    assert_ne!(pid(&one.unwrap()), pid(&other.unwrap()));
}

#[tokio::test]
async fn a_process_that_ends_fails_its_event_and_another_takes_its_place() {
    let host = host("test", Listener::silent());
    let first = host.invoke("test", b"one".to_vec()).await.unwrap();
    assert!(matches!(host.invoke("test", b"die".to_vec()).await, Err(InvokeError::Died(_))));
    let second = host.invoke("test", b"one".to_vec()).await.unwrap();
    assert_ne!(pid(&first), pid(&second));
}

#[tokio::test]
async fn an_error_is_an_answer_and_its_process_is_kept() {
    let host = host("test", Listener::silent());
    let first = host.invoke("test", b"one".to_vec()).await.unwrap();
    let failed = host.invoke("test", b"fail".to_vec()).await;
    assert_eq!(failed, Err(InvokeError::Failed(r#"{"errorMessage":"no"}"#.to_owned())));
    assert_eq!(pid(&first), pid(&host.invoke("test", b"one".to_vec()).await.unwrap()));
}

#[tokio::test]
async fn an_event_that_takes_too_long_kills_its_process() {
    let host = host("test", Listener::silent());
    let first = host.invoke("test", b"one".to_vec()).await.unwrap();
    let slow = host.invoke("test", b"sleep".to_vec()).await;
    assert_eq!(slow, Err(InvokeError::TimedOut(Duration::from_secs(2))));
    assert!(!is_there(pid(&first)));
}

#[tokio::test]
async fn a_process_can_be_killed_while_it_works() {
    let host = host("test", Listener::silent());
    let first = host.invoke("test", b"one".to_vec()).await.unwrap();
    let killed = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        host.kill_invoking("test");
    };
    let (answer, ()) = tokio::join!(host.invoke("test", b"sleep".to_vec()), killed);
    assert_eq!(answer, Err(InvokeError::Died("killed".to_owned())));
    assert!(!is_there(pid(&first)));
}

#[tokio::test]
async fn a_function_that_cannot_start_reports_its_reason() {
    let host = host("broken", Listener::silent());
    let Err(InvokeError::NotStarted(reason)) = host.invoke("broken", Vec::new()).await else {
        panic!("it has started");
    };
    assert!(reason.contains("exit status: 3") && reason.contains("no table"), "{reason}");
}

#[tokio::test]
async fn a_listener_receives_lines_and_starts() {
    let events = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&events);
    let host = host("test", Listener::new(move |event| told.lock().unwrap().push(event)));
    host.invoke("test", b"one".to_vec()).await.unwrap();
    drop(host);
    let events = events.lock().unwrap();
    assert!(events.iter().any(|event| matches!(event, Event::Started { .. })));
    assert!(events.iter().any(|event| matches!(event, Event::Invoked { error: None, .. })));
    assert!(events.iter().any(|event| matches!(event, Event::Line { line, .. } if line == "got one")));
}
