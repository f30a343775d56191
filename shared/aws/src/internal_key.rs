//! The key that seals internal messages, from a secret of Secrets Manager.

use andon_ingest::Authenticator;
use aws_sdk_secretsmanager::Client;
use futures_util::future::join3;

use crate::error::port_error;
use crate::{Aws, ConfigError};

/// Stage of the version that seals.
const CURRENT: &str = "AWSCURRENT";
/// Stage of the version that will seal next. Every reader must know it before the first writer seals with it.
const NEXT: &str = "AWSPENDING";
/// Stage of the version that sealed before. Messages sealed with it may still be in the stream.
const FORMER: &str = "AWSPREVIOUS";

impl Aws {
    /// Returns the authenticator of internal messages. Its key is that of the settings, or that of the secret that they name,
    /// which is read now.
    ///
    /// # Errors
    /// When there is no key, or it cannot be read or used.
    pub async fn authenticator(&self) -> Result<Authenticator, ConfigError> {
        let Some(secret) = &self.config().internal_key_secret else { return self.config().authenticator() };
        let client = Client::new(self.sdk());
        let (current, next, former) = join3(
            version(&client, secret, CURRENT),
            version(&client, secret, NEXT),
            version(&client, secret, FORMER),
        )
        .await;
        let wrong = |mistake: String| ConfigError { mistakes: vec![mistake] };
        let current = current
            .and_then(|current| {
                current.ok_or_else(|| format!("the secret `{secret}` has no current version"))
            })
            .map_err(wrong)?;
        let mut others = Vec::new();
        for other in [next, former] {
            others.extend(other.map_err(wrong)?);
        }
        of_texts(secret, &current, &others).map_err(wrong)
    }
}

/// Returns the text of a version of a secret; `None` if there is no such version.
async fn version(client: &Client, secret: &str, stage: &str) -> Result<Option<String>, String> {
    match client.get_secret_value().secret_id(secret).version_stage(stage).send().await {
        Ok(answer) => Ok(answer.secret_string),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
            Ok(None)
        }
        Err(error) => Err(port_error(format_args!("cannot read the secret `{secret}`"), &error).message),
    }
}

/// Makes an authenticator of secret texts. A secret is a random text of any characters: its bytes are the key.
fn of_texts(secret: &str, current: &str, others: &[String]) -> Result<Authenticator, String> {
    let wrong = |error: andon_ingest::KeyError| format!("the secret `{secret}` is {error}");
    others.iter().try_fold(Authenticator::new(current.as_bytes()).map_err(wrong)?, |seal, other| {
        seal.and_opens(other.as_bytes()).map_err(wrong)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 3] = [
        "7f0c5be2a1d94e6b8c3f2a9d0e1b4c6d7f0c5be2a1d94e6b8c3f2a9d0e1b4c6d",
        "another key, also of letters that are no base64, long enough",
        "00000000000000000000000000000000",
    ];

    fn others(keys: &[&str]) -> Vec<String> {
        keys.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_the_next_and_the_former_key_seal_is_opened() {
        let all = of_texts("s", KEYS[0], &others(&KEYS[1..])).unwrap();
        for key in KEYS {
            let sealed = of_texts("s", key, &[]).unwrap().seal("{}");
            assert!(all.open(sealed.as_bytes()).is_ok());
        }
        let sealed = all.seal("{}");
        assert!(of_texts("s", KEYS[0], &[]).unwrap().open(sealed.as_bytes()).is_ok());
        assert!(of_texts("s", KEYS[1], &[]).unwrap().open(sealed.as_bytes()).is_err());
    }

    #[test]
    fn a_short_key_is_refused_and_not_shown() {
        let error = of_texts("plant-7/internal-key", "hush", &[]).unwrap_err();
        assert_eq!(error, "the secret `plant-7/internal-key` is a key of 4 bytes; expected at least 32");
        assert!(of_texts("s", KEYS[0], &others(&["hush"])).is_err());
    }
}
