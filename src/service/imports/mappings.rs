//! Mappings saved under a name, and found again for a file with the same headers.

use chrono::Utc;

use crate::domain::Name;
use crate::import::{Layout, Mapping};
use crate::service::{Actor, ServiceError, ServiceResult};
use crate::store::{MappingRow, OrMissing as _, ReadTxn, Store};

/// A saved mapping, read.
#[derive(Debug, Clone)]
pub struct SavedMapping {
    /// Its unique name.
    pub name: String,
    /// The headers of the file it was made for.
    pub headers: Vec<String>,
    /// How such files are read; the layout is every file's own.
    pub mapping: Mapping,
}

impl TryFrom<MappingRow> for SavedMapping {
    type Error = ServiceError;

    fn try_from(row: MappingRow) -> Result<Self, ServiceError> {
        let foreign =
            |error| ServiceError::Internal(format!("the saved mapping \"{}\" can't be read: {error}", row.name));
        let headers = serde_json::from_str(&row.headers).map_err(foreign)?;
        let mapping = serde_json::from_str(&row.spec).map_err(foreign)?;
        Ok(Self { name: row.name, headers, mapping })
    }
}

/// The mapping saved under this name, or an error that says there is none.
pub fn saved_mapping(txn: &ReadTxn<'_>, name: &str) -> ServiceResult<SavedMapping> {
    txn.mapping_find(name)?.or_missing("mapping", name)?.try_into()
}

/// The same, noting that it is used.
pub fn use_mapping(store: &Store, name: &str) -> ServiceResult<SavedMapping> {
    store.write(|txn| {
        let saved = saved_mapping(txn, name)?;
        txn.mapping_used(&saved.name, Utc::now())?;
        Ok(saved)
    })
}

/// The mapping that was made for a file with these headers, the one used last where there are several.
pub fn mapping_for(txn: &ReadTxn<'_>, headers: &[String]) -> ServiceResult<Option<SavedMapping>> {
    txn.mapping_for(&json(&headers)?)?.map(TryInto::try_into).transpose()
}

/// Saves a mapping for files with these headers; one of the same name is replaced.
pub fn save_mapping(
    store: &Store,
    name: &Name,
    headers: &[String],
    mapping: &Mapping,
    actor: &Actor,
) -> ServiceResult<()> {
    let now = Utc::now();
    // Where the rows of that one file stood helps with no other.
    let kept = Mapping { layout: Layout::default(), ..mapping.clone() };
    let (headers, spec) = (json(&headers)?, json(&kept)?);
    store.write(|txn| {
        txn.mapping_save(name, &headers, &spec, now)?;
        txn.audit_add(&actor.did("mapping save", name.as_str()), now)?;
        Ok(())
    })
}

/// Takes a saved mapping away; an error where there is none.
pub fn delete_mapping(store: &Store, name: &str, actor: &Actor) -> ServiceResult<()> {
    store.write(|txn| {
        let found = txn.mapping_find(name)?.or_missing("mapping", name)?;
        txn.mapping_delete(&found.name)?;
        txn.audit_add(&actor.did("mapping delete", &found.name), Utc::now())?;
        Ok(())
    })
}

fn json(value: &impl serde::Serialize) -> ServiceResult<String> {
    serde_json::to_string(value).map_err(|error| ServiceError::Internal(error.to_string()))
}
