//! Authentication of internal messages.

use super::*;
use crate::{KeyError, OpenError};

const TICK: &str = r#"{"equipmentId":"e","tick":true}"#;
const SCORE: &str =
    r#"{"timestamp":5,"equipmentId":"e","tag":"ml.anomaly","value":1,"meta":{"flags":["Drv"]}}"#;
const KEY: [u8; 32] = [b'k'; 32];

fn trust() -> Authenticator {
    Authenticator::new(&KEY).unwrap()
}

fn with_trust(message: &str, trust: Option<&Authenticator>) -> (String, String) {
    let (mut outcomes, mut details) = read(&[message.as_bytes()], trust);
    (outcomes.remove(0).join("; "), details.pop().unwrap_or_default())
}

#[test]
fn a_sealed_message_has_the_form_that_is_promised() {
    // The MAC was made with Python's hmac.
    let expected =
        r#"{"auth":"F5svcTsvc7Ablht4sWcllyH57EcQ3WKxVI4mU9n8aMg","data":{"equipmentId":"e","tick":true}}"#;
    assert_eq!(trust().seal(TICK), expected);
    assert_eq!(trust().open(expected.as_bytes()), Ok(TICK.as_bytes()));
}

#[test]
fn ticks_and_scores_count_only_where_they_are_sealed() {
    let trust = trust();
    let plain_tag = SCORE.replace("ml.anomaly", "anomaly");
    let no_flag = SCORE.replace(r#","meta":{"flags":["Drv"]}"#, "");
    let general = SCORE.replace(',', ", ");
    for (message, outcome) in [
        (TICK, "#0 e tick"),
        (SCORE, "#0 e = 1"),
        (&plain_tag, "#0 e = 1"),
        (&no_flag, "#0 e = 1"),
        (&general, "#0 e = 1"),
    ] {
        assert_eq!(with_trust(message, Some(&trust)).0, "#0 forged x1", "{message}");
        assert_eq!(with_trust(message, None).0, "#0 forged x1", "{message}");
        let sealed = trust.seal(message);
        assert_eq!(with_trust(&sealed, Some(&trust)).0, outcome, "{message}");
        assert_eq!(with_trust(&format!(" {sealed} \r\n"), Some(&trust)).0, outcome, "{message}");
        let (refused, detail) = with_trust(&sealed, None);
        assert_eq!(refused, "#0 forged x1", "{message}");
        assert!(detail.contains("no key is configured"), "{detail}");
    }
}

#[test]
fn of_a_list_only_the_forged_points_are_refused() {
    let list = format!("[{},{SCORE},{}]", point("e", 1), point("e", 2));
    let (outcome, detail) = with_trust(&list, Some(&trust()));
    assert_eq!(outcome, "#0 e = 1,2; #0 forged x1");
    assert!(detail.contains("tag `ml.anomaly`, timestamp 5"), "{detail}");
    assert_eq!(with_trust(&trust().seal(&list), Some(&trust())).0, "#0 e = 1,1,2");
    assert_eq!(with_trust(&format!("[{SCORE}]"), None).0, "#0 forged x1");
}

#[test]
fn any_change_of_a_sealed_message_is_noticed() {
    let trust = trust();
    let sealed = trust.seal(TICK);
    for at in 0..sealed.len() {
        for change in [1, 2, 0x20] {
            let mut changed = sealed.clone().into_bytes();
            changed[at] ^= change;
            assert!(trust.open(&changed).is_err(), "byte {at}");
            let Ok(changed) = String::from_utf8(changed) else { continue };
            let outcome = with_trust(&changed, Some(&trust)).0;
            assert!(!outcome.contains("tick"), "{changed}: {outcome}");
        }
    }
    for cut in 0..sealed.len() {
        assert!(trust.open(&sealed.as_bytes()[..cut]).is_err());
    }
}

#[test]
fn the_seal_of_one_message_does_not_open_another() {
    let trust = trust();
    let other = trust.seal(TICK).replace(r#""e""#, r#""f""#);
    assert_eq!(trust.open(other.as_bytes()), Err(OpenError::Forged));
    assert_eq!(with_trust(&other, Some(&trust)).0, "#0 forged x1");
    let nested = trust.seal(TICK).replace(TICK, &format!(r#"{TICK},"data":{SCORE}"#));
    assert_eq!(with_trust(&nested, Some(&trust)).0, "#0 forged x1");
}

#[test]
fn keys_are_rotated_by_opening_with_several() {
    let (old, new) = (trust(), Authenticator::new(&[7; 40]).unwrap());
    let both = Authenticator::new(&[7; 40]).unwrap().and_opens(&KEY).unwrap();
    assert_eq!(both.seal(TICK), new.seal(TICK));
    for sealed in [old.seal(TICK), new.seal(TICK)] {
        assert_eq!(with_trust(&sealed, Some(&both)).0, "#0 e tick");
    }
    assert_eq!(with_trust(&new.seal(TICK), Some(&old)).0, "#0 forged x1");
}

#[test]
fn a_short_key_is_refused_and_no_key_is_shown() {
    let error: KeyError = Authenticator::new(&[1; 31]).unwrap_err();
    assert_eq!(error.to_string(), "a key of 31 bytes; expected at least 32");
    assert!(trust().and_opens(b"").is_err());
    assert_eq!(format!("{:?}", trust()), "Authenticator of 1 keys");
}

#[test]
fn what_is_sealed_must_still_be_a_message_of_the_stream() {
    let trust = trust();
    for inner in [
        "{}",
        "7",
        "{",
        "",
        r#"{"arrival":5,"data":{"equipmentId":"e","tick":true}}"#,
        r#"{"arrival":5,"rules":{}}"#,
    ] {
        assert_eq!(with_trust(&trust.seal(inner), Some(&trust)).0, "#0 malformed x1", "{inner}");
    }
    let twice = trust.seal(&trust.seal(TICK));
    assert_eq!(with_trust(&twice, Some(&trust)).0, "#0 malformed x1");
}

#[test]
fn sealed_messages_may_share_a_record_with_others() {
    let trust = trust();
    let lines = [trust.seal(TICK), point("a", 1), TICK.to_owned(), trust.seal(SCORE)].join("\n");
    assert_eq!(with_trust(&lines, Some(&trust)).0, "#0 e tick; #1 a = 1; #2 forged x1; #3 e = 1");
}
