//! Keeps the objects of the bucket in memory.

use andon_workflows::ports::{Objects, PortError};

use super::{Call, Gate, Memory};

impl<G: Gate> Objects for Memory<G> {
    async fn put_object(&self, name: &str, bytes: Vec<u8>) -> Result<(), PortError> {
        self.call(Call { method: "put_object", subject: name }, |world| {
            if world.flaws.rejects_after_commits && name.starts_with("rejected/") {
                self.held_back.borrow_mut().push((name.to_owned(), bytes));
            } else if !(world.flaws.loses_objects && world.every(5)) {
                world.objects.insert(name.to_owned(), bytes);
            }
            Ok(())
        })
        .await
    }

    async fn get_object(&self, name: &str) -> Result<Option<Vec<u8>>, PortError> {
        self.call(Call { method: "get_object", subject: name }, |world| Ok(world.objects.get(name).cloned()))
            .await
    }

    async fn list_objects(&self, prefix: &str) -> Result<Vec<String>, PortError> {
        self.call(Call { method: "list_objects", subject: prefix }, |world| {
            let from = world.objects.range(prefix.to_owned()..);
            Ok(from.map(|(name, _)| name).take_while(|name| name.starts_with(prefix)).cloned().collect())
        })
        .await
    }

    async fn delete_object(&self, name: &str) -> Result<(), PortError> {
        self.call(Call { method: "delete_object", subject: name }, |world| {
            world.objects.remove(name);
            Ok(())
        })
        .await
    }
}
