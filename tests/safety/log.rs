//! The log of a server whose reader stops reading.

use std::io::{BufRead as _, BufReader, PipeWriter, Write as _};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::common::program::{Program, Server};

/// Fills a pipe to the last byte.
fn fill(mut pipe: &PipeWriter) {
    let flags = fcntl_getfl(pipe).unwrap();
    fcntl_setfl(pipe, flags | OFlags::NONBLOCK).unwrap();
    for piece in [&[b'\n'; 4096][..], b"\n"] {
        while pipe.write(piece).is_ok() {}
    }
    fcntl_setfl(pipe, flags).unwrap();
}

#[test]
fn a_stalled_reader_of_the_log_stops_only_the_log_and_learns_how_much_it_missed() {
    let site = Program::stocked();
    let (reader, writer) = std::io::pipe().unwrap();
    fill(&writer);
    let mut command = site.command(&["serve", "--rate-limit", "0", "--backup-at", "off"]);
    command.env("PITLANE_LOG", "trace").stderr(writer);
    let server = Server::start(command).unwrap();
    for number in 0..1000 {
        let asked = format!("GET /api/v1/integrations/cost-report/singular/csv?{number}={}", "x".repeat(1000));
        let (status, _) = server.ask("pit_wrong", &asked, "").unwrap();
        assert!([401, 429].contains(&status), "{status}");
    }
    assert_eq!(server.ask("", "GET /livez", "").unwrap().0, 200);

    let records = BufReader::new(reader).lines().map(Result::unwrap).filter(|line| !line.is_empty());
    let dropped = records.map(|line| serde_json::from_str::<serde_json::Value>(&line).unwrap()).find_map(|record| {
        let is_count = record["fields"]["message"].as_str()?.starts_with("log records were dropped");
        is_count.then(|| record["fields"]["dropped"].as_u64().unwrap())
    });
    assert!(dropped.unwrap() > 0);
    assert_eq!(server.ask("", "GET /livez", "").unwrap().0, 200);
}

#[test]
fn a_server_that_ends_has_written_its_whole_log_and_one_whose_log_nobody_reads_ends_too() {
    let site = Program::stocked();
    let ended = site.start("serve", "debug").stop();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let second = site.start("serve", "info");
    let refused = site.command(&["serve", "--listen", "127.0.0.1:0"]).output().unwrap();
    let words = String::from_utf8(refused.stderr).unwrap();
    assert!(words.contains("another server uses"), "the reason of a server that can't start: {words}");
    second.stop();

    let (_reader, writer) = std::io::pipe().unwrap();
    fill(&writer);
    let mut command = site.command(&["serve", "--backup-at", "off"]);
    command.stderr(writer);
    assert_eq!(Server::start(command).unwrap().stop().code, Some(0));
}
