//! What the tests of crashes and bad disks share: the program, a server, the least HTTP that will do, and the shim that
//! breaks the program's writes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Compiles the shim into `dir`.
pub(crate) fn compile(dir: &Path) -> PathBuf {
    let (source, library) = (concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shim/shim.c"), dir.join("shim.so"));
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&library).args([source, "-ldl"]);
    assert!(cc.status().unwrap().success(), "the shim did not compile");
    library
}

/// The program, working on `data_dir`, unaffected by the environment of whoever runs the tests.
pub(crate) fn pitlane(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pitlane"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PITLANE_")) {
        command.env_remove(name);
    }
    command.arg("--data-dir").arg(data_dir);
    command
}

/// Has the program let somebody log in.
pub(crate) fn admit(mut command: Command, email: &str, password: &str) {
    command.args(["admin", "create", "--email", email, "--password-stdin"]).stdin(Stdio::piped());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// A server that is killed when it is dropped.
pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) child: Child,
}

impl Server {
    /// Starts `serve` with these flags and waits until it listens.
    pub(crate) fn start(mut command: Command, flags: &[&str]) -> Result<Self, String> {
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(flags);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let Some(address) = line.trim().strip_prefix("listening on http://") else {
            child.kill().unwrap();
            child.wait().unwrap();
            return Err(format!("the server did not start: it said {line:?}"));
        };
        Ok(Self { address: address.to_owned(), child })
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer that came whole.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The status line and the headers.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// Sends a request with a token; the status and the body, if the answer came whole.
pub(crate) fn ask(address: &str, token: &str, request: &str, body: &str) -> std::io::Result<(u16, Vec<u8>)> {
    let headers = format!("Authorization: ApiToken {token}\r\nContent-Type: text/csv\r\n");
    exchange(address, request, &headers, body).map(|answer| (answer.status, answer.body))
}

/// Sends a request with these headers.
pub(crate) fn exchange(address: &str, request: &str, headers: &str, body: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    // HTTP/1.0, so that the body comes as it is and ends with the connection.
    write!(stream, "{request} HTTP/1.0\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let cut = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(cut)? + 4;
    let body = answer.split_off(end);
    let head = String::from_utf8(answer).map_err(|_| cut())?;
    let status = head.get(9..12).and_then(|code| code.parse().ok()).ok_or_else(cut)?;
    Ok(Answer { status, head, body })
}

/// The value that an answer's head gives a cookie.
pub(crate) fn cookie<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let set = head.lines().filter(|line| line.to_ascii_lowercase().starts_with("set-cookie:"));
    set.filter_map(|line| line.split_once(": ")?.1.split(';').next()?.split_once('='))
        .find_map(|(found, value)| (found == name).then_some(value))
}

/// What a page's forms carry as proof of where they come from.
pub(crate) fn form_token(page: &[u8]) -> Option<&str> {
    std::str::from_utf8(page).ok()?.split_once("name=\"form_token\" value=\"")?.1.split('"').next()
}

/// A file's path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
