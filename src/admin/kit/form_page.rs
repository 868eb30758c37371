//! A page with one form: a title, some paragraphs, the form, and links.

use actix_web::http::StatusCode;
use askama::Template;

use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::{Form, Kind};
use crate::admin::kit::layout::Shell;

/// A page with one form, or with the reason why there is none.
#[derive(Template)]
#[template(path = "admin/form_page.html")]
pub struct FormPage {
    pub shell: Shell,
    /// Paragraphs that say what the form does.
    pub intro: Vec<String>,
    pub form: Option<Form>,
    /// Links: text and address.
    pub links: Vec<(String, String)>,
}

impl FormPage {
    /// Answers with a form under the navigation item `nav`; 422 if the form has errors.
    pub async fn answer(
        context: &RequestContext,
        nav: &'static str,
        title: impl Into<String>,
        intro: Vec<String>,
        form: Form,
    ) -> Answer {
        Self::answer_with(context, nav, title, intro, Some(form), Vec::new()).await
    }

    /// The same with links, and an optional form.
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

/// 422 if the form has errors.
pub(in crate::admin) fn status(form: &Form) -> StatusCode {
    if form.is_refused() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }
}
