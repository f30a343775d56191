//! Objects of any size: rejected records, parked records, states and transitions that are too large for an item.

use super::PortError;

/// A bucket.
///
/// Duty: a read or a list finds every object that was written before it.
pub trait Objects {
    /// Writes an object, and replaces one of the same name.
    async fn put_object(&self, name: &str, bytes: Vec<u8>) -> Result<(), PortError>;

    /// Reads an object.
    async fn get_object(&self, name: &str) -> Result<Option<Vec<u8>>, PortError>;

    /// Returns all names with a prefix, in order.
    async fn list_objects(&self, prefix: &str) -> Result<Vec<String>, PortError>;

    /// Deletes an object. A missing one is no error.
    async fn delete_object(&self, name: &str) -> Result<(), PortError>;
}
