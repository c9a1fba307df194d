//! Whom the world outside of a lab with traffic knows.

use super::residents::Town;
use super::write_file;
use crate::lab::traffic::{BOOK, Book};
use crate::lab::world::{Lab, LabError};

/// Writes the addresses down; a lab without traffic needs none.
///
/// # Errors
/// When they cannot be written.
pub(super) fn fill(lab: &Lab, town: &Town) -> Result<(), LabError> {
    if lab.config.traffic_per_minute.is_none() {
        return Ok(());
    }
    let keepers = town.residents.iter().filter(|r| r.keeps_mail);
    let book = Book {
        people: keepers.flat_map(|r| r.addresses.clone()).collect(),
        lists: town.lists.clone(),
    };
    let text = serde_json::to_string(&book).map_err(|e| LabError::Other(e.to_string()))?;
    write_file(&lab.dir, BOOK, &(text + "\n"))
}
