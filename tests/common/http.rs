//! The HTTP client of all tests.
//!
//! Every request uses a new connection, so that a stop never waits for an idle one. Redirects are not followed.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use reqwest::Method;
use reqwest::blocking::RequestBuilder;
use reqwest::header::HeaderMap;

static HTTP: LazyLock<reqwest::blocking::Client> = LazyLock::new(|| {
    reqwest::blocking::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .user_agent("pitlane-tests/1")
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
});

/// A client, with or without a token.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) origin: String,
    /// Empty if it has none.
    pub(crate) token: String,
}

impl Client {
    /// A client without a token that only knows an address, such as one that a program printed.
    pub(crate) fn at(origin: &str) -> Self {
        Self { origin: origin.to_owned(), token: String::new() }
    }

    /// The same with this text as the token.
    pub(crate) fn with(self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self }
    }

    /// The token's id.
    pub(crate) fn id(&self) -> &str {
        &self.token[4..20]
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = HTTP.request(method, format!("{}{path}", self.origin));
        if self.token.is_empty() {
            return request;
        }
        request.header("Authorization", format!("ApiToken {}", self.token))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path))
    }

    pub(crate) fn head(&self, path: &str) -> Answer {
        answer(self.request(Method::HEAD, path))
    }

    /// `GET` with an extra header.
    pub(crate) fn get_with(&self, path: &str, name: &str, value: &str) -> Answer {
        answer(self.request(Method::GET, path).header(name, value))
    }

    pub(crate) fn post(&self, path: &str, content_type: &str, body: impl Into<String>) -> Answer {
        answer(self.request(Method::POST, path).header("Content-Type", content_type).body(body.into()))
    }
}

/// Sends the request and reads the whole answer.
pub(crate) fn answer(request: RequestBuilder) -> Answer {
    try_answer(request).unwrap()
}

/// The same, for a server that may die before the answer is complete.
pub(crate) fn try_answer(request: RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send()?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok(Answer { status, headers, body: response.bytes()?.to_vec() })
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn into_text(self) -> String {
        String::from_utf8(self.body).unwrap()
    }

    /// A header's value; fails if the header comes twice.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?;
        assert!(values.next().is_none(), "{name} came more than once");
        Some(value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> Option<&str> {
        self.header("location")
    }

    /// All `Set-Cookie` headers.
    pub(crate) fn cookies(&self) -> Vec<&str> {
        self.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The body without the parts that are new in every answer, after checking their form.
    pub(crate) fn redacted(&self) -> String {
        let redacted = cut(self.text(), "\"responseId\":\"", "[id]", |id| {
            uuid::Uuid::try_parse(id).is_ok_and(|uuid| uuid.get_version_num() == 4 && uuid.to_string() == id)
        });
        let redacted = cut(&redacted, "\"importId\":\"", "[import]", |id| uuid::Uuid::try_parse(id).is_ok());
        cut(&redacted, "\"generatedAt\":\"", "[now]", |moment| {
            moment.len() == 24 && chrono::NaiveDateTime::parse_from_str(moment, "%Y-%m-%dT%H:%M:%S%.3fZ").is_ok()
        })
    }
}

/// The action of the page's own form, and the values of its inputs. Choices are left to the caller.
pub(crate) fn form_of(page: &str) -> (String, Vec<(String, String)>) {
    let decoded =
        |text: &str| text.replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<").replace("&#38;", "&");
    let attribute = |tag: &str, name: &str| {
        let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
        Some(decoded(rest.split('"').next()?))
    };
    let (_, form) = page.split_once("class=\"fields\"").unwrap_or_else(|| panic!("no form on {page}"));
    let before = &page[..page.len() - form.len()];
    let action = attribute(&before[before.rfind("<form").unwrap()..], "action").unwrap();
    let form = form.split("</form>").next().unwrap();
    let inputs = form.split("<input").skip(1).map(|input| input.split('>').next().unwrap());
    let inputs = inputs.filter(|input| !input.contains("type=\"checkbox\"") || input.contains(" checked"));
    let inputs = inputs.filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?)));
    (action, inputs.collect())
}

/// `text` with the string that follows `key` replaced.
fn cut(text: &str, key: &str, mark: &str, right: impl Fn(&str) -> bool) -> String {
    let Some((before, rest)) = text.split_once(key) else { return text.to_owned() };
    let (value, after) = rest.split_once('"').unwrap();
    assert!(right(value), "{key}{value} has the wrong form");
    format!("{before}{key}{mark}\"{after}")
}

/// A person with a minimal browser: it keeps cookies, and the form token of the last page.
#[derive(Clone)]
pub(crate) struct Person {
    client: Client,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) form_token: String,
    /// The person's address, as a trusted proxy reports it.
    pub(crate) from: Option<String>,
}

impl Person {
    pub(crate) fn at(origin: &str) -> Self {
        Self { client: Client::at(origin), cookies: BTreeMap::new(), form_token: String::new(), from: None }
    }

    /// The server was restarted at another address; the cookies are kept.
    pub(crate) fn move_to(&mut self, origin: &str) {
        origin.clone_into(&mut self.client.origin);
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.client.request(method.parse().unwrap(), path).header("Cookie", cookies.join("; "));
        match &self.from {
            Some(address) => request.header("X-Forwarded-For", address),
            None => request,
        }
    }

    pub(crate) fn send(&mut self, request: RequestBuilder) -> Answer {
        self.try_send(request).unwrap()
    }

    /// The same, for a server that may die before the answer is complete.
    pub(crate) fn try_send(&mut self, request: RequestBuilder) -> reqwest::Result<Answer> {
        let answer = try_answer(request)?;
        for cookie in answer.cookies() {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let page = String::from_utf8_lossy(&answer.body);
        if let Some((_, rest)) = page.split_once("name=\"form_token\" value=\"") {
            rest.split('"').next().unwrap().clone_into(&mut self.form_token);
        }
        Ok(answer)
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send(self.request("GET", path))
    }

    /// Sends a form as a browser does, with the token of the last page.
    pub(crate) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(self.filled(path, fields))
    }

    /// The same from a page with another origin.
    pub(crate) fn post_from(&mut self, origin: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form = self.form(path, &[&[("form_token", self.form_token.as_str())], fields].concat());
        self.send(form.header("Origin", origin))
    }

    /// Follows a redirect.
    pub(crate) fn follow(&mut self, answer: Answer) -> Answer {
        match answer.location().map(str::to_owned) {
            Some(to) => self.get(&to),
            None => answer,
        }
    }

    /// Sends a page's form as a browser does: with its fields' values, except those given.
    pub(crate) fn submit(&mut self, page: &Answer, fields: &[(&str, &str)]) -> Answer {
        let (action, held) = form_of(page.text());
        let mut sent: Vec<(&str, &str)> = held.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        for (name, value) in fields {
            sent.retain(|(held, _)| held != name);
            sent.push((name, value));
        }
        let request = self.form(&action, &sent).header("Origin", &self.client.origin);
        self.send(request)
    }

    /// A form with the token of the last page, not yet sent.
    pub(crate) fn filled(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let request = self.form(path, &[&[("form_token", self.form_token.as_str())], fields].concat());
        request.header("Origin", &self.client.origin)
    }

    /// A form with exactly these fields, not yet sent.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let body: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.request("POST", path).header("Content-Type", "application/x-www-form-urlencoded").body(body)
    }

    pub(crate) fn log_in(&mut self, email: &str, password: &str) -> Answer {
        self.try_log_in(email, password).unwrap()
    }

    pub(crate) fn try_log_in(&mut self, email: &str, password: &str) -> reqwest::Result<Answer> {
        self.try_send(self.request("GET", "/admin/login"))?;
        self.try_send(self.filled("/admin/login", &[("email", email), ("password", password)]))
    }
}
