//! How long a token or feed works: one of the form's choices, in days; the empty one never ends.

use chrono::{DateTime, TimeDelta, Utc};

use super::context::RequestContext;
use crate::domain::Invalid;

/// The end of its life, from the field `life`.
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
