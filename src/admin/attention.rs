//! Alerts as pages show them, each with a link to where it can be fixed. `service::status` decides what is an alert and how
//! bad it is.

use crate::admin::kit::layout::Shell;
use crate::admin::singular::day;
use crate::service::status::{Alert, AlertKind, Severity};
use crate::store::AdvertiserRow;

/// An alert as a page shows it.
#[derive(Debug)]
pub struct AlertItem {
    pub message: String,
    /// `bad` or `warn`.
    pub tone: &'static str,
    /// The link's text and address; `None` if it can only be fixed on the server.
    pub link: Option<(&'static str, String)>,
}

impl AlertItem {
    /// `alert`, with links for this advertiser.
    #[must_use]
    pub fn new(alert: &Alert, shell: &Shell, advertiser: Option<&AdvertiserRow>) -> Self {
        let tone = match alert.severity {
            Severity::Critical => "bad",
            Severity::Warning => "warn",
        };
        Self { message: alert.kind.message(), tone, link: advertiser.and_then(|row| link(&alert.kind, shell, row)) }
    }
}

fn link(kind: &AlertKind, shell: &Shell, advertiser: &AdvertiserRow) -> Option<(&'static str, String)> {
    let (scope, id) = (&shell.scope, advertiser.id);
    let polls = |filter: &str| {
        let and = if scope.is_empty() { "?" } else { "&" };
        format!("/admin/polls{scope}{and}{filter}")
    };
    Some(match kind {
        AlertKind::Backups { .. }
        | AlertKind::BackupCopies { .. }
        | AlertKind::Certificate { .. }
        | AlertKind::DiskLow { .. } => return None,
        AlertKind::ChannelFailing { .. } => ("Send a test", format!("/admin/settings/alarms{scope}")),
        AlertKind::RefreshNeeded { .. } => ("See the days", format!("/admin/singular{scope}")),
        AlertKind::ImportCutOff { .. } => ("Import it again", format!("/admin/imports{scope}")),
        AlertKind::AdvertiserDisabled => {
            ("Enable it", format!("/admin/catalogue/advertisers/{id}/switch?advertiser={id}"))
        }
        AlertKind::NoOfferReports => ("Turn it on", format!("/admin/catalogue/offers{scope}")),
        AlertKind::OffersOff { .. } => ("See the offers", format!("/admin/catalogue/offers{scope}")),
        AlertKind::NoToken => ("Generate token", format!("/admin/tokens/new?advertiser={id}")),
        AlertKind::OldTokenUnused { .. } => ("Revoke it", format!("/admin/tokens{scope}")),
        AlertKind::TokenEnding { has_successor: false, .. } => ("Rotate it", format!("/admin/tokens{scope}")),
        AlertKind::TokenExpired { .. } | AlertKind::TokenEnding { .. } => {
            ("See the tokens", format!("/admin/tokens{scope}"))
        }
        AlertKind::PollingStopped { .. } => ("See the polls", format!("/admin/polls{scope}")),
        AlertKind::ServedLess { day, .. } => ("See the day", day::address(shell, *day)),
        AlertKind::NoStats { .. } => ("See the stats", format!("/admin/stats{scope}")),
        AlertKind::PollingRefused { .. } | AlertKind::PollsRefused { .. } | AlertKind::TokenRefused { .. } => {
            ("See why", polls("answer=refused"))
        }
        AlertKind::TokenElsewhere { .. } => ("See the tokens", format!("/admin/tokens{scope}")),
        AlertKind::StrangersRefused { .. } => ("See from where", polls("token=none")),
    })
}
