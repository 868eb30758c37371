//! What programs are told of imports and previews, as JSON. Money is written from its own text, so no float comes near it.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{CellChange, CellName, Created, ImportDone, NamedChange, Outlier, Preview};
use crate::domain::Figures;

/// What an import did, as the ingest route and `import --json` tell it (contract §4).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportAnswer {
    import_id: String,
    rows: u64,
    inserted: u64,
    changed: u64,
    unchanged: u64,
    rounded: u64,
}

impl ImportDone {
    /// What was done, for programs.
    #[must_use]
    pub fn answer(&self) -> ImportAnswer {
        ImportAnswer {
            import_id: self.id.to_string(),
            rows: self.counts.rows,
            inserted: self.counts.inserted,
            changed: self.counts.changed,
            unchanged: self.counts.unchanged,
            rounded: self.counts.rounded,
        }
    }
}

/// What an import would do: the contract's own fields, and then all else that a preview knows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PreviewAnswer {
    #[serde(flatten)]
    counts: ImportAnswer,
    zeroed: u64,
    repeated: u64,
    created: Created,
    first_day: Option<String>,
    last_day: Option<String>,
    ignored_headers: Vec<String>,
    changes: Vec<ChangeAnswer>,
    inserts: Vec<ChangeAnswer>,
    outliers_total: u64,
    outliers: Vec<OutlierAnswer>,
    final_days: Vec<FinalDayAnswer>,
}

#[derive(Debug, Serialize)]
struct CellAnswer {
    advertiser: String,
    date: String,
    campaign_name: String,
    partner: String,
    line: u64,
}

#[derive(Debug, Serialize)]
struct ChangeAnswer {
    #[serde(flatten)]
    cell: CellAnswer,
    old: Option<FiguresAnswer>,
    new: FiguresAnswer,
}

#[derive(Debug, Serialize)]
struct FiguresAnswer {
    clicks: i64,
    cost: Option<Box<RawValue>>,
    views: i64,
    conversions: i64,
}

#[derive(Debug, Serialize)]
struct OutlierAnswer {
    #[serde(flatten)]
    cell: CellAnswer,
    column: &'static str,
    value: String,
    usual: String,
}

#[derive(Debug, Serialize)]
struct FinalDayAnswer {
    date: String,
    rows: u64,
}

impl Preview {
    /// What would be done, for programs.
    #[must_use]
    pub fn answer(&self) -> PreviewAnswer {
        let change = |change: &CellChange| ChangeAnswer {
            cell: cell(&change.cell, change.line),
            old: change.old.map(|old| figures(&old)),
            new: figures(&change.new),
        };
        let outlier = |outlier: &Outlier| OutlierAnswer {
            cell: cell(&outlier.cell, outlier.line),
            column: outlier.column.name(),
            value: outlier.value.clone(),
            usual: outlier.usual.clone(),
        };
        let final_days = self.final_days.0.iter();
        PreviewAnswer {
            counts: self.done.answer(),
            zeroed: self.done.counts.zeroed,
            repeated: self.repeated,
            created: self.done.created,
            first_day: self.done.days.map(|(first, _)| first.to_string()),
            last_day: self.done.days.map(|(_, last)| last.to_string()),
            ignored_headers: self.done.ignored.clone(),
            changes: self.changes.iter().map(change).collect(),
            inserts: self.inserts.iter().map(change).collect(),
            outliers_total: self.outliers.total,
            outliers: self.outliers.first.iter().map(outlier).collect(),
            final_days: final_days.map(|day| FinalDayAnswer { date: day.day.to_string(), rows: day.rows }).collect(),
        }
    }
}

fn cell(name: &CellName, line: u64) -> CellAnswer {
    CellAnswer {
        advertiser: name.advertiser.clone(),
        date: name.day.to_string(),
        campaign_name: name.campaign.clone(),
        partner: name.publisher.clone(),
        line,
    }
}

fn figures(figures: &Figures) -> FiguresAnswer {
    FiguresAnswer {
        clicks: figures.clicks.get(),
        cost: RawValue::from_string(figures.cost.to_string()).ok(),
        views: figures.views.get(),
        conversions: figures.conversions.get(),
    }
}

impl NamedChange {
    /// The change, for programs.
    #[must_use]
    pub fn answer(&self) -> impl Serialize + use<> {
        #[derive(Serialize)]
        struct Answer {
            #[serde(flatten)]
            cell: CellAnswer,
            old: Option<FiguresAnswer>,
            new: Option<FiguresAnswer>,
        }
        Answer {
            cell: cell(&self.cell, self.line),
            old: self.old.as_ref().map(figures),
            new: self.new.as_ref().map(figures),
        }
    }
}
