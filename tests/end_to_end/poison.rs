//! Tests that poison records do not delay others, and that the operator finds them again.

use std::io::Read as _;
use std::time::Duration;

use andon_clock::now_ms;
use andon_ingest::gzip::{Spare, gzip};
use andon_local::EVALUATE;
use andon_workflows::evaluate::RejectedLine;
use andon_workflows::ports::Objects as _;

use super::records::{records, w1};
use super::runtime;
use super::world::World;

/// Returns poison data, each with its reason of rejection and the text of its log line.
fn poison(equipment: &str, now_ms: i64) -> Vec<(Vec<u8>, &'static str, &'static str)> {
    let text = |text: &str| text.replace("NOW", &now_ms.to_string()).replace("WHO", equipment).into_bytes();
    let mut damaged =
        gzip(&text(r#"{"timestamp":NOW,"equipmentId":"WHO","tag":"speed","value":1}"#), Spare::Time);
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0xff;
    vec![
        (text("speed of WHO is 7"), "malformed", "json"),
        (text(r#"{"timestamp":"noon","equipmentId":"WHO","tag":["speed"],"value":1}"#), "malformed", "`tag`"),
        (text(r#"{"equipmentId":"WHO","tag":"speed","value":1}"#), "malformed", "timestamp"),
        (gzip(&vec![b' '; 11 << 20], Spare::Time), "too_large", ""),
        (damaged, "undecodable", "gzip"),
        (text(r#"{"equipmentId":"WHO","tick":true}"#), "forged", "tick"),
        (
            text(
                r#"{"timestamp":NOW,"equipmentId":"WHO","tag":"ml.anomaly","value":1,"meta":{"flags":["Drv"]}}"#,
            ),
            "forged",
            "ml.anomaly",
        ),
    ]
}

#[test]
fn poison_between_good_records_is_set_aside_with_its_reason_and_holds_nothing_up() {
    runtime().block_on(async {
        let now_ms = now_ms();
        let workload = w1(now_ms, 2000);
        let Some(mut world) = World::up("poison", &workload.rules(), |_| {}).await else { return };
        let mut lines = Vec::new();
        workload.write_points(&mut lines).unwrap();
        let mut records = records(&lines);
        let equipment = workload.equipment_ids().remove(0);
        let poison = poison(&equipment, now_ms);
        for (place, (data, ..)) in poison.iter().enumerate() {
            world.read.ignored.insert(data.clone());
            records.insert(200 + place * 150, (equipment.clone(), data.clone()));
        }
        let parts = records.chunks(500);
        let count = parts.len();
        for part in parts {
            world.send(part).await;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        world.until_all_is_published(20).await;
        world.until_all_is_folded().await;

        let mut found: Vec<RejectedLine> = Vec::new();
        for name in world.aws.list_objects("rejected/").await.unwrap() {
            let object = world.aws.get_object(&name).await.unwrap().unwrap();
            let mut text = String::new();
            flate2::read::GzDecoder::new(object.as_slice()).read_to_string(&mut text).unwrap();
            found.extend(text.lines().map(|line| serde_json::from_str::<RejectedLine>(line).unwrap()));
        }
        for (data, reason, said) in &poison {
            let about = found.iter().filter(|line| {
                let message = match (&line.message, &line.message_base64) {
                    (Some(text), _) => text.as_bytes().to_vec(),
                    (_, Some(text)) => andon_workflows::base64::decode(text).unwrap(),
                    _ => return false,
                };
                line.reason == *reason && line.detail.to_lowercase().contains(said) && message == *data
            });
            let shown = String::from_utf8_lossy(data.get(..100).unwrap_or(data));
            assert_eq!(about.count(), 1, "{reason}: {shown}\n{found:#?}");
        }

        // No endless retries. Invocations of deployed functions are not counted.
        let invocations = world.invocations(EVALUATE);
        tokio::time::sleep(Duration::from_secs(3)).await;
        let later = world.invocations(EVALUATE);
        println!("{invocations} invocations for {count} parts, {} more in 3 s", later - invocations);
        assert!(invocations <= 3 * count + 30, "{invocations} invocations");
        assert!(world.failures(EVALUATE, "") == 0, "invocations have failed");
        world.down().await;
    });
}
