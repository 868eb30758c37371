//! A person at the admin pages: logs in and out, edits cells, turns an offer's cost reporting on and off.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::http::{Answer, Person};
use crate::common::rng::Rng;
use crate::ledger::{Life, Session};
use crate::{CLERK, Run};

pub(crate) const EMAIL: &str = "clerk@example.com";
pub(crate) const PASSWORD: &str = "a sentence is easier";

impl Session {
    /// Logs in as people do: the page first, then its form.
    pub(crate) fn start(address: &str) -> reqwest::Result<Self> {
        let mut person = Person::at(&format!("http://{address}"));
        let answer = person.try_log_in(EMAIL, PASSWORD)?;
        assert_eq!(answer.status, 303, "a log-in was answered {}", answer.text());
        Ok(Self { person, life: Life::Live })
    }

    /// The status of the start page: 200, or 303 to the log-in page. The server may have another port by now.
    pub(crate) fn home(&mut self, address: &str) -> reqwest::Result<Answer> {
        self.person.move_to(&format!("http://{address}"));
        self.person.try_send(self.person.request("GET", "/admin/"))
    }
}

impl Run {
    pub(crate) fn work_at_the_pages(&self, address: &str, rng: &mut Rng, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) && self.one_session(address, rng).is_ok() {}
    }

    fn one_session(&self, address: &str, rng: &mut Rng) -> reqwest::Result<()> {
        let mut session = Session::start(address)?;
        session.home(address)?;
        let mut person = session.person.clone();
        let at = {
            let mut sessions = self.sessions.lock().unwrap();
            sessions.push(session);
            sessions.len() - 1
        };
        self.counts.log_ins.fetch_add(1, Ordering::Relaxed);
        let mut send = |path: &str, fields: &[(&str, &str)]| {
            let answer = person.try_send(person.filled(path, fields))?;
            assert_eq!(answer.status, 303, "{path} was answered {}", String::from_utf8_lossy(&answer.body));
            Ok(())
        };
        for _ in 0..rng.below(8) {
            if rng.below(3) == 0 {
                let word = if self.switch.lock().unwrap().turn() { "off" } else { "on" };
                send(&format!("/admin/catalogue/offers/{}/reporting", self.offer), &[("to", word)])?;
                self.switch.lock().unwrap().acknowledge();
                self.counts.switched.fetch_add(1, Ordering::Relaxed);
            } else {
                let fields = self.writers[CLERK].lock().unwrap().cell(CLERK, rng);
                let (campaign, publisher) = (&self.cell_campaign, &self.cell_publisher);
                let whose = [("campaign", campaign.as_str()), ("publisher", publisher), ("reason", "crash")];
                let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
                send("/admin/stats/cell", &[&whose[..], &fields].concat())?;
                self.writers[CLERK].lock().unwrap().acknowledge();
                self.counts.edits.fetch_add(1, Ordering::Relaxed);
            }
        }
        if rng.below(2) == 0 {
            self.sessions.lock().unwrap()[at].life = Life::Unsure;
            send("/admin/logout", &[])?;
            self.sessions.lock().unwrap()[at].life = Life::Ended;
            self.counts.log_outs.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}
