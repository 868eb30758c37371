//! Many slow readers of a long report, a large import at the same time, and its effect on others: polls, log-ins and
//! revocations.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::asking::{Answers, reports_until};
use crate::common::http::Person;
use crate::common::program::{Server, pitlane, run_on, text};
use crate::{Plan, STORED_A_DAY, Site, during, run, store_rows, write_rows};

/// How fast a reader reads its report, in bytes a second, and how often it reads.
const PACE: usize = 40_000;
const EVERY: Duration = Duration::from_millis(100);

/// How long a revocation may take, including the start of the program.
const AT_ONCE: Duration = Duration::from_secs(1);

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "a sentence is easier";

pub(crate) fn crowd(plan: &Plan) -> Result<(), String> {
    let site = Site::new(|data| store_rows(data, plan.report / STORED_A_DAY))?;
    let data = site.data();
    let csv = site.root.path().join("large.csv");
    write_rows(&csv, plan.rows, 1);
    let token = |advertiser: &str| -> Result<String, String> {
        let args = ["token", "create", "--advertiser", advertiser, "--name", "x"];
        Ok(run(&data, &args)?.trim().to_owned())
    };
    let long = token("Bulk")?;
    let revoked: Vec<String> = (0..plan.revoked).map(|_| token("Acme")).collect::<Result<_, _>>()?;
    admit(&data);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> =
            (0..plan.readers).map(|_| scope.spawn(|| read_slowly(&site.server.address, &long, &done))).collect();
        let reports = |until: &AtomicBool| reports_until(&site.server, &site.report, until);
        let worked =
            during(plan, &format!("polls beside {} slow readers and an import", plan.readers), &reports, || {
                beside(plan, &site.server, &data, &csv, &revoked)
            });
        done.store(true, Ordering::Relaxed);
        let sizes: Vec<usize> = readers.into_iter().map(|reader| reader.join().unwrap()).collect::<Result<_, _>>()?;
        println!(
            "load: crowd: readers took {} to {} kB each",
            sizes.iter().min().unwrap() / 1000,
            sizes.iter().max().unwrap() / 1000
        );
        worked
    })
}

/// Makes an admin.
pub(crate) fn admit(data: &Path) {
    let mut admit = pitlane(data);
    admit.args(["admin", "create", "--email", EMAIL, "--password-stdin"]);
    run_on(admit, PASSWORD).done();
}

/// A browser in which that admin logs in, and the status of the answer.
pub(crate) fn log_in(server: &Server) -> (Person, u16) {
    let mut person = Person::at(&server.origin);
    let status = person.log_in(EMAIL, PASSWORD).status;
    (person, status)
}

/// Imports, and at the same time logs in and revokes one token after the other.
fn beside(plan: &Plan, server: &Server, data: &Path, csv: &Path, revoked: &[String]) -> Result<(), String> {
    let is_over = AtomicBool::new(false);
    let since = Instant::now();
    let (imported, revoking, logging_in) = std::thread::scope(|scope| {
        let revoking = scope.spawn(|| revoke_all(server, data, revoked, &is_over));
        let logging_in = scope.spawn(|| log_in_until(server, &is_over));
        let imported = run(data, &["import", text(csv), "--advertiser", "Large", "--create-missing"]);
        is_over.store(true, Ordering::Relaxed);
        (imported, revoking.join().unwrap(), logging_in.join().unwrap())
    });
    imported?;
    let took = since.elapsed();
    let (revoking, logging_in) = (Answers::new(revoking?), Answers::new(logging_in?));
    println!(
        "load: crowd: {} rows imported in {took:.1?}; revoking: {revoking}, at most {:.1?}",
        plan.rows,
        revoking.longest()
    );
    println!("load: crowd: log-ins: {logging_in}, at most {:.1?}", logging_in.longest());
    if plan.nightly && revoking.longest() > AT_ONCE {
        return Err(format!("a revocation took {:?}", revoking.longest()));
    }
    Ok(())
}

/// How long each revocation took; an error if one had no effect.
fn revoke_all(server: &Server, data: &Path, tokens: &[String], is_over: &AtomicBool) -> Result<Vec<Duration>, String> {
    let mut took = Vec::new();
    for token in tokens {
        let since = Instant::now();
        run(data, &["token", "revoke", &token[4..20]])?;
        took.push(since.elapsed());
        let (status, _) = server.ask(token, crate::asking::REPORT, "").map_err(|error| error.to_string())?;
        if status != 401 {
            return Err(format!("a revoked token got {status}"));
        }
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(took)
}

fn log_in_until(server: &Server, is_over: &AtomicBool) -> Result<Vec<Duration>, String> {
    let mut took = Vec::new();
    while took.is_empty() || !is_over.load(Ordering::Relaxed) {
        let since = Instant::now();
        let (_, status) = log_in(server);
        took.push(since.elapsed());
        if status != 303 {
            return Err(format!("a log-in got {status}"));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(took)
}

/// Reads the long report slowly, again and again; returns how much it read. Any other answer is an error.
fn read_slowly(address: &str, token: &str, done: &AtomicBool) -> Result<usize, String> {
    let mut bytes = 0;
    while !done.load(Ordering::Relaxed) {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!(
            "GET /api/v1/integrations/cost-report/singular/json?date_from=2070-01-01&date_to=2199-12-31 HTTP/1.1\r\n\
             Host: x\r\nConnection: close\r\nAuthorization: ApiToken {token}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut piece = vec![0; PACE / 10];
        let mut is_first = true;
        while !done.load(Ordering::Relaxed) {
            let read = stream.read(&mut piece).map_err(|error| format!("a slow reader was cut off: {error}"))?;
            if is_first && !piece.starts_with(b"HTTP/1.1 200") {
                return Err(format!("a slow reader got {}", String::from_utf8_lossy(&piece[..read])));
            }
            if read == 0 {
                break;
            }
            is_first = false;
            bytes += read;
            std::thread::sleep(EVERY);
        }
    }
    Ok(bytes)
}
