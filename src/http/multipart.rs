//! Parses forms with a file (`multipart/form-data`) as they arrive: one part after another, with only the current piece in
//! memory. The whole form must arrive at the speed of an upload.
//!
//! Accepts what browsers send (RFC 7578) and refuses the rest. The guard reads the first part, which has the form's token;
//! the handler of an upload reads the file.

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header;
use bytes::{Bytes, BytesMut};

use super::error::{ClientError, ErrorKind};
use super::incoming::Incoming;

/// The longest header of a part, and the longest text field.
const HEAD_BYTES: usize = 4096;
const TEXT_BYTES: usize = 4096;

/// The boundary between the parts, if the request is such a form.
#[must_use]
pub fn boundary(request: &HttpRequest) -> Option<String> {
    let content_type = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    let (essence, parameters) = content_type.split_once(';')?;
    if !essence.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("boundary="))?;
    let boundary = boundary.trim_matches('"');
    // RFC 2046 allows no more.
    (1..=70).contains(&boundary.len()).then(|| boundary.to_owned())
}

/// The header of a part.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    pub name: String,
    /// The file's name, if the part is a file.
    pub file_name: Option<String>,
}

/// The parts of a form.
pub struct Parts {
    payload: Incoming<Payload>,
    held: BytesMut,
    /// The separator of two parts: a line break, two dashes, the boundary.
    mark: Vec<u8>,
    /// Whether the separator that ends the current part was reached.
    between: bool,
}

impl Parts {
    /// The parts of this body.
    #[must_use]
    pub fn new(payload: Payload, boundary: &str) -> Self {
        // The first separator has no line break before it.
        let held = BytesMut::from(&b"\r\n"[..]);
        Self { payload: Incoming::new(payload), held, mark: format!("\r\n--{boundary}").into_bytes(), between: false }
    }

    /// The next part; skips the rest of the current one. `None` at the form's end.
    pub async fn next(&mut self) -> Result<Option<Part>, ClientError> {
        while self.chunk().await?.is_some() {}
        self.fill(2).await?;
        if self.held.starts_with(b"--") {
            return Ok(None);
        }
        let end = loop {
            if let Some(end) = find(&self.held, b"\r\n\r\n") {
                break end;
            }
            if self.held.len() > HEAD_BYTES {
                return Err(broken());
            }
            self.fill(self.held.len() + 1).await?;
        };
        let head = self.held.split_to(end + 4);
        self.between = false;
        let head = std::str::from_utf8(&head).map_err(|_| broken())?;
        part(head).map(Some).ok_or_else(broken)
    }

    /// The next piece of the current part; `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ClientError> {
        if self.between {
            return Ok(None);
        }
        loop {
            if let Some(at) = find(&self.held, &self.mark) {
                if at > 0 {
                    return Ok(Some(self.held.split_to(at).freeze()));
                }
                drop(self.held.split_to(self.mark.len()));
                self.between = true;
                return Ok(None);
            }
            // The end may be the beginning of the separator.
            let sure = self.held.len().saturating_sub(self.mark.len() - 1);
            if sure > 0 {
                return Ok(Some(self.held.split_to(sure).freeze()));
            }
            self.fill(self.held.len() + 1).await?;
        }
    }

    /// The current part as a short text.
    pub async fn text(&mut self) -> Result<String, ClientError> {
        let mut text = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            text.extend_from_slice(&chunk);
            if text.len() > TEXT_BYTES {
                return Err(broken());
            }
        }
        String::from_utf8(text).map_err(|_| broken())
    }

    /// Waits until at least `wanted` bytes are buffered.
    async fn fill(&mut self, wanted: usize) -> Result<(), ClientError> {
        while self.held.len() < wanted {
            let bytes = self.payload.next().await?.ok_or_else(broken)?;
            self.held.extend_from_slice(&bytes);
        }
        Ok(())
    }
}

fn broken() -> ClientError {
    ClientError::new(ErrorKind::ValidationError, "The form broke off or is not as browsers send it. Send it once more.")
}

fn find(held: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    while let Some(at) = held[from..].iter().position(|byte| *byte == first) {
        let at = from + at;
        if held[at..].starts_with(wanted) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// Parses the header that names the field. Browsers write a quotation mark in a name as `%22`.
fn part(head: &str) -> Option<Part> {
    const WANTED: &str = "content-disposition:";
    let line = head
        .split("\r\n")
        .find(|line| line.get(..WANTED.len()).is_some_and(|name| name.eq_ignore_ascii_case(WANTED)))?;
    let parameter = |name: &str| {
        let (_, value) = line.split_once(&format!("; {name}=\""))?;
        Some(value.split_once('"')?.0.replace("%22", "\""))
    };
    Some(Part { name: parameter("name")?, file_name: parameter("filename") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(body: &'static [u8], step: usize) -> Parts {
        let chunks = body.chunks(step).map(|chunk| Ok(Bytes::from_static(chunk)));
        let stream: std::pin::Pin<Box<dyn futures_util::Stream<Item = _>>> =
            Box::pin(futures_util::stream::iter(chunks));
        Parts::new(Payload::Stream { payload: stream }, "xYz")
    }

    const FORM: &[u8] = b"--xYz\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\nabc\r\n--xYz\r\n\
        content-disposition: form-data; name=\"file\"; filename=\"a%22b.csv\"\r\nContent-Type: text/csv\r\n\r\n\
        Day,Cost\r\n--xY\r\n\r\n--xYz--\r\n";

    #[tokio::test]
    async fn a_form_is_read_however_it_comes() {
        for step in 1..FORM.len() {
            let mut parts = parts(FORM, step);
            assert_eq!(parts.next().await.unwrap().unwrap().name, "form_token", "{step}");
            assert_eq!(parts.text().await.unwrap(), "abc");
            let file = parts.next().await.unwrap().unwrap();
            assert_eq!((file.name.as_str(), file.file_name.as_deref()), ("file", Some("a\"b.csv")));
            assert_eq!(parts.text().await.unwrap(), "Day,Cost\r\n--xY\r\n");
            assert_eq!(parts.next().await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn a_form_that_breaks_off_is_an_error() {
        for end in 1..FORM.len() - 5 {
            let mut parts = parts(&FORM[..end], 7);
            let read = async {
                while parts.next().await?.is_some() {
                    while parts.chunk().await?.is_some() {}
                }
                Ok::<_, ClientError>(())
            };
            assert!(read.await.is_err(), "{end}");
        }
    }
}
