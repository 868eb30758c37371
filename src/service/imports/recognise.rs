//! Recognises a file, with what the catalogue and the account know: the same for browser and command line.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashSet;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _};
use std::path::Path;

use chrono::Utc;
use sha2::{Digest as _, Sha256};

use super::ImportError;
use super::resolver::last_day;
use crate::domain::{CampaignId, Currency, PublisherId, ReportingZone};
use crate::import::{self, Catalogue, Column, Context, Decisions, FileError, Headers, Memory, Recognition, Unpacked};
use crate::service::hex;
use crate::store::{AdvertiserRow, Store, StoreResult};

/// The file of further headers.
const HEADERS: &str = "headers.csv";

/// The catalogue's ids, loaded when a file first needs them.
struct StoredCatalogue<'s> {
    store: &'s Store,
    advertiser: Option<&'s AdvertiserRow>,
    campaigns: OnceCell<HashSet<CampaignId>>,
    publishers: OnceCell<HashSet<PublisherId>>,
}

impl StoredCatalogue<'_> {
    fn campaigns(&self) -> StoreResult<HashSet<CampaignId>> {
        self.store.read(|txn| {
            let advertisers = match self.advertiser {
                Some(row) => vec![row.clone()],
                None => txn.advertiser_list()?,
            };
            let mut found = HashSet::new();
            for row in advertisers {
                found.extend(txn.campaign_list(row.key)?.into_iter().map(|campaign| campaign.id));
            }
            Ok(found)
        })
    }

    fn publishers(&self) -> StoreResult<HashSet<PublisherId>> {
        self.store.read(|txn| Ok(txn.publisher_list()?.into_iter().map(|row| row.id).collect()))
    }
}

/// If the catalogue can't be read it counts as empty; the next step then fails with the reason.
impl Catalogue for StoredCatalogue<'_> {
    fn has_campaign(&self, id: CampaignId) -> bool {
        self.campaigns.get_or_init(|| self.campaigns().unwrap_or_default()).contains(&id)
    }

    fn has_publisher(&self, id: PublisherId) -> bool {
        self.publishers.get_or_init(|| self.publishers().unwrap_or_default()).contains(&id)
    }
}

/// A file that was unpacked and recognised.
#[derive(Debug)]
pub struct RecognisedFile {
    pub unpacked: Unpacked,
    /// How it will be read, and what is open.
    pub recognition: Recognition,
    /// The expected currency; `None` if rows name their advertisers.
    pub currency: Option<Currency>,
}

/// The advertiser of a file's rows.
#[derive(Debug, Clone, Copy)]
pub enum Owner<'a> {
    /// All rows belong to this advertiser.
    Advertiser(&'a AdvertiserRow),
    /// All rows belong to an advertiser that the import creates. Its currency is the file's, or else US dollars.
    New,
    /// Each row names its advertiser.
    OfRows,
}

/// Unpacks and recognises a file.
pub fn recognise(
    store: &Store,
    file: File,
    decisions: &Decisions,
    memory: &Memory,
    owner: Owner<'_>,
) -> Result<RecognisedFile, ImportError> {
    let spool = store.path().parent().unwrap_or_else(|| Path::new("."));
    let mut unpacked = import::unpack(file, decisions.sheet.as_deref(), spool)?;
    let advertiser = if let Owner::Advertiser(row) = owner { Some(row) } else { None };
    let zone = advertiser.map_or(ReportingZone::UTC, |row| row.time_zone);
    let catalogue = StoredCatalogue { store, advertiser, campaigns: OnceCell::new(), publishers: OnceCell::new() };
    let last_day = last_day(zone, Utc::now()).map_err(crate::service::ServiceError::from)?;
    let mut currency = advertiser.map(|row| row.currency);
    let headers = known_headers(spool)?;
    let mut recognise = |currency| {
        let context = Context { currency, last_day, catalogue: &catalogue, headers: &headers, memory };
        import::recognise_file(&mut unpacked, decisions, &context)
    };
    let mut recognition = recognise(currency)?;
    if matches!(owner, Owner::New) {
        let set = decisions.fixed.iter().find(|(column, _)| *column == Column::Currency);
        let set = set.and_then(|(_, code)| Currency::parse(code).ok());
        currency = Some(set.or(recognition.currency).unwrap_or(Currency::USD));
        recognition = recognise(currency)?;
    }
    unpacked.text.rewind()?;
    Ok(RecognisedFile { unpacked, recognition, currency })
}

/// The headers that are known, with those that an operator added in the data directory's `headers.csv`.
fn known_headers(directory: &Path) -> Result<Cow<'static, Headers>, ImportError> {
    match std::fs::read_to_string(directory.join(HEADERS)) {
        Ok(further) => Headers::with(&further).map(Cow::Owned).map_err(|error| {
            FileError::Refused(format!("{HEADERS} in the data directory can't be read: {error}")).into()
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Cow::Borrowed(Headers::built_in())),
        Err(error) => Err(FileError::Io(error).into()),
    }
}

/// SHA-256 of a file's bytes, in hexadecimal. The file is then at its beginning again.
pub fn hash(file: &mut File) -> std::io::Result<String> {
    file.rewind()?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            read => hash.update(&chunk[..read]),
        }
    }
    file.rewind()?;
    Ok(hex(&hash.finalize()))
}
