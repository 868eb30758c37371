//! The page that is one form: a title, a few lines that say what it does, the form, and ways onward.

use actix_web::http::StatusCode;
use askama::Template;

use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::layout::Shell;

/// A page that is one form, or the words that say why there is none.
#[derive(Template)]
#[template(path = "admin/form_page.html")]
pub struct FormPage {
    /// What stands around it.
    pub shell: Shell,
    /// What the form does, a paragraph each.
    pub intro: Vec<String>,
    pub form: Option<Form>,
    /// Ways onward: words and address.
    pub links: Vec<(String, String)>,
}

impl FormPage {
    /// Answers with a form inside the noun `nav`; a form with errors is answered as 422.
    pub async fn answer(
        context: &RequestContext,
        nav: &'static str,
        title: impl Into<String>,
        intro: Vec<String>,
        form: Form,
    ) -> Answer {
        Self::answer_with(context, nav, title, intro, Some(form), Vec::new()).await
    }

    /// The same with ways onward, and perhaps without a form.
    pub async fn answer_with(
        context: &RequestContext,
        nav: &'static str,
        title: impl Into<String>,
        intro: Vec<String>,
        form: Option<Form>,
        links: Vec<(String, String)>,
    ) -> Answer {
        let title = title.into();
        context
            .show_as(form.as_ref().map_or(StatusCode::OK, status), move |context, txn| {
                let mut shell = Shell::new(context, txn, nav, title)?;
                shell.is_refused = form.as_ref().is_some_and(Form::is_refused);
                Ok(Self { shell, intro, form, links })
            })
            .await
    }

    /// The same for people who are not logged in.
    pub async fn answer_outside(
        context: &RequestContext,
        title: &str,
        intro: Vec<String>,
        form: Option<Form>,
    ) -> Answer {
        let mut shell = Shell::outside(context, title);
        shell.is_refused = form.as_ref().is_some_and(Form::is_refused);
        let status = form.as_ref().map_or(StatusCode::OK, status);
        context.show_as(status, move |_, _| Ok(Self { shell, intro, form, links: Vec::new() })).await
    }
}

/// 422 where something is to be mended.
pub(in crate::admin) fn status(form: &Form) -> StatusCode {
    if form.is_refused() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }
}
