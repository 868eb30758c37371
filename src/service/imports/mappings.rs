//! Mappings: saved under a name, or remembered without one, and found again for a file with the same headers.
//!
//! A mapping says which column is which, and which values apply to all rows. How days and numbers are written is recognised
//! in each file; the mapping only answers what the file leaves open.

use chrono::Utc;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::{AdvertiserId, Name};
use crate::import::{Column, DayOrder, DecimalSign, Decisions, Mapping, Memory, Recognition};
use crate::service::{Actor, ServiceError, ServiceResult, hex};
use crate::store::{MappingRow, OrMissing as _, ReadTxn, Store};

/// The stored content of a mapping.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptMapping {
    /// The source of columns, and values for all rows.
    pub decisions: Decisions,
    /// What earlier files were like.
    pub memory: Memory,
}

/// The format in which versions before 0.2 saved mappings.
#[derive(Deserialize)]
struct OldMapping {
    #[serde(flatten)]
    mapping: Mapping,
    #[serde(default)]
    numbers: String,
}

/// A saved mapping.
#[derive(Debug, Clone)]
pub struct SavedMapping {
    /// Its unique name.
    pub name: String,
    /// The headers of the file it was made for.
    pub headers: Vec<String>,
    pub kept: KeptMapping,
}

impl KeptMapping {
    /// What to keep of how a file was read.
    #[must_use]
    pub fn of(recognition: &Recognition) -> Self {
        let plan = &recognition.plan;
        let source = |place: usize| recognition.headers.get(place).map(|header| header.source.clone());
        let columns = plan.columns.iter().filter_map(|from| Some((from.column, source(from.place)?)));
        let decisions = Decisions { columns: columns.collect(), fixed: plan.fixed.clone(), ..Decisions::default() };
        Self { decisions, memory: recognition.memory.clone() }
    }

    /// Converts the old format: its date and number formats become memory.
    fn from_old(old: OldMapping) -> Self {
        let OldMapping { mapping: old, numbers } = old;
        let pattern = old.date_format.map(|format| format.to_string()).unwrap_or_default();
        let dates = match pattern.get(..2) {
            Some("%d") => Some(DayOrder::DayFirst),
            Some("%m") => Some(DayOrder::MonthFirst),
            _ => None,
        };
        // `plain` didn't state the decimal sign.
        let numbers = numbers.parse::<DecimalSign>().ok();
        Self {
            decisions: Decisions { columns: old.columns, fixed: old.fixed, ..Decisions::default() },
            memory: Memory { dates, numbers, ..Memory::default() },
        }
    }

    fn parse(spec: &str) -> Result<Self, serde_json::Error> {
        let value: serde_json::Value = serde_json::from_str(spec)?;
        if value.get("decisions").is_some() {
            return serde_json::from_value(value);
        }
        serde_json::from_value(value).map(Self::from_old)
    }

    /// `date from Day, cost from Spent; partner is Facebook`
    #[must_use]
    pub fn describe(&self) -> String {
        let joined = |pairs: &[(Column, String)], link: &str| {
            pairs.iter().map(|(column, source)| format!("{column} {link} {source}")).collect::<Vec<_>>().join(", ")
        };
        let parts = [joined(&self.decisions.columns, "from"), joined(&self.decisions.fixed, "is")];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
    }
}

impl TryFrom<MappingRow> for SavedMapping {
    type Error = ServiceError;

    fn try_from(row: MappingRow) -> Result<Self, ServiceError> {
        let foreign =
            |error| ServiceError::Internal(format!("the saved mapping \"{}\" can't be read: {error}", row.name));
        let headers = serde_json::from_str(&row.headers).map_err(foreign)?;
        let kept = KeptMapping::parse(&row.spec).map_err(foreign)?;
        Ok(Self { name: row.name, headers, kept })
    }
}

/// The mapping saved under this name; an error if there is none.
pub fn saved_mapping(txn: &ReadTxn<'_>, name: &str) -> ServiceResult<SavedMapping> {
    txn.mapping_find(name)?.or_missing("mapping", name)?.try_into()
}

/// Notes that a saved mapping was used; does nothing if it was deleted.
pub fn use_mapping(store: &Store, name: &str) -> ServiceResult<()> {
    Ok(store.write(|txn| txn.mapping_used(name, Utc::now()))?)
}

/// The mapping for a file with these headers: the saved mapping that was used last, or the answers to the last such file.
pub fn mapping_for(
    txn: &ReadTxn<'_>,
    advertiser: AdvertiserId,
    headers: &[String],
) -> ServiceResult<Option<(Option<String>, KeptMapping)>> {
    if let Some(row) = txn.mapping_for(&json(&headers)?)? {
        let saved = SavedMapping::try_from(row)?;
        return Ok(Some((Some(saved.name), saved.kept)));
    }
    // Content that can't be read any more is ignored: nobody chose to save it.
    let remembered = txn.mapping_remembered(&hash(advertiser, &json(&headers)?))?;
    Ok(remembered.and_then(|spec| KeptMapping::parse(&spec).ok()).map(|kept| (None, kept)))
}

/// Saves a mapping for files with these headers; replaces one of the same name.
pub fn save_mapping(
    store: &Store,
    name: &Name,
    headers: &[String],
    kept: &KeptMapping,
    actor: &Actor,
) -> ServiceResult<()> {
    let now = Utc::now();
    let (headers, spec) = (json(&headers)?, json(kept)?);
    store.write(|txn| {
        txn.mapping_save(name, &headers, &spec, now)?;
        txn.audit_add(&actor.did("mapping save", name.as_str()), now)?;
        Ok(())
    })
}

/// Remembers how a file was read, for the advertiser's next one with the same headers.
pub fn remember_mapping(
    store: &Store,
    advertiser: AdvertiserId,
    headers: &[String],
    kept: &KeptMapping,
) -> ServiceResult<()> {
    let (headers, spec) = (hash(advertiser, &json(&headers)?), json(kept)?);
    Ok(store.write(|txn| txn.mapping_remember(&headers, &spec, Utc::now()))?)
}

/// Deletes a saved mapping, and what was remembered about files with its headers; an error if there is none.
pub fn delete_mapping(store: &Store, name: &str, actor: &Actor) -> ServiceResult<()> {
    store.write(|txn| {
        let found = txn.mapping_find(name)?.or_missing("mapping", name)?;
        txn.mapping_delete(&found.name)?;
        for advertiser in txn.advertiser_list()? {
            txn.mapping_forget(&hash(advertiser.id, &found.headers))?;
        }
        txn.audit_add(&actor.did("mapping delete", &found.name), Utc::now())?;
        Ok(())
    })
}

/// Names an advertiser's files with these headers, which are JSON.
fn hash(advertiser: AdvertiserId, headers: &str) -> String {
    hex(&Sha256::digest(format!("{advertiser} {headers}").as_bytes()))
}

fn json(value: &impl Serialize) -> ServiceResult<String> {
    serde_json::to_string(value).map_err(|error| ServiceError::Internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_of_the_old_kind_becomes_columns_and_memory() {
        let old = "{\"columns\":[[\"date\",\"Day\"],[\"cost\",\"Spent\"]],\"fixed\":[[\"partner\",\"Meta\"]],\
            \"dateFormat\":\"%d.%m.%Y\",\"numbers\":\"comma\",\"onlyMapped\":true,\"layout\":{\"headerLine\":3}}";
        let kept = KeptMapping::parse(old).unwrap();
        assert_eq!(kept.describe(), "date from Day, cost from Spent; partner is Meta");
        assert_eq!(kept.decisions.date_format, None);
        assert_eq!((kept.memory.dates, kept.memory.numbers), (Some(DayOrder::DayFirst), Some(DecimalSign::Comma)));
        assert_eq!(KeptMapping::parse(&json(&kept).unwrap()).unwrap(), kept);
        assert_eq!(KeptMapping::parse("{}").unwrap(), KeptMapping::default());
    }
}
