//! How often each kind of change was acknowledged, or killed, in a run.

use std::sync::atomic::{AtomicUsize, Ordering};

/// From this many cycles on, each kind must have happened. In fewer, a slow machine may not get to all of them.
const ENOUGH: u32 = 500;

#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) imports: AtomicUsize,
    pub(crate) issued: AtomicUsize,
    pub(crate) revoked: AtomicUsize,
    pub(crate) log_ins: AtomicUsize,
    pub(crate) log_outs: AtomicUsize,
    pub(crate) edits: AtomicUsize,
    pub(crate) switched: AtomicUsize,
    pub(crate) uploads: AtomicUsize,
    pub(crate) uploads_imported: AtomicUsize,
    pub(crate) merged: AtomicUsize,
    pub(crate) unmerged: AtomicUsize,
    pub(crate) feeds_made: AtomicUsize,
    pub(crate) feeds_revoked: AtomicUsize,
    pub(crate) alarms_set: AtomicUsize,
    pub(crate) alarms_told: AtomicUsize,
    pub(crate) backups: AtomicUsize,
    pub(crate) restores: usize,
    pub(crate) restores_killed: usize,
    pub(crate) first_starts: usize,
    /// Upgrades from each old schema that were killed.
    pub(crate) upgrades: Vec<(u64, usize)>,
    pub(crate) upgrades_done: usize,
    pub(crate) power_cuts: usize,
    pub(crate) unflushed: usize,
}

impl Counts {
    fn named(&self) -> Vec<(usize, String)> {
        let of = |count: &AtomicUsize, what: &str| (count.load(Ordering::Relaxed), what.to_owned());
        let mut all = vec![
            of(&self.imports, "imports"),
            of(&self.uploads, "uploads by the pages"),
            of(&self.uploads_imported, "of them imported"),
            of(&self.edits, "cell edits"),
            of(&self.switched, "offer switches"),
            of(&self.merged, "merges"),
            of(&self.unmerged, "merges undone"),
            of(&self.log_ins, "log-ins"),
            of(&self.log_outs, "log-outs"),
            of(&self.issued, "tokens issued"),
            of(&self.revoked, "tokens revoked"),
            of(&self.feeds_made, "feeds made"),
            of(&self.feeds_revoked, "feeds revoked"),
            of(&self.alarms_set, "alarm settings"),
            of(&self.alarms_told, "alarms begun or ended"),
            of(&self.backups, "backups"),
            (self.restores, "restores done".to_owned()),
            (self.restores_killed, "restores killed".to_owned()),
            (self.first_starts, "first starts killed".to_owned()),
        ];
        all.extend(
            self.upgrades.iter().map(|(schema, count)| (*count, format!("upgrades from schema {schema} killed"))),
        );
        all
    }

    pub(crate) fn words(&self) -> String {
        let named: Vec<_> = self.named().iter().map(|(count, what)| format!("{count} {what}")).collect();
        format!(
            "({} power cuts took {} writes): {} ({} of these upgrades after the step). After each kill checked: the file's \
             integrity and references, the report of every cell over HTTP and by command, the upload that was under way, the \
             merged campaign, the offer's switch, the alarm and its hour, tokens, feeds and sessions, every backup with a name",
            self.power_cuts,
            self.unflushed,
            named.join(", "),
            self.upgrades_done,
        )
    }

    /// Whether everything happened that a run of so many cycles must contain.
    pub(crate) fn check(&self, cycles: u32) -> Result<(), String> {
        match self.named().into_iter().find(|(count, _)| *count == 0) {
            Some((_, what)) if cycles >= ENOUGH => Err(format!("nothing was tested: 0 {what} in {cycles} cycles")),
            _ => Ok(()),
        }
    }
}
