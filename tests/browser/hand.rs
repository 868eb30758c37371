//! A person at work: with the mouse, or with the keyboard alone. What they press and fill in is counted, and at each stop of the
//! keyboard the focus must be seen.

use std::time::{Duration, Instant};

use serde::Deserialize;
use thirtyfour::prelude::*;

use crate::harness::Browser;

/// The links of the navigation, which stand before the page's own.
const NAVIGATION: [&str; 8] = ["Home", "Stats", "Import", "Catalogue", "Singular", "Tokens", "Audit", "Settings"];

/// The longest way with the tab key.
const LONGEST: usize = 250;

/// Where the keyboard stands: what it is, whether a ring of at least 2 px is around it, and whether some of it is in view and
/// not covered.
const STOP: &str = "const el = document.activeElement;
    if (!el || el === document.body || el === document.documentElement) return null;
    const label = el.closest('label'), all = label ? [el, label] : [el];
    const ring = all.some((one) => {
        const style = getComputedStyle(one);
        return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
    });
    const around = label ? label.parentElement : el;
    const seen = all.some((one) => [...one.getClientRects()].some((box) =>
        [[0.5, 0.5], [0.1, 0.2], [0.9, 0.2], [0.1, 0.8], [0.9, 0.8]].some(([x, y]) => {
            const hit = document.elementFromPoint(box.left + box.width * x, box.top + box.height * y);
            return hit !== null && around.contains(hit);
        })));
    return {
        tag: el.tagName.toLowerCase(), field: el.name || el.id || '', ring, seen,
        words: (el.getAttribute('aria-label') || el.textContent).trim().replace(/\\s+/g, ' '),
        chosen: el.selectedOptions ? el.selectedOptions[0].textContent.trim() : '',
    };";

/// A stop of the keyboard.
#[derive(Debug, Deserialize)]
struct Stop {
    tag: String,
    field: String,
    words: String,
    chosen: String,
    ring: bool,
    seen: bool,
}

pub(crate) struct Hand<'b> {
    pub(crate) browser: &'b Browser,
    has_mouse: bool,
    clicks: u32,
    fields: u32,
    since: Instant,
    /// Whether the page was just loaded, so that the keyboard stands before its first link.
    is_fresh: bool,
}

impl<'b> Hand<'b> {
    pub(crate) fn new(browser: &'b Browser, has_mouse: bool) -> Self {
        Self { browser, has_mouse, clicks: 0, fields: 0, since: Instant::now(), is_fresh: true }
    }

    /// Begins a task at Home.
    pub(crate) async fn begin(&mut self) {
        self.browser.go("/admin/").await;
        (self.clicks, self.fields, self.since, self.is_fresh) = (0, 0, Instant::now(), true);
    }

    /// Ends a task, which took this many clicks and fields.
    #[track_caller]
    pub(crate) fn ends(&self, task: &str, clicks: u32, fields: u32) {
        let seconds = self.since.elapsed().as_secs_f32();
        let how = if self.has_mouse { "mouse" } else { "keyboard" };
        println!("| {task} | {how} | {} clicks | {} fields | {seconds:.1} s |", self.clicks, self.fields);
        assert_eq!((self.clicks, self.fields), (clicks, fields), "{task}");
    }

    /// Follows the link whose name begins with these words.
    pub(crate) async fn follow(&mut self, words: &str) {
        self.clicks += 1;
        self.leave("a", words).await;
    }

    /// Presses the button whose name begins with these words, and waits for the page it leads to.
    pub(crate) async fn press(&mut self, words: &str) {
        self.clicks += 1;
        self.leave("button", words).await;
    }

    /// Presses what leads to no other page.
    pub(crate) async fn touch(&mut self, tag: &str, words: &str) {
        self.clicks += 1;
        self.use_there(tag, words).await;
    }

    /// Types into a field, or chooses the option that begins with these words.
    pub(crate) async fn fill(&mut self, name: &str, text: &str) {
        self.fields += 1;
        if self.has_mouse {
            self.browser.fill(name, text).await;
            return;
        }
        let stop = self.reach(name, |stop| stop.field == name).await;
        if stop.tag == "select" {
            self.choose(stop, text).await;
            return;
        }
        let field = self.browser.driver.active_element().await.unwrap();
        if field.attr("type").await.unwrap().as_deref() == Some("date") {
            // Its parts are typed in the order in which the browser shows them: month, day, year.
            let (year, rest) = text.split_once('-').unwrap();
            self.strike(&format!("{}{year}", rest.replace('-', ""))).await;
        } else {
            field.send_keys(Key::Control + "a").await.unwrap();
            field.send_keys(text).await.unwrap();
        }
    }

    /// Chooses with the arrow keys.
    async fn choose(&self, mut stop: Stop, text: &str) {
        self.strike(Key::Home).await;
        for _ in 0..LONGEST {
            stop = self.stop().await.unwrap_or(stop);
            if stop.chosen.starts_with(text) {
                return;
            }
            self.strike(Key::Down).await;
        }
        panic!("no choice {text} in {}", stop.field);
    }

    /// Gives a file field its file. What the system's own dialogue does, the driver does in its place.
    pub(crate) async fn attach(&mut self, name: &str, path: &str) {
        self.fields += 1;
        if !self.has_mouse {
            self.reach(name, |stop| stop.field == name).await;
        }
        self.find(&format!("//main//input[@name='{name}']")).await.send_keys(path).await.unwrap();
    }

    async fn leave(&mut self, tag: &str, words: &str) {
        let old = self.browser.driver.find(By::Css("html")).await.unwrap();
        self.use_there(tag, words).await;
        let deadline = Instant::now() + Duration::from_secs(20);
        while old.tag_name().await.is_ok() || self.browser.driver.find(By::Css("main")).await.is_err() {
            assert!(Instant::now() < deadline, "{words} led nowhere from {}", self.browser.path().await);
        }
        self.is_fresh = true;
    }

    async fn use_there(&mut self, tag: &str, words: &str) {
        if self.has_mouse {
            let begins = |what: &str| format!("starts-with(normalize-space({what}), '{words}')");
            let path = format!("//{tag}[{} or not(@aria-label) and {}]", begins("@aria-label"), begins("."));
            self.find(&path).await.click().await.unwrap();
        } else {
            self.reach(words, |stop| stop.tag == tag && stop.words.starts_with(words)).await;
            self.strike(Key::Enter).await;
        }
    }

    async fn find(&self, path: &str) -> WebElement {
        let Ok(found) = self.browser.driver.find(By::XPath(path)).await else {
            panic!("no {path} on {}:\n{}", self.browser.path().await, self.browser.text("body").await)
        };
        found
    }

    /// Presses keys, whatever has the focus.
    async fn strike(&self, keys: impl Into<TypingData>) {
        self.browser.driver.action_chain().send_keys(keys).perform().await.unwrap();
    }

    async fn stop(&self) -> Option<Stop> {
        let found = self.browser.driver.execute(STOP, Vec::new()).await.unwrap();
        serde_json::from_value(found.json().clone()).unwrap()
    }

    /// Presses the tab key until what is wanted has the focus. A page's own content is reached by the link that skips to it.
    async fn reach(&mut self, words: &str, is_wanted: impl Fn(&Stop) -> bool) -> Stop {
        let mut next = self.stop().await;
        if std::mem::take(&mut self.is_fresh) && next.is_none() && !NAVIGATION.contains(&words) {
            self.strike(Key::Tab).await;
            let stop = self.stop().await.unwrap();
            assert!(stop.words == "Skip to the page" && stop.ring && stop.seen, "{stop:?}");
            self.strike(Key::Enter).await;
            next = None;
        }
        let mut stops = Vec::new();
        for _ in 0..LONGEST {
            if let Some(stop) = next {
                assert!(stop.ring && stop.seen, "the focus is not seen on {}: {stop:?}", self.browser.path().await);
                if is_wanted(&stop) {
                    return stop;
                }
                stops.push(format!("{} {}", stop.tag, stop.words));
            }
            self.strike(Key::Tab).await;
            next = self.stop().await;
        }
        panic!("the tab key does not lead to {words} on {}: {stops:#?}", self.browser.path().await);
    }
}
