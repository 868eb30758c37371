//! A data directory with a server, whose log can be read while it runs.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::common::program::Program;

/// A data directory, and other files of the test.
pub(crate) struct Host(pub(crate) Program);

impl Host {
    pub(crate) fn new() -> Self {
        Self(Program::new())
    }

    /// Starts `serve` on a port of 127.0.0.1, 0 for a free one; waits until it listens.
    pub(crate) fn serve(&self, port: u16, flags: &[&str]) -> Server {
        let mut server = self.serve_unready(port, flags);
        let mut line = String::new();
        BufReader::new(server.child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let origin = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line:?}: {}", server.log()));
        server.port = origin.rsplit(':').next().unwrap().parse().unwrap();
        server.origin = origin.to_owned();
        server
    }

    /// Starts `serve` without waiting for anything.
    pub(crate) fn serve_unready(&self, port: u16, flags: &[&str]) -> Server {
        let listen = format!("127.0.0.1:{port}");
        let mut command = self.0.command(&[&["serve", "--listen", &listen, "--backup-at", "off"], flags].concat());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (stderr, kept) = (child.stderr.take().unwrap(), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = kept.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        Server { child, port, origin: String::new(), log }
    }

    /// Names and permissions of the files for HTTPS in the data directory.
    pub(crate) fn kept(&self) -> Vec<(String, u32)> {
        let entries = std::fs::read_dir(self.0.data().join("tls")).unwrap().map(|entry| entry.unwrap());
        let mut kept: Vec<_> = entries
            .map(|entry| {
                (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().permissions().mode() & 0o777)
            })
            .collect();
        kept.sort();
        kept
    }
}

/// A server that is killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    pub(crate) origin: String,
    log: Arc<Mutex<String>>,
}

impl Server {
    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn lives(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A port that was free a moment ago, for programs that can't choose a free one.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
