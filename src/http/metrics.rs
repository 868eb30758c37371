//! Metrics for Prometheus. Labels are routes, statuses, states and advertisers' names; never ids or addresses.

use std::time::Duration;

use chrono::Utc;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::service::ledger::Tally;
use crate::service::status::{ApplianceStatus, PollingState};

/// Labels of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    status: u16,
}

/// Labels of an advertiser's polling state.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PollingLabels {
    state: &'static str,
}

/// Labels of an advertiser's days in a state.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DaysLabels {
    advertiser: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AdvertiserLabels {
    advertiser: String,
}

/// The counters and their registry.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    duration: Histogram,
    polls_dropped: Counter,
    polling: Family<PollingLabels, Gauge>,
    singular_days: Family<DaysLabels, Gauge>,
    last_complete_poll: Family<AdvertiserLabels, Gauge>,
    backup_age: Gauge,
    drill_age: Gauge,
    copy_age: Gauge,
    backups_troubled: Gauge,
    certificate_days: Gauge,
    certificate_troubled: Gauge,
}

impl Metrics {
    #[must_use]
    pub fn new() -> Self {
        let requests = Family::default();
        let duration = Histogram::new([0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]);
        let polls_dropped = Counter::default();
        let mut registry = Registry::with_prefix("pitlane");
        registry.register("requests", "Requests by route and status", requests.clone());
        registry.register_with_unit(
            "request_duration",
            "Time from a request's arrival to the start of its answer",
            Unit::Seconds,
            duration.clone(),
        );
        registry.register(
            "polls_dropped",
            "Entries of the poll history that were not recorded because there were too many at once",
            polls_dropped.clone(),
        );
        let polling = Family::default();
        registry.register(
            "advertisers_polling",
            "Advertisers that are not disabled, by polling state",
            polling.clone(),
        );
        let (singular_days, last_complete_poll) = (Family::default(), Family::default());
        registry.register(
            "singular_days",
            "Days of an advertiser by how what was last handed to Singular compares with the report now",
            singular_days.clone(),
        );
        registry.register_with_unit(
            "last_complete_poll_timestamp",
            "When a poll by Singular was last answered whole; there is none while none was",
            Unit::Seconds,
            last_complete_poll.clone(),
        );
        let (backup_age, drill_age, backups_troubled) = (Gauge::default(), Gauge::default(), Gauge::default());
        registry.register_with_unit(
            "backup_age",
            "Seconds since the newest verified backup was made; -1 while there is none",
            Unit::Seconds,
            backup_age.clone(),
        );
        registry.register_with_unit(
            "restore_drill_age",
            "Time since a backup was last restored as a test; -1 while none was",
            Unit::Seconds,
            drill_age.clone(),
        );
        let copy_age = Gauge::default();
        registry.register_with_unit(
            "backup_copy_age",
            "Time since a backup was last copied elsewhere and read back from there; -1 while none was",
            Unit::Seconds,
            copy_age.clone(),
        );
        registry.register(
            "backups_troubled",
            "1 while the last backup failed, a kept one is damaged, or the newest is too old",
            backups_troubled.clone(),
        );
        let (certificate_days, certificate_troubled) = (Gauge::default(), Gauge::default());
        registry.register(
            "certificate_days_left",
            "Whole days until the server's own certificate ends, below 0 when it has; -1 while there is none or no HTTPS",
            certificate_days.clone(),
        );
        registry.register(
            "certificate_troubled",
            "1 while the server's own certificate is missing, has expired or expires soon",
            certificate_troubled.clone(),
        );
        Self {
            registry,
            requests,
            duration,
            polls_dropped,
            polling,
            singular_days,
            last_complete_poll,
            backup_age,
            drill_age,
            copy_age,
            backups_troubled,
            certificate_days,
            certificate_troubled,
        }
    }

    /// Advertisers come and go, so old labels are dropped.
    fn tally(&self, tallies: &[Tally]) {
        self.singular_days.clear();
        self.last_complete_poll.clear();
        for tally in tallies {
            let advertiser = || tally.advertiser.clone();
            for (state, count) in tally.days {
                let labels = DaysLabels { advertiser: advertiser(), state: state.as_str() };
                self.singular_days.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
            }
            if let Some(at) = tally.served_at {
                let labels = AdvertiserLabels { advertiser: advertiser() };
                self.last_complete_poll.get_or_create(&labels).set(at.timestamp());
            }
        }
    }

    pub fn request(&self, route: &str, status: u16, took: Duration) {
        self.requests.get_or_create(&RequestLabels { route: route.to_owned(), status }).inc();
        self.duration.observe(took.as_secs_f64());
    }

    /// All metrics in the OpenMetrics text format; `polling` and `tallies` are the state of each advertiser.
    pub fn render(
        &self,
        polls_dropped: u64,
        appliance: &ApplianceStatus,
        polling: &[PollingState],
        tallies: &[Tally],
    ) -> Result<String, std::fmt::Error> {
        for state in PollingState::ALL {
            let count = polling.iter().filter(|found| **found == state).count();
            let labels = PollingLabels { state: state.as_str() };
            self.polling.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        self.tally(tallies);
        let now = Utc::now();
        let (backups, certificate) = (&appliance.backups, appliance.certificate.as_ref());
        self.certificate_days.set(certificate.and_then(|status| status.days_left(now)).unwrap_or(-1));
        self.certificate_troubled.set(certificate.is_some_and(|status| status.trouble(now).is_some()).into());
        self.backup_age.set(backups.age(now).map_or(-1, |age| age.num_seconds()));
        self.drill_age.set(backups.drilled_at.filter(|at| *at <= now).map_or(-1, |at| (now - at).num_seconds()));
        let copied = appliance.copy.as_ref().and_then(|copy| copy.age(now));
        self.copy_age.set(copied.map_or(-1, |age| age.num_seconds()));
        self.backups_troubled.set(backups.trouble(now).is_some().into());
        self.polls_dropped.inner().store(polls_dropped, std::sync::atomic::Ordering::Relaxed);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
