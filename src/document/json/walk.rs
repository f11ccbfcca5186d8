//! Following a key path down the tree of a document.

use crate::document::edit::EditError;
use crate::document::{Content, Document, KeyPath, Node};

/// Returns the nodes from the root to the last one on the path that there is: one more than the path has steps when
/// the whole path is there; otherwise the last node is the container in which the next step can be added.
///
/// # Errors
/// When the path leads through a value, takes a key of a list or an item of a map, or an item behind the end.
pub(in crate::document) fn walk<'d>(document: &'d Document, path: &KeyPath) -> Result<Vec<&'d Node>, EditError> {
    use crate::document::path::Component::{Document as Stream, Item, Key};
    let mut nodes: Vec<&Node> = document.roots.iter().take(1).collect();
    for (index, step) in path.0.iter().enumerate() {
        let Some(&node) = nodes.last() else { break };
        let found = match (&node.content, step) {
            (_, Stream(_)) => return Err(EditError::NotFound(path.clone())),
            (Content::Map(entries), Key { .. }) => {
                entries.iter().find(|entry| step.addresses(&entry.key)).map(|entry| &entry.node)
            }
            (Content::List(items), Item(item)) if *item <= items.len() => items.get(*item),
            (Content::List(items), Item(_)) => return Err(EditError::BehindEnd { length: items.len() }),
            _ => return Err(EditError::NotAContainer(KeyPath(path.0[..index].to_vec()))),
        };
        match found {
            Some(child) => nodes.push(child),
            None => break,
        }
    }
    Ok(nodes)
}
