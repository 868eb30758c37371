//! Somebody at the admin pages: logs in and out, restates cells, turns an offer's cost reporting on and off.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::ledger::{Life, Session};
use crate::rng::Rng;
use crate::shim::{self, Answer};
use crate::{CLERK, Run};

pub(crate) const EMAIL: &str = "admin_client@example.com";
pub(crate) const PASSWORD: &str = "a sentence is easier";

/// A connection that broke; whatever was asked for may have happened or not.
pub(crate) struct Broken;

/// A page, or the answer to a form, for whoever has the cookie.
fn ask(address: &str, request: &str, cookie: &str, form: &str) -> Result<Answer, Broken> {
    let headers = format!("Cookie: {cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\n");
    shim::exchange(address, request, &headers, form).map_err(|_| Broken)
}

impl Session {
    /// Logs in as people do: the page first, then its form.
    pub(crate) fn start(address: &str) -> Result<Self, Broken> {
        let page = ask(address, "GET /admin/login", "", "")?;
        let guest = shim::cookie(&page.head, "pitlane_guest").ok_or(Broken)?;
        let proof = shim::form_token(&page.body).ok_or(Broken)?;
        let form = format!("form_token={proof}&email={EMAIL}&password={}", PASSWORD.replace(' ', "+"));
        let answer = ask(address, "POST /admin/login", &format!("pitlane_guest={guest}"), &form)?;
        assert_eq!(answer.status, 303, "a log-in was answered {}", String::from_utf8_lossy(&answer.body));
        let value = shim::cookie(&answer.head, "pitlane_session").ok_or(Broken)?;
        Ok(Self { cookie: format!("pitlane_session={value}"), life: Life::Live })
    }

    /// What the start page answers: 200, or 303 to the log-in page.
    pub(crate) fn context(&self, address: &str) -> Result<Answer, Broken> {
        ask(address, "GET /admin/", &self.cookie, "")
    }
}

impl Run {
    pub(crate) fn work_at_the_pages(&self, address: &str, rng: &mut Rng, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) && self.one_session(address, rng).is_ok() {}
    }

    fn one_session(&self, address: &str, rng: &mut Rng) -> Result<(), Broken> {
        let session = Session::start(address)?;
        let cookie = session.cookie.clone();
        let page = session.context(address)?;
        let at = {
            let mut sessions = self.sessions.lock().unwrap();
            sessions.push(session);
            sessions.len() - 1
        };
        self.counts.log_ins.fetch_add(1, Ordering::Relaxed);
        let proof = shim::form_token(&page.body).ok_or(Broken)?;
        let send = |path: &str, fields: &str| {
            let answer = ask(address, &format!("POST {path}"), &cookie, &format!("form_token={proof}{fields}"))?;
            assert_eq!(answer.status, 303, "{path} was answered {}", String::from_utf8_lossy(&answer.body));
            Ok(answer)
        };
        for _ in 0..rng.below(8) {
            if rng.below(3) == 0 {
                let word = if self.switch.lock().unwrap().turn() { "off" } else { "on" };
                send(&format!("/admin/catalogue/offers/{}/reporting", self.offer), &format!("&to={word}"))?;
                self.switch.lock().unwrap().acknowledge();
                self.counts.switched.fetch_add(1, Ordering::Relaxed);
            } else {
                let fields = self.writers[CLERK].lock().unwrap().cell(CLERK, rng);
                let (campaign, publisher) = (&self.cell_campaign, &self.cell_publisher);
                send(
                    "/admin/stats/cell",
                    &format!("&campaign={campaign}&publisher={publisher}&reason=crash&{fields}"),
                )?;
                self.writers[CLERK].lock().unwrap().acknowledge();
                self.counts.edits.fetch_add(1, Ordering::Relaxed);
            }
        }
        if rng.below(2) == 0 {
            self.sessions.lock().unwrap()[at].life = Life::Unsure;
            send("/admin/logout", "")?;
            self.sessions.lock().unwrap()[at].life = Life::Ended;
            self.counts.log_outs.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}
