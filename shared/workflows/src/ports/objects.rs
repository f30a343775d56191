//! Objects of any size: rejected records, parked records, what is too large for an item.

use super::PortError;

/// A bucket.
///
/// Owed: an object that was written before a call is read and listed by it.
pub trait Objects {
    /// Writes an object, over one of the same name.
    async fn put_object(&self, name: &str, bytes: Vec<u8>) -> Result<(), PortError>;

    /// Reads an object.
    async fn get_object(&self, name: &str) -> Result<Option<Vec<u8>>, PortError>;

    /// All names with a prefix, in order.
    async fn list_objects(&self, prefix: &str) -> Result<Vec<String>, PortError>;

    /// Deletes an object; one that is not there is no error.
    async fn delete_object(&self, name: &str) -> Result<(), PortError>;
}
