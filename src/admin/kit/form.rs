//! Forms: fields with their label, hint, value and error. One template shows them all, so that every control is labelled
//! and every error stands beside its field, with what was typed still there.

use crate::admin::kit::context::RequestContext;
use crate::domain::Invalid;
use crate::http::ClientError;
use crate::service::ServiceError;
use crate::store::StoreError;

/// What a field is filled in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// One line of digits.
    Number,
    Email,
    /// A password; never filled in by us.
    Password,
    /// A code that is typed once; never filled in by us.
    Code,
    Date,
    /// One of these values, each with its label.
    Choice(Vec<(String, String)>),
    /// One of these words, or another.
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
    /// What is expected, and what becomes of it.
    pub hint: String,
    /// What it is filled in with.
    pub kind: Kind,
    /// What stands in it.
    pub value: String,
    /// What it held when the form was made, where the form changes something that is there.
    pub base: Option<String>,
    /// What was wrong with it.
    pub error: Option<String>,
    /// What a browser may fill in.
    pub autocomplete: &'static str,
    /// Whether it may stay empty.
    pub optional: bool,
}

#[derive(Debug, Clone)]
pub struct Form {
    /// Where it is sent.
    pub action: String,
    /// The button's words: a verb and its object.
    pub submit: &'static str,
    /// Whether the button destroys something.
    pub danger: bool,
    pub cancel: Option<String>,
    /// What was wrong with the whole of it.
    pub error: Option<String>,
    pub fields: Vec<Field>,
}

impl Form {
    #[must_use]
    pub fn new(action: impl Into<String>, submit: &'static str) -> Self {
        Self { action: action.into(), submit, danger: false, cancel: None, error: None, fields: Vec::new() }
    }

    /// Gives it a way out.
    #[must_use]
    pub fn or_back_to(mut self, cancel: impl Into<String>) -> Self {
        self.cancel = Some(cancel.into());
        self
    }

    /// Marks it as destroying something.
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

    /// Lets the last field stay empty.
    #[must_use]
    pub fn optional(mut self) -> Self {
        if let Some(field) = self.fields.last_mut() {
            field.optional = true;
        }
        self
    }

    /// Keeps the browser from filling anything in: the form is about somebody else.
    #[must_use]
    pub fn without_autofill(mut self) -> Self {
        self.fields.iter_mut().for_each(|field| field.autocomplete = "off");
        self
    }

    /// Fills a field in.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        if let Some(field) = self.fields.iter_mut().find(|field| field.name == name) {
            field.value = value.into();
        }
        self
    }

    /// Adds a number of its own, by which the same form sent twice is known.
    #[must_use]
    pub fn sent_once(self) -> Self {
        let number = uuid::Uuid::new_v4().to_string();
        self.field("form_id", "", Kind::Hidden, "").with("form_id", number)
    }

    /// Whether something in it is to be put right.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.error.is_some() || self.fields.iter().any(|field| field.error.is_some())
    }

    /// The name of the first field with an error.
    #[must_use]
    pub fn first_wrong(&self) -> &str {
        self.fields.iter().find(|field| field.error.is_some()).map_or("", |field| field.name)
    }

    /// Fills in what was typed, but no passwords and codes.
    #[must_use]
    pub fn as_typed(mut self, context: &RequestContext) -> Self {
        for field in &mut self.fields {
            if !matches!(field.kind, Kind::Password | Kind::Code) {
                context.field(field.name).clone_into(&mut field.value);
            }
        }
        self
    }

    /// Puts an error beside its field; one that the person has no part in is handed back.
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
    /// What the control's description is: the hint and the error, where there are such.
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

    /// Whether one of several values is to be chosen.
    #[must_use]
    pub fn is_choice(&self) -> bool {
        matches!(self.kind, Kind::Choice(_))
    }

    /// The values to choose from.
    #[must_use]
    pub fn choices(&self) -> &[(String, String)] {
        if let Kind::Choice(choices) = &self.kind { choices } else { &[] }
    }

    /// The words to pick from.
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
