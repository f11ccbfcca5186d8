//! Edits.
use zeroize::Zeroizing;
use crate::document::{Document, KeyPath};
use crate::document::edit::{EditError, NewValue};
pub(crate) fn set(text: &str, _document: &Document, path: &KeyPath, _value: NewValue<'_>) -> Result<Zeroizing<String>, EditError> { let _ = text; Err(EditError::NotFound(path.clone())) }
pub(crate) fn unset(text: &str, _document: &Document, path: &KeyPath) -> Result<Zeroizing<String>, EditError> { let _ = text; Err(EditError::NotFound(path.clone())) }
