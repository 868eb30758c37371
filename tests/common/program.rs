//! The program as people run it: commands with their own data directory, and a server as a child process.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use tempfile::TempDir;

use super::http::{Client, try_answer};

/// Two days of stats that also create the catalogue.
pub(crate) const TWO_DAYS: &str = "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n\
     2026-01-01,AOS_TEST,Lumen,100,69,Coin Game,Coin Game,com.example.coingame,ANDROID\n\
     2026-01-02,AOS_TEST,Lumen,10,12.5,Coin Game,Coin Game,com.example.coingame,ANDROID\n";

/// Changes the first day of [`TWO_DAYS`] and adds a third.
pub(crate) const A_THIRD_DAY: &str = "date,campaign_name,partner,clicks,cost\n\
     2026-01-01,AOS_TEST,Lumen,101,70.25\n2026-01-03,AOS_TEST,Lumen,7,1.000001\n";

/// The program with `data_dir`, independent of the environment of the tests.
pub(crate) fn pitlane(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pitlane"));
    command.env_clear().arg("--data-dir").arg(data_dir);
    command
}

/// A data directory, for commands to run on.
pub(crate) struct Program {
    dir: TempDir,
    data: PathBuf,
}

/// The result of a command.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Its stdout, if it succeeded.
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.stdout
    }

    /// Its stderr, if it failed with this code and printed no data: nothing, or with `--json` the failure.
    #[track_caller]
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        if !self.stdout.is_empty() {
            let printed: serde_json::Value = serde_json::from_str(&self.stdout).unwrap();
            let error = printed["error"].as_object().unwrap();
            assert!(error["code"].is_string() && error["message"].is_string(), "{}", self.stdout);
        }
        self.stderr
    }
}

impl Program {
    /// Without any data: the first command creates the directory.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { data: dir.path().join("data"), dir }
    }

    /// With the advertiser Acme and [`TWO_DAYS`].
    pub(crate) fn stocked() -> Self {
        let program = Self::new();
        let file = program.file("first.csv", TWO_DAYS);
        program.ok(&["import", &file, "--advertiser", "Acme", "--create-missing"]);
        program
    }

    /// Commands on the data directory of a running server.
    pub(crate) fn on(data: &Path) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), data: data.to_owned() }
    }

    /// The directory that contains the data directory and the test's files.
    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    /// A path for a file of the test.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The same as an argument.
    pub(crate) fn arg(&self, name: &str) -> String {
        text(&self.path(name)).to_owned()
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Writes a file of the test, and returns its path as an argument.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), content).unwrap();
        self.arg(name)
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = pitlane(&self.data);
        command.current_dir(self.dir.path()).args(args);
        command
    }

    /// Runs a command with an empty stdin.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.run_on("", args)
    }

    /// Runs a command with `stdin` on stdin.
    pub(crate) fn run_on(&self, stdin: impl AsRef<[u8]>, args: &[&str]) -> Ended {
        run_on(self.command(args), stdin)
    }

    /// Starts a command without waiting; its output is dropped.
    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Runs a command that must succeed, and returns its stdout.
    #[track_caller]
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        self.run(args).done()
    }

    /// Runs a command that must fail with exit code 1, and returns its stderr.
    #[track_caller]
    pub(crate) fn fails(&self, args: &[&str]) -> String {
        let ended = self.run(args);
        assert_eq!(ended.code, Some(1), "{args:?} printed {}", ended.stdout);
        ended.stderr
    }

    /// Runs a command that prints JSON.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ok(&[&["--json"], args].concat())).unwrap()
    }

    /// Acme's report of the year of [`TWO_DAYS`], as CSV.
    pub(crate) fn report(&self) -> String {
        self.ok(&["report", "--advertiser", "Acme", "--from", "2026-01-01", "--to", "2026-12-31", "--format", "csv"])
    }

    /// A new token of Acme's.
    pub(crate) fn token(&self, scope: &str) -> String {
        let args = ["token", "create", "--advertiser", "Acme", "--name", "test", "--scope", scope];
        self.ok(&args).trim().to_owned()
    }

    /// Adds a person who may log in.
    pub(crate) fn admit(&self, email: &str, password: &str) {
        self.run_on(password, &["admin", "create", "--email", email, "--password-stdin"]).done();
    }

    /// Imports [`A_THIRD_DAY`].
    pub(crate) fn import_later(&self) {
        let file = self.file("later.csv", A_THIRD_DAY);
        self.ok(&["import", &file, "--advertiser", "Acme"]);
    }

    /// Starts `serve` with these flags.
    pub(crate) fn serve(&self, flags: &[&str]) -> Server {
        Server::start(self.command(&[&["serve"], flags].concat())).unwrap()
    }

    /// Starts `serve` or `demo` with this log level, and collects its output.
    pub(crate) fn start(&self, command: &str, log: &str) -> Server {
        self.start_with(log, &[command])
    }

    /// The same with flags.
    pub(crate) fn start_with(&self, log: &str, args: &[&str]) -> Server {
        let mut command = self.command(args);
        command.env("PITLANE_LOG", log).stderr(Stdio::piped());
        Server::start(command).unwrap()
    }
}

/// Runs a command to its end with `stdin` on stdin.
pub(crate) fn run_on(mut command: Command, stdin: impl AsRef<[u8]>) -> Ended {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that doesn't read stdin may have ended already.
    drop(child.stdin.take().unwrap().write_all(stdin.as_ref()));
    let output = child.wait_with_output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    Ended { code: output.status.code(), stdout, stderr }
}

/// Reads in a thread: a full pipe would block the program.
pub(crate) fn gather(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        text
    })
}

/// A server as a child process; killed when it is dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) origin: String,
    /// The origin without its scheme: host and port.
    pub(crate) address: String,
    /// What it printed up to the "listening on" line.
    pub(crate) greeting: String,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

impl Server {
    /// Starts it on a free port and waits until it accepts connections. If the command pipes stderr, it is collected.
    pub(crate) fn start(mut command: Command) -> Result<Self, String> {
        if !command.get_args().any(|arg| arg == "--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().map(gather);
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut greeting = String::new();
        let origin = loop {
            let start = greeting.len();
            if stdout.read_line(&mut greeting).unwrap() == 0 {
                child.wait().unwrap();
                let words = stderr.map(|words| words.join().unwrap()).unwrap_or_default();
                return Err(format!("the server ended before it listened: {greeting}{words}"));
            }
            if let Some(origin) = greeting[start..].strip_prefix("listening on ") {
                break origin.trim_end().to_owned();
            }
        };
        let address = origin.split_once("://").unwrap().1.to_owned();
        Ok(Self { child, origin, address, greeting, stdout: Some(gather(stdout)), stderr })
    }

    pub(crate) fn anonymous(&self) -> Client {
        Client::at(&self.origin)
    }

    /// Sends a request, such as `GET /livez`, with a token or an empty one; a CSV in `body` is uploaded.
    pub(crate) fn ask(&self, token: &str, request: &str, body: &str) -> reqwest::Result<(u16, Vec<u8>)> {
        ask(&self.address, token, request, body)
    }

    /// Stops it like a service manager, waits, and returns all its output.
    pub(crate) fn stop(mut self) -> Ended {
        let asked = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.child.id())]).status().unwrap();
        assert!(asked.success());
        let code = self.child.wait().unwrap().code();
        let stdout = self.stdout.take().unwrap().join().unwrap();
        let stderr = self.stderr.take().map(|words| words.join().unwrap()).unwrap_or_default();
        Ended { code, stdout: format!("{}{stdout}", self.greeting), stderr }
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After a stop or a kill the process is gone.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Sends a request to an address, as [`Server::ask`] does; returns status and body.
pub(crate) fn ask(address: &str, token: &str, request: &str, body: &str) -> reqwest::Result<(u16, Vec<u8>)> {
    let (method, path) = request.split_once(' ').unwrap();
    let client = Client::at(&format!("http://{address}")).with(token);
    let request = client.request(method.parse().unwrap(), path);
    let answer = try_answer(request.header("Content-Type", "text/csv").body(body.to_owned()))?;
    Ok((answer.status, answer.body))
}

/// All files under `dir` with their contents, except the file for the set-up link.
pub(crate) fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| !path.ends_with("setup-link.txt"))
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![(path.clone(), std::fs::read(&path).unwrap())] })
        .collect()
}

/// A file's path as an argument.
pub(crate) fn text(path: &(impl AsRef<Path> + ?Sized)) -> &str {
    path.as_ref().to_str().unwrap()
}
