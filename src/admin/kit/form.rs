//! Forms: fields with label, hint, value and error. One template renders them all, so that every control has a label and
//! every error is beside its field, with the typed value kept.

use crate::admin::kit::context::RequestContext;
use crate::domain::Invalid;
use crate::http::ClientError;
use crate::service::ServiceError;
use crate::store::StoreError;

/// The kind of a field's control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// A whole number.
    Number,
    Email,
    /// A password; never filled in by the server.
    Password,
    /// A one-time code; never filled in by the server.
    Code,
    Date,
    /// One of these values, each with its label.
    Choice(Vec<(String, String)>),
    /// Free text with these suggestions.
    Suggest(Vec<String>),
    Tick,
    Hidden,
}

impl Kind {
    /// One of these values, each with its label.
    #[must_use]
    pub fn choices(choices: &[(&str, &str)]) -> Self {
        Self::Choice(choices.iter().map(|(value, label)| ((*value).to_owned(), (*label).to_owned())).collect())
    }
}

#[derive(Debug, Clone)]
pub struct Field {
    /// Its name in the form.
    pub name: &'static str,
    /// What people call it.
    pub label: &'static str,
    /// What is expected, and what it is used for.
    pub hint: String,
    pub kind: Kind,
    /// The current value.
    pub value: String,
    /// The value when the form was made, if the form changes something that exists.
    pub base: Option<String>,
    /// The error message.
    pub error: Option<String>,
    /// The `autocomplete` attribute.
    pub autocomplete: &'static str,
    /// Whether it may be empty.
    pub optional: bool,
}

#[derive(Debug, Clone)]
pub struct Form {
    /// The address it is sent to.
    pub action: String,
    /// The button's text: a verb and its object.
    pub submit: &'static str,
    /// Whether the button destroys something.
    pub danger: bool,
    pub cancel: Option<String>,
    /// An error that belongs to no field.
    pub error: Option<String>,
    pub fields: Vec<Field>,
}

impl Form {
    #[must_use]
    pub fn new(action: impl Into<String>, submit: &'static str) -> Self {
        Self { action: action.into(), submit, danger: false, cancel: None, error: None, fields: Vec::new() }
    }

    /// Adds a link for cancelling.
    #[must_use]
    pub fn or_back_to(mut self, cancel: impl Into<String>) -> Self {
        self.cancel = Some(cancel.into());
        self
    }

    /// Marks the button as destructive.
    #[must_use]
    pub fn dangerous(mut self) -> Self {
        self.danger = true;
        self
    }

    #[must_use]
    pub fn field(mut self, name: &'static str, label: &'static str, kind: Kind, hint: impl Into<String>) -> Self {
        let autocomplete = match (&kind, name) {
            (Kind::Email, _) => "username",
            (Kind::Password, "new_password") => "new-password",
            (Kind::Password, _) => "current-password",
            (Kind::Code, _) => "one-time-code",
            _ => "off",
        };
        let (hint, value, optional) = (hint.into(), String::new(), kind == Kind::Tick);
        self.fields.push(Field { name, label, hint, kind, value, base: None, error: None, autocomplete, optional });
        self
    }

    /// Makes the last field optional.
    #[must_use]
    pub fn optional(mut self) -> Self {
        if let Some(field) = self.fields.last_mut() {
            field.optional = true;
        }
        self
    }

    /// Turns autocomplete off: the form is about another person.
    #[must_use]
    pub fn without_autofill(mut self) -> Self {
        self.fields.iter_mut().for_each(|field| field.autocomplete = "off");
        self
    }

    /// Sets a field's value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        if let Some(field) = self.fields.iter_mut().find(|field| field.name == name) {
            field.value = value.into();
        }
        self
    }

    /// Adds a random id, so that the same form sent twice is recognised.
    #[must_use]
    pub fn sent_once(self) -> Self {
        let number = uuid::Uuid::new_v4().to_string();
        self.field("form_id", "", Kind::Hidden, "").with("form_id", number)
    }

    /// Whether the form has an error.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.error.is_some() || self.fields.iter().any(|field| field.error.is_some())
    }

    /// The name of the first field with an error.
    #[must_use]
    pub fn first_wrong(&self) -> &str {
        self.fields.iter().find(|field| field.error.is_some()).map_or("", |field| field.name)
    }

    /// Fills in what was typed, except passwords and codes.
    #[must_use]
    pub fn as_typed(mut self, context: &RequestContext) -> Self {
        for field in &mut self.fields {
            if !matches!(field.kind, Kind::Password | Kind::Code) {
                context.field(field.name).clone_into(&mut field.value);
            }
        }
        self
    }

    /// Puts an error beside its field. An error that the person can't fix is returned.
    pub fn refused(mut self, error: ServiceError) -> Result<Self, ClientError> {
        let invalid = match error {
            ServiceError::Invalid(invalid) => invalid,
            ServiceError::Store(StoreError::Conflict(message) | StoreError::Missing(message)) => {
                Invalid::because("name", message)
            }
            other => return Err(other.into()),
        };
        let message = sentence(&invalid.reason);
        match self.fields.iter_mut().find(|field| field.name == invalid.field && field.kind != Kind::Hidden) {
            Some(field) => field.error = Some(message),
            None => self.error = Some(message),
        }
        Ok(self)
    }
}

impl Field {
    /// The control's `aria-describedby`: its hint and its error.
    #[must_use]
    pub fn described_by(&self) -> String {
        let hint = (!self.hint.is_empty()).then(|| format!("{}-hint", self.name));
        let error = self.error.is_some().then(|| format!("{}-error", self.name));
        [hint, error].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// The `type` of the control.
    #[must_use]
    pub fn input_type(&self) -> &'static str {
        match self.kind {
            Kind::Email => "email",
            Kind::Password => "password",
            Kind::Date => "date",
            Kind::Tick => "checkbox",
            Kind::Hidden => "hidden",
            _ => "text",
        }
    }

    /// Whether it is a list of choices.
    #[must_use]
    pub fn is_choice(&self) -> bool {
        matches!(self.kind, Kind::Choice(_))
    }

    /// The values to choose from.
    #[must_use]
    pub fn choices(&self) -> &[(String, String)] {
        if let Kind::Choice(choices) = &self.kind { choices } else { &[] }
    }

    /// The suggestions.
    #[must_use]
    pub fn suggestions(&self) -> &[String] {
        if let Kind::Suggest(message) = &self.kind { message } else { &[] }
    }
}

/// Starts with a capital and ends with a full stop.
pub(in crate::admin) fn sentence(message: &str) -> String {
    let mut chars = message.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}
