//! Stale forms: somebody else changed the values that a form was made from.
//!
//! Such a form carries the values its fields had when it was made. If they have changed since, the form is shown again with
//! both values, and what was typed is kept. Nothing is overwritten unless the person sends it again after seeing that. A
//! request without these fields comes from a program, which states what it wants.

use chrono::{DateTime, Utc};

use crate::admin::kit::context::RequestContext;
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::format;
use crate::domain::{ReportingZone, ZoneClock};
use crate::http::ClientError;
use crate::service::ServiceError;

/// Who changed it, and when.
#[derive(Debug, Clone)]
pub struct ChangedBy {
    /// An e-mail address, a token's id, or the command line.
    pub actor: String,
    pub at: DateTime<Utc>,
}

/// Compares a sent form with `form`, which has the current values. Returns the form to show again if somebody else changed
/// it. The audit log says who, by the noun of its action and a text in its subject.
pub async fn refused(
    context: &RequestContext,
    form: &Form,
    noun: &'static str,
    subject: String,
) -> Result<Option<Form>, ClientError> {
    if form.stale(context, None, &ReportingZone::UTC.clock()).is_none() {
        return Ok(None);
    }
    let found = context
        .run(move |context| {
            context.store().read(|txn| {
                let by = txn.audit_last(noun, &subject)?.map(|row| ChangedBy { actor: row.actor, at: row.at });
                let zone = context.advertisers(txn)?.1.map_or(ReportingZone::UTC, |row| row.time_zone);
                Ok::<_, ServiceError>((by, zone))
            })
        })
        .await?;
    Ok(form.stale(context, found.0.as_ref(), &found.1.clock()))
}

/// The name under which a form carries what a field held.
#[must_use]
pub fn base_name(field: &str) -> String {
    format!("was.{field}")
}

impl Form {
    /// Makes the form carry its fields' current values.
    #[must_use]
    pub fn based_on_now(mut self) -> Self {
        for field in &mut self.fields {
            if !matches!(field.kind, Kind::Password | Kind::Code) {
                field.base = Some(field.value.clone());
            }
        }
        self
    }

    /// Makes the form carry one field's current value.
    #[must_use]
    pub fn based_on(mut self, name: &str) -> Self {
        for field in self.fields.iter_mut().filter(|field| field.name == name) {
            field.base = Some(field.value.clone());
        }
        self
    }

    /// Compares the values that the sent form was made from with the current ones in `self`. `None` if nothing would be
    /// overwritten unseen, else the form to show again.
    #[must_use]
    pub fn stale(&self, context: &RequestContext, by: Option<&ChangedBy>, zone: &ZoneClock) -> Option<Self> {
        let mut again = self.clone();
        let who =
            by.map_or_else(|| "Somebody".to_owned(), |by| format!("{}, on {},", by.actor, format::moment(by.at, zone)));
        let mut moved = Vec::new();
        for field in &mut again.fields {
            let typed = context.sent(field.name).unwrap_or_default().to_owned();
            let (Some(base), Some(was)) = (&field.base, context.sent(&base_name(field.name))) else {
                if !matches!(field.kind, Kind::Password | Kind::Code) && context.sent(field.name).is_some() {
                    field.value = typed;
                }
                continue;
            };
            let now = base.clone();
            if now == was || now == typed {
                field.value = typed;
                continue;
            }
            let changed = format!(
                "{who} changed this from {} to {}.",
                shown(&field.kind.label(was)),
                shown(&field.kind.label(&now))
            );
            let hidden = field.kind == Kind::Hidden;
            let message = if typed == was || hidden {
                changed
            } else {
                let message = format!(
                    "{changed} You typed {}, which is filled in here. Save again to keep yours.",
                    shown(&field.kind.label(&typed))
                );
                field.value = typed;
                message
            };
            if !hidden {
                field.error = Some(message.clone());
            }
            moved.push((field.label, message, hidden));
        }
        if moved.is_empty() {
            return None;
        }
        let unseen = moved.iter().filter(|(.., hidden)| *hidden);
        let unseen: Vec<_> = unseen.map(|(label, message, _)| format!("{label}: {message}")).collect();
        let lead = "This was changed while you had the page open, so nothing was saved. Look at what it is now, and save again if you still want to.";
        again.error = Some([&[lead.to_owned()], unseen.as_slice()].concat().join(" "));
        Some(again)
    }
}

fn shown(value: &str) -> String {
    if value.is_empty() { "nothing".to_owned() } else { format!("“{value}”") }
}

impl Kind {
    /// The label of this value in the form.
    fn label(&self, value: &str) -> String {
        match self {
            Self::Tick => if value == "on" { "on" } else { "off" }.to_owned(),
            Self::Choice(choices) => {
                choices.iter().find(|(key, _)| key == value).map_or(value, |(_, label)| label.as_str()).to_owned()
            }
            _ => value.to_owned(),
        }
    }
}
