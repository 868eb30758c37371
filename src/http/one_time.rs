//! Pages that are shown once: they contain a secret that Pitlane doesn't store.
//!
//! A form that makes a secret redirects to an address that answers once. The form's id is remembered, so that a form sent
//! twice makes one secret. Everything is in memory, belongs to one session, and is dropped after some minutes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret as _, SecretString};

use crate::service::ServiceResult;
use crate::service::access::sessions;

/// How long a page is kept and a form remembered.
const LIFE: Duration = Duration::from_mins(10);

/// The most pages and forms that are kept.
const MOST: usize = 1000;

/// How long a repeated form waits for the first one.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pages that are shown once.
#[derive(Default)]
pub struct OneTimePages {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// By id: session, time, and page.
    pages: HashMap<String, (String, Instant, SecretString)>,
    /// By session and form: time, and the page it made; `None` while it is being made.
    forms: HashMap<(String, String), (Instant, Option<String>)>,
}

impl Kept {
    fn tidy(&mut self) {
        self.pages.retain(|_, (_, since, _)| since.elapsed() < LIFE);
        self.forms.retain(|_, (since, _)| since.elapsed() < LIFE);
        if self.pages.len() > MOST {
            self.pages.clear();
        }
        if self.forms.len() > MOST {
            self.forms.clear();
        }
    }
}

impl OneTimePages {
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a page for a session, and returns its id.
    pub fn keep(&self, session: &str, form: &str, html: String) -> ServiceResult<String> {
        let id = sessions::secret()?.expose_secret().to_owned();
        let mut kept = self.kept();
        kept.tidy();
        kept.pages.insert(id.clone(), (session.to_owned(), Instant::now(), html.into()));
        if !form.is_empty() {
            kept.forms.insert((session.to_owned(), form.to_owned()), (Instant::now(), Some(id.clone())));
        }
        Ok(id)
    }

    /// The page with this id, if it belongs to this session and wasn't fetched yet.
    #[must_use]
    pub fn take(&self, session: &str, id: &str) -> Option<SecretString> {
        let mut kept = self.kept();
        kept.tidy();
        let is_own = kept.pages.get(id).is_some_and(|(owner, ..)| owner == session);
        if is_own { kept.pages.remove(id).map(|(.., html)| html) } else { None }
    }

    /// The id of the page that this form made. `None` if the form is new: it then counts as being made until [`Self::keep`]
    /// or [`Self::forget`]. A form without an id is always new.
    pub async fn made_by(&self, session: &str, form: &str) -> Option<String> {
        if form.is_empty() {
            return None;
        }
        let key = (session.to_owned(), form.to_owned());
        let begun = Instant::now();
        loop {
            {
                let mut kept = self.kept();
                kept.tidy();
                match kept.forms.get(&key) {
                    Some((_, Some(id))) => return Some(id.clone()),
                    Some((_, None)) if begun.elapsed() < PATIENCE => {}
                    _ => {
                        kept.forms.insert(key, (Instant::now(), None));
                        return None;
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Says that a form made nothing, so that it can be sent again.
    pub fn forget(&self, session: &str, form: &str) {
        self.kept().forms.remove(&(session.to_owned(), form.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_is_given_once_and_to_its_session_only() {
        let pages = OneTimePages::default();
        assert_eq!(pages.made_by("ada", "form 1").await, None);
        let id = pages.keep("ada", "form 1", "secret".to_owned()).unwrap();
        assert!(pages.take("ben", &id).is_none());
        assert_eq!(pages.take("ada", &id).unwrap().expose_secret(), "secret");
        assert!(pages.take("ada", &id).is_none());
        assert_eq!(pages.made_by("ada", "form 1").await, Some(id));
        assert_eq!(pages.made_by("ben", "form 1").await, None);
    }

    #[tokio::test]
    async fn the_second_of_two_equal_forms_waits_for_the_first() {
        let pages = OneTimePages::default();
        assert_eq!(pages.made_by("ada", "form 1").await, None);
        let first = async {
            tokio::task::yield_now().await;
            pages.keep("ada", "form 1", "secret".to_owned()).unwrap()
        };
        let (made, seen) = tokio::join!(first, pages.made_by("ada", "form 1"));
        assert_eq!(seen, Some(made));
        assert_eq!(pages.made_by("ada", "form 2").await, None);
        pages.forget("ada", "form 2");
        assert_eq!(pages.made_by("ada", "form 2").await, None);
    }
}
