//! The pages of a long list: which rows are shown, and the links to the others.

use crate::admin::kit::context::RequestContext;
use crate::admin::kit::format;
use crate::admin::kit::table::link_with;

/// Links to the other pages of a list.
#[derive(Debug)]
pub struct Pages {
    /// `51 to 100 of 2,003 campaigns`
    pub shown: String,
    pub previous: Option<String>,
    pub next: Option<String>,
    /// The last page, if it isn't the next one.
    pub last: Option<(usize, String)>,
}

impl Pages {
    /// Page `page`, counted from 1, of `total` rows called `noun`; `None` if all fit on one page.
    #[must_use]
    pub fn new(context: &RequestContext, page: usize, size: usize, total: usize, noun: &str) -> Option<Self> {
        if total <= size && page == 1 {
            return None;
        }
        let link = |page: usize| link_with(context, "page", &if page == 1 { String::new() } else { page.to_string() });
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let last = total.div_ceil(size).max(1);
        let (first_row, last_row) = ((page - 1).saturating_mul(size) + 1, page.saturating_mul(size).min(total));
        let all = format::plural(count(total), noun);
        let shown = if first_row > total {
            format!("Page {page} is behind the last of {all}")
        } else {
            format!("{} to {} of {all}", format::count(count(first_row)), format::count(count(last_row)))
        };
        Some(Self {
            shown,
            previous: (page > 1).then(|| link((page - 1).min(last))),
            next: (page < last).then(|| link(page + 1)),
            last: (page + 1 < last).then(|| (last, link(last))),
        })
    }
}
