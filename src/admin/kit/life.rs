//! How long what a form makes will work: one of the form's choices, in days; the empty one has no end.

use chrono::{DateTime, TimeDelta, Utc};

use super::context::RequestContext;
use crate::domain::Invalid;

/// When what the form makes ends, by its field `life`.
pub fn expiry(
    context: &RequestContext,
    lives: &[(&str, &str)],
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, Invalid> {
    let life = context.field("life");
    if !lives.iter().any(|(days, _)| *days == life) {
        return Err(Invalid::value("life", life, "one of the choices"));
    }
    Ok(life.parse().ok().map(|days| now + TimeDelta::days(days)))
}
