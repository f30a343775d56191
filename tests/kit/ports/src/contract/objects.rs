//! Clauses on objects.

use super::{Held, Names, Ports, is, noise, same};

pub(super) async fn an_object_is_read_as_it_was_written<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let folder = names.fresh("folder");
    for (name, length) in [("empty", 0), ("small", 5), ("\u{fc} +&?%2F=#", 100), ("a/b/c", 8 << 20)] {
        let (name, bytes) = (format!("{folder}/{name}"), noise(3, length));
        ports.put_object(&name, bytes.clone()).await?;
        is(&format!("`{name}` as it was written"), ports.get_object(&name).await? == Some(bytes))?;
        same("the list", &ports.list_objects(&name).await?, &vec![name])?;
    }
    Ok(())
}

pub(super) async fn an_object_that_is_not_there_is_none<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let name = names.fresh("missing");
    same("the object", &ports.get_object(&name).await?, &None)?;
    same("the list", &ports.list_objects(&name).await?, &Vec::new())
}

pub(super) async fn an_object_is_written_over_another<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let name = names.fresh("object");
    for bytes in [b"first".to_vec(), b"second".to_vec(), b"second".to_vec(), Vec::new()] {
        ports.put_object(&name, bytes.clone()).await?;
        same("the object", &ports.get_object(&name).await?, &Some(bytes))?;
    }
    same("the list", &ports.list_objects(&name).await?.len(), &1)
}

pub(super) async fn a_deleted_object_is_gone_and_can_be_deleted_again<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    let name = names.fresh("object");
    ports.put_object(&name, b"x".to_vec()).await?;
    for _ in 0..2 {
        ports.delete_object(&name).await?;
        same("the object", &ports.get_object(&name).await?, &None)?;
        same("the list", &ports.list_objects(&name).await?, &Vec::new())?;
    }
    Ok(())
}

pub(super) async fn objects_are_listed_in_order_of_their_names<P: Ports>(
    ports: &P,
    names: &Names<'_>,
) -> Held {
    let folder = names.fresh("folder");
    let ends = ["/b", "/a", "/10", "/9", "/a/x", "/A", "/\u{fc}", "x"];
    for end in ends {
        ports.put_object(&format!("{folder}{end}"), b"x".to_vec()).await?;
    }
    let mut expected: Vec<String> = ends[..7].iter().map(|end| format!("{folder}{end}")).collect();
    expected.sort();
    same("the list", &ports.list_objects(&format!("{folder}/")).await?, &expected)?;
    same("by part of a name", &ports.list_objects(&format!("{folder}/a")).await?.len(), &2)
}

pub(super) async fn more_objects_than_a_page_are_listed<P: Ports>(ports: &P, names: &Names<'_>) -> Held {
    let folder = names.fresh("folder");
    let expected: Vec<String> = (0..1100).map(|index| format!("{folder}/{index:05}")).collect();
    for name in &expected {
        ports.put_object(name, b"x".to_vec()).await?;
    }
    is("all names, in order", ports.list_objects(&format!("{folder}/")).await? == expected)
}
