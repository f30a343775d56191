use super::*;

fn read(vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_vars(vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

#[test]
fn without_variables_the_settings_are_the_defaults() {
    let config =
        read(&[("PATH", "/bin"), ("ANDON_STREAM", ""), ("ANDON_PARALLELIZATION_FACTOR", " ")]).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.evaluate_settings(), EvaluateSettings::new("andon-points"));
    assert_eq!(config.tick_settings(), TickSettings::default());
    assert_eq!(config.keep_sets(), KeepSets::default());
}

/// A value for every variable.
const EVERY_VARIABLE: [(&str, &str); 30] = [
    ("AWS_REGION", "eu-central-1"),
    ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
    ("AWS_ACCESS_KEY_ID", "id"),
    ("AWS_SECRET_ACCESS_KEY", "secret"),
    ("AWS_SESSION_TOKEN", "token"),
    ("ANDON_STREAM", "s"),
    ("ANDON_STATE_TABLE", "state"),
    ("ANDON_OUTBOX_TABLE", "outbox"),
    ("ANDON_CHECKPOINTS_TABLE", "checkpoints"),
    ("ANDON_RULES_TABLE", "rules"),
    ("ANDON_BUCKET", "a.bucket-1"),
    ("ANDON_BUS", "default"),
    ("ANDON_FAILURES_QUEUE", "https://sqs.eu-central-1.amazonaws.com/1/failures"),
    ("ANDON_INTERNAL_KEY", KEY),
    ("ANDON_INTERNAL_KEY_OLD", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
    ("ANDON_PARALLELIZATION_FACTOR", "10"),
    ("ANDON_NEW_KEYS_PER_BATCH", "7"),
    ("ANDON_STATE_TTL", "60d"),
    ("ANDON_OUTBOX_TTL", "2d12h"),
    ("ANDON_STREAM_RETENTION", "7d"),
    ("ANDON_CHECKPOINT_INTERVAL", "500ms"),
    ("ANDON_TICK_INTERVAL", "1s"),
    ("ANDON_CALL_TIMEOUT", "2s"),
    ("ANDON_SCORE_REQUESTS_QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/1/score-requests"),
    ("ANDON_ENRICH_CONCURRENCY", "200"),
    ("ANDON_ASYNC_BUCKET", "async-1"),
    ("ANDON_ASYNC_PREFIX", "in/"),
    ("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "http://127.0.0.1:8080"),
    ("ANDON_LOG_LEVEL", "WARN"),
    ("ANDON_SHARDS", "4"),
];

#[test]
fn every_variable_is_read() {
    let config = read(&EVERY_VARIABLE).unwrap();
    let key: Vec<u8> = (0..32).collect();
    let expected = Config {
        region: Some("eu-central-1".to_owned()),
        endpoint: Some("http://127.0.0.1:4566".to_owned()),
        credentials: Some(Credentials {
            access_key_id: "id".to_owned(),
            secret_access_key: Secret::new("secret"),
            session_token: Some(Secret::new("token")),
        }),
        names: ResourceNames {
            stream: "s".to_owned(),
            state_table: "state".to_owned(),
            outbox_table: "outbox".to_owned(),
            checkpoints_table: "checkpoints".to_owned(),
            rules_table: "rules".to_owned(),
            bucket: "a.bucket-1".to_owned(),
            bus: "default".to_owned(),
            failures_queue: "https://sqs.eu-central-1.amazonaws.com/1/failures".to_owned(),
        },
        internal_key: Some(Secret::new(key.clone())),
        internal_key_old: Some(Secret::new(key)),
        internal_key_secret: None,
        parallelization_factor: 10,
        new_keys_per_batch: 7,
        state_ttl_ms: 60 * DAY_MS,
        outbox_ttl_ms: 60 * HOUR_MS,
        stream_retention_ms: 7 * DAY_MS,
        checkpoint_interval_ms: 500,
        tick_interval_ms: 1000,
        score_requests_queue: Some("https://sqs.eu-central-1.amazonaws.com/1/score-requests".to_owned()),
        enrich_concurrency: 200,
        async_bucket: Some("async-1".to_owned()),
        async_prefix: "in/".to_owned(),
        model_endpoint: Some("http://127.0.0.1:8080".to_owned()),
        call_timeout_ms: 2000,
        log_level: Level::Warn,
        shards: 4,
        meter: false,
    };
    assert_eq!(config, expected);
    assert_eq!(config.evaluate_settings().position_ttl_ms, 7 * DAY_MS + HOUR_MS);
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let error = read(&[
        ("AWS_ENDPOINT_URL", "localhost:4566"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("ANDON_STREAM", "no spaces"),
        ("ANDON_STATE_TABLE", "x"),
        ("ANDON_BUCKET", "Capitals"),
        ("ANDON_FAILURES_QUEUE", "a queue"),
        ("ANDON_INTERNAL_KEY", "c2hvcnQ="),
        ("ANDON_INTERNAL_KEY_OLD", "what?"),
        ("ANDON_PARALLELIZATION_FACTOR", "0"),
        ("ANDON_NEW_KEYS_PER_BATCH", "many"),
        ("ANDON_STATE_TTL", "30"),
        ("ANDON_OUTBOX_TTL", "90d"),
        ("ANDON_STREAM_RETENTION", "1h"),
        ("ANDON_TICK_INTERVAL", "2m"),
        ("ANDON_CALL_TIMEOUT", "0s"),
        ("ANDON_LOG_LEVEL", "loud"),
        ("ANDON_RULES_TABLE", "andon-checkpoints"),
    ])
    .unwrap_err();
    let expected = "\
`ANDON_STREAM` is `no spaces`; expected 1 to 128 letters, digits, `_`, `.` or `-`
`ANDON_STATE_TABLE` is `x`; expected 3 to 255 letters, digits, `_`, `.` or `-`
`ANDON_BUCKET` is `Capitals`; expected 3 to 63 small letters, digits, `.` or `-`
`ANDON_FAILURES_QUEUE` is `a queue`; expected 1 to 80 letters, digits, `_` or `-`, or the URL of a queue
`AWS_ENDPOINT_URL` is `localhost:4566`; expected a URL such as `http://127.0.0.1:4566`
`AWS_ACCESS_KEY_ID` is set and `AWS_SECRET_ACCESS_KEY` is not; expected both or none
`ANDON_INTERNAL_KEY` is a secret of 5 bytes; expected at least 32 bytes in base64 or hexadecimal
`ANDON_INTERNAL_KEY_OLD` is neither base64 nor hexadecimal (5 letters); expected at least 32 bytes in base64 or hexadecimal
`ANDON_PARALLELIZATION_FACTOR` is `0`; expected a whole number from 1 to 10
`ANDON_NEW_KEYS_PER_BATCH` is `many`; expected a whole number from 1 to 1000000
`ANDON_STATE_TTL` is `30`; expected a duration from `2h` to `3650d`, such as `30d`
`ANDON_STREAM_RETENTION` is `1h`; expected a duration from `1d` to `365d`, such as `1d`
`ANDON_TICK_INTERVAL` is `2m`; expected a duration from `100ms` to `1m`, such as `10s`
`ANDON_CALL_TIMEOUT` is `0s`; expected a duration from `100ms` to `10m`, such as `5s`
`ANDON_LOG_LEVEL` is `loud`; expected `error`, `warn`, `info` or `debug`
`ANDON_STATE_TTL` is `30d`; expected more than `ANDON_OUTBOX_TTL`, which is `90d`
`ANDON_CHECKPOINTS_TABLE` and `ANDON_RULES_TABLE` are both `andon-checkpoints`; expected a table of its own each";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_key_that_is_missing_says_how_to_make_one() {
    let error = Config::default().authenticator().unwrap_err().to_string();
    assert!(error.contains("ANDON_INTERNAL_KEY") && error.contains("openssl rand"), "{error}");
}

#[test]
fn a_key_is_given_as_such_or_as_a_secret_but_not_as_both() {
    let config = read(&[("ANDON_INTERNAL_KEY_SECRET", "andon/internal-key")]).unwrap();
    assert_eq!(config.internal_key_secret.as_deref(), Some("andon/internal-key"));
    let error = read(&[("ANDON_INTERNAL_KEY_SECRET", "andon/internal-key"), ("ANDON_INTERNAL_KEY", KEY)])
        .unwrap_err();
    assert!(error.to_string().contains("expected one of them"), "{error}");
}

#[test]
fn what_was_sealed_with_the_old_key_is_opened() {
    let old = read(&[("ANDON_INTERNAL_KEY", KEY)]).unwrap();
    let new = "ff".repeat(32);
    let rotated = read(&[("ANDON_INTERNAL_KEY", &new), ("ANDON_INTERNAL_KEY_OLD", KEY)]).unwrap();
    let sealed = old.authenticator().unwrap().seal("{}");
    assert!(rotated.authenticator().unwrap().open(sealed.as_bytes()).is_ok());
}

#[test]
fn secrets_are_not_shown() {
    let config = read(&[
        ("ANDON_INTERNAL_KEY", KEY),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "hush-hush"),
    ]);
    let shown = format!("{config:?}");
    assert!(!shown.contains("hush") && !shown.contains("0001") && !shown.contains("[0, 1"), "{shown}");
}

#[test]
fn a_key_is_read_in_hexadecimal_and_in_every_base64() {
    let bytes: Vec<u8> = (0..48).map(|index: u8| index.wrapping_mul(37)).collect();
    let mut hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    let standard = andon_workflows::base64::encode(&bytes);
    let url = standard.replace('+', "-").replace('/', "_");
    for text in [hex.as_str(), &standard, &url, standard.trim_end_matches('=')] {
        assert_eq!(Secret::from_text(text), Some(Secret::new(bytes.clone())), "{text}");
    }
    // An odd number of digits is no hexadecimal number of bytes.
    assert_eq!(Secret::from_text(&hex.split_off(1)), None);
}

#[test]
fn every_variable_is_documented() {
    let document = include_str!("../../../../docs/aws.md");
    let mut missing = Vec::new();
    for source in [include_str!("mod.rs"), include_str!("vars.rs")] {
        let quoted = source.split('"').filter(|text| text.starts_with("ANDON_"));
        missing.extend(quoted.filter(|name| !document.contains(&format!("| `{name}` |"))));
    }
    assert!(missing.is_empty(), "not in docs/aws.md: {missing:?}");
}
