//! The bucket.

use andon_workflows::ports::{Objects, PortError};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;

use crate::Aws;
use crate::error::port_error;

impl Objects for Aws {
    async fn put_object(&self, name: &str, bytes: Vec<u8>) -> Result<(), PortError> {
        let length = bytes.len();
        self.s3()
            .put_object()
            .bucket(&self.config.names.bucket)
            .key(name)
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map_err(|error| port_error(format_args!("cannot write the object `{name}`"), &error))?;
        self.meter.request("s3.PutObject", 1, length);
        Ok(())
    }

    async fn get_object(&self, name: &str) -> Result<Option<Vec<u8>>, PortError> {
        let answer = self.s3().get_object().bucket(&self.config.names.bucket).key(name).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                return match error.as_service_error() {
                    Some(GetObjectError::NoSuchKey(_)) => {
                        self.meter.request("s3.GetObject", 0, 0);
                        Ok(None)
                    }
                    _ => Err(port_error(format_args!("cannot read the object `{name}`"), &error)),
                };
            }
        };
        let bytes = answer.body.collect().await.map_err(|error| {
            PortError::transient(format!("cannot read the object `{name}` to its end: {error}"))
        })?;
        let bytes = bytes.to_vec();
        self.meter.request("s3.GetObject", 1, bytes.len());
        Ok(Some(bytes))
    }

    async fn list_objects(&self, prefix: &str) -> Result<Vec<String>, PortError> {
        let mut names = Vec::new();
        let mut next = None;
        loop {
            let answer = self
                .s3()
                .list_objects_v2()
                .bucket(&self.config.names.bucket)
                .prefix(prefix)
                .set_continuation_token(next)
                .send()
                .await
                .map_err(|error| port_error(format_args!("cannot list the objects `{prefix}..`"), &error))?;
            let found = answer.contents.unwrap_or_default();
            self.meter.request("s3.ListObjectsV2", found.len(), 0);
            names.extend(found.into_iter().filter_map(|object| object.key));
            next = answer.next_continuation_token;
            if next.is_none() {
                // As S3 has them; not every bucket does.
                names.sort_unstable();
                return Ok(names);
            }
        }
    }

    async fn delete_object(&self, name: &str) -> Result<(), PortError> {
        self.s3()
            .delete_object()
            .bucket(&self.config.names.bucket)
            .key(name)
            .send()
            .await
            .map_err(|error| port_error(format_args!("cannot delete the object `{name}`"), &error))?;
        self.meter.request("s3.DeleteObject", 1, 0);
        Ok(())
    }
}
