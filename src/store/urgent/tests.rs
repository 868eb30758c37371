use std::time::Instant;

use chrono::Utc;
use rusqlite::Connection;

use super::*;
use crate::domain::{Currency, Email, Name, ReportingZone, Role, TokenHash, TokenId, TokenReader, TokenScope};
use crate::store::{AuditEntry, Code, CodeUse, NewToken, Sealed, SessionBounds};

struct Site {
    _dir: tempfile::TempDir,
    store: Store,
    /// Another process that sometimes holds the write lock.
    other: Connection,
    token: TokenId,
    email: Email,
    hash: TokenHash,
}

fn hash(text: &str) -> TokenHash {
    TokenHash::new(format!("$argon2id${text}"))
}

fn site() -> Site {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let (token, email): (TokenId, Email) = ("A".repeat(16).parse().unwrap(), "ada@example.com".parse().unwrap());
    let name = Name::parse("name", "Acme").unwrap();
    let (now, hash) = (Utc::now(), hash("first"));
    store
        .write(|txn| {
            let usd = Currency::parse("USD").unwrap();
            let advertiser =
                txn.advertiser_create(uuid::Uuid::new_v4().into(), &name, usd, ReportingZone::UTC, now)?.key;
            txn.admin_create(uuid::Uuid::new_v4().into(), &email, Role::Admin, &hash, now)?;
            let new = NewToken {
                id: &token,
                advertiser,
                name: &name,
                scope: TokenScope::Report,
                hash: &hash,
                secret_check: 1,
                expires_at: None,
                replaces: None,
                reader: TokenReader::Other,
            };
            txn.token_create(&new, now).map(drop)
        })
        .unwrap();
    let other = Connection::open(store.path()).unwrap();
    Site { _dir: dir, store, other, token, email, hash }
}

impl Site {
    fn note(&self, act: UrgentAct) -> UrgentNote {
        let audit = AuditEntry { actor: "Ada", action: "test", subject: "", address: None };
        let _ = self;
        UrgentNote::new(act, &audit, Utc::now())
    }

    fn revocation(&self) -> UrgentNote {
        self.note(UrgentAct::RevokeToken(self.token.to_string()))
    }

    fn log_in(&self) -> UrgentNote {
        let admin = self.store.read(|txn| txn.admin_find(&self.email)).unwrap().unwrap().0;
        self.note(UrgentAct::LogIn(NewSession {
            id_sha256: "1".repeat(64),
            admin: admin.id.to_string(),
            email: self.email.as_str().to_owned(),
            password: NewSession::password_of(&self.hash),
            address: "192.0.2.1".to_owned(),
            user_agent: "browser".to_owned(),
            browser_sha256: "2".repeat(64),
            bounds: SessionBounds::ANY,
        }))
    }

    /// Turns two-step log-in on, with two recovery codes. The last used step is 100.
    fn turn_codes_on(&self) {
        let write = |txn: &WriteTxn<'_>| {
            let admin = txn.admin_find(&self.email)?.unwrap().0.id;
            txn.two_step_create(admin, &Sealed { salt: vec![7; 16], bytes: vec![1; 48] }, 100, Utc::now())?;
            txn.recovery_codes_replace(admin, &["a", "b"].map(|digit| digit.repeat(64)))
        };
        self.store.write(write).unwrap();
    }

    /// Whether the code was unused. Now it is used.
    fn uses(&self, code: Code) -> bool {
        self.uses_with(7, code)
    }

    /// The same for a code that was checked with the secret of this salt.
    fn uses_with(&self, salt: u8, code: Code) -> bool {
        self.store.write_urgently(&UrgentNote::of_code(self.code(salt, code), Utc::now())).unwrap()
    }

    fn code(&self, salt: u8, code: Code) -> CodeUse {
        let admin = self.store.read(|txn| txn.admin_find(&self.email)).unwrap().unwrap().0.id.to_string();
        CodeUse { admin, salt: vec![salt; 16], code }
    }

    fn is_revoked(&self) -> bool {
        self.store.read(|txn| txn.token_find(&self.token)).unwrap().unwrap().revoked_at.is_some()
    }

    fn is_logged_in(&self) -> bool {
        self.store.read(|txn| txn.session_find(&"1".repeat(64), SessionBounds::ANY)).unwrap().is_some()
    }

    fn lock(&self) {
        self.other.execute_batch("begin immediate").unwrap();
    }

    fn unlock(&self) {
        self.other.execute_batch("rollback").unwrap();
    }

    /// Entries of the audit log in the database itself.
    fn entries(&self) -> i64 {
        let sql = "select count(*) from audit_log where action = 'test'";
        self.other.query_row(sql, (), |row| row.get(0)).unwrap()
    }

    fn noted(&self) -> usize {
        NoteFile::of(&self.store.path).read().unwrap().len()
    }
}

#[test]
fn a_revocation_waits_for_no_lock_and_is_carried_out_once() {
    let site = site();
    site.lock();
    let since = Instant::now();
    assert!(site.store.write_urgently(&site.revocation()).unwrap());
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    assert!(site.is_revoked());
    assert!(Store::open(site.store.data_dir()).unwrap().read(|txn| txn.token_list()).unwrap()[0].revoked_at.is_some());
    assert!(!site.store.write_urgently(&site.revocation()).unwrap(), "it is revoked already");
    let unknown = site.note(UrgentAct::RevokeToken("B".repeat(16)));
    assert!(matches!(site.store.write_urgently(&unknown), Err(StoreError::Missing(_))));
    let noted = std::fs::read(site.store.urgent.path()).unwrap();
    site.unlock();
    assert_eq!((site.entries(), site.noted()), (0, 1));
    // The next writer carries it out, whether or not its own work succeeds.
    let _ = site.store.write(|_| Err::<(), _>(StoreError::Stopped));
    assert_eq!((site.entries(), site.noted(), site.is_revoked()), (1, 0, true));
    // As after a kill between the commit and the emptying of the file.
    std::fs::write(site.store.urgent.path(), noted).unwrap();
    site.store.write(|_| Ok::<_, StoreError>(())).unwrap();
    assert_eq!((site.entries(), site.noted()), (1, 0));
}

#[test]
fn without_a_lock_nothing_is_noted() {
    let site = site();
    assert!(site.store.write_urgently(&site.revocation()).unwrap() && site.is_revoked());
    assert_eq!((site.entries(), site.noted()), (1, 0));
}

#[test]
fn a_noted_log_in_is_valid_until_its_password_changes_or_it_is_logged_out() {
    let site = site();
    site.lock();
    assert!(site.store.write_urgently(&site.log_in()).unwrap());
    assert!(site.is_logged_in());
    let admin = site.store.read(|txn| txn.admin_find(&site.email)).unwrap().unwrap().0;
    let log_out = site.note(UrgentAct::LogOut("1".repeat(64), admin.id.to_string()));
    assert!(site.store.write_urgently(&log_out).unwrap());
    assert!(!site.is_logged_in());
    site.unlock();
    site.store.write(|_| Ok::<_, StoreError>(())).unwrap();
    assert_eq!((site.entries(), site.is_logged_in()), (2, false));
    // If the password changes before the note is carried out, the session doesn't start.
    site.lock();
    assert!(site.store.write_urgently(&site.log_in()).unwrap() && site.is_logged_in());
    site.other.execute("update admins set password_hash = '$argon2id$second'", ()).unwrap();
    site.other.execute_batch("commit").unwrap();
    assert!(!site.is_logged_in());
    site.store.write(|_| Ok::<_, StoreError>(())).unwrap();
    assert_eq!((site.entries(), site.is_logged_in(), site.noted()), (2, false, 0));
}

#[test]
fn lines_that_were_cut_off_count_for_nothing() {
    let site = site();
    let line = serde_json::to_string(&site.revocation()).unwrap();
    for end in 0..=line.len() {
        std::fs::write(site.store.urgent.path(), &line[..end]).unwrap();
        assert!(!site.is_revoked(), "{end}");
    }
    std::fs::write(site.store.urgent.path(), &line[..9]).unwrap();
    site.lock();
    assert!(site.store.write_urgently(&site.revocation()).unwrap() && site.is_revoked());
    site.unlock();
    std::fs::write(site.store.urgent.path(), b"\0\0\0\n\xff\n{}\n").unwrap();
    site.store.write(|_| Ok::<_, StoreError>(())).unwrap();
    assert_eq!((site.is_revoked(), site.noted()), (false, 0), "nothing of that was a note");
}

fn step(step: i64) -> Code {
    Code::OfStep(step)
}

fn recovery(digit: &str) -> Code {
    Code::Recovery(digit.repeat(64))
}

#[test]
fn a_code_waits_for_no_lock_and_counts_once() {
    let site = site();
    site.turn_codes_on();
    site.lock();
    let since = Instant::now();
    assert!(site.uses(step(101)) && site.uses(recovery("a")));
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    assert_eq!(site.noted(), 2);
    for used in [step(100), step(101), recovery("a"), recovery("c")] {
        assert!(!site.uses(used.clone()), "{used:?}");
    }
    assert!(!site.uses_with(8, step(103)) && !site.uses_with(8, recovery("b")), "another secret's code");
    assert!(site.uses(step(102)), "a later one");
    site.unlock();
    // Now they are carried out, before a code that needs no note.
    assert!(!site.uses(step(102)) && !site.uses(recovery("a")));
    assert!(site.uses(step(103)) && site.uses(recovery("b")));
    assert_eq!((site.noted(), site.entries()), (0, 0));
    let left = site.store.read(|txn| txn.two_step_find(txn.admin_find(&site.email)?.unwrap().0.id)).unwrap().unwrap();
    assert_eq!(left.codes_left, 0);
}

#[test]
fn a_noted_code_stays_used_if_its_secret_is_encrypted_again_meanwhile() {
    let site = site();
    site.turn_codes_on();
    site.lock();
    assert!(site.uses(step(101)) && site.uses(recovery("a")));
    // A change of password that had waited for the lock.
    site.other.execute("update two_step set salt = ?1", [vec![8; 16]]).unwrap();
    site.other.execute_batch("commit; begin immediate").unwrap();
    assert!(!site.uses_with(8, step(101)) && !site.uses_with(8, recovery("a")));
    site.unlock();
    assert!(!site.uses_with(8, step(101)) && !site.uses_with(8, recovery("a")));
    assert!(site.uses_with(8, step(102)) && site.uses_with(8, recovery("b")));
}

#[test]
fn notes_that_are_carried_out_again_after_a_kill_change_nothing() {
    let site = site();
    site.turn_codes_on();
    site.lock();
    assert!(site.uses(step(101)) && site.uses(recovery("a")) && site.store.write_urgently(&site.log_in()).unwrap());
    let noted = std::fs::read(site.store.urgent.path()).unwrap();
    site.unlock();
    let settle = || site.store.write(|_| Ok::<_, StoreError>(())).unwrap();
    settle();
    let admin = site.store.read(|txn| txn.admin_find(&site.email)).unwrap().unwrap().0;
    let log_out = site.note(UrgentAct::LogOut("1".repeat(64), admin.id.to_string()));
    for act in [UrgentNote::of_code(site.code(7, step(103)), Utc::now()), log_out] {
        // As after a kill between the commit and the emptying of the file.
        std::fs::write(site.store.urgent.path(), &noted).unwrap();
        assert!(site.store.write_urgently(&act).unwrap());
        settle();
        assert_eq!(site.noted(), 0);
    }
    assert!(!site.is_logged_in());
    assert!(!site.uses(recovery("a")) && !site.uses(step(101)));
}

#[test]
fn a_code_that_was_used_while_the_clock_was_ahead_keeps_none_out() {
    let site = site();
    site.turn_codes_on();
    site.lock();
    assert!(site.uses(step(i64::MAX)));
    assert!(site.uses(step(150)) && !site.uses(step(150)));
    site.unlock();
    assert!(!site.uses(step(150)) && site.uses(step(151)));
}

#[test]
fn of_many_who_enter_a_code_at_once_one_gets_in_whoever_holds_the_lock() {
    let site = site();
    site.turn_codes_on();
    for number in 101..107 {
        let (code, data_dir, other) = (site.code(7, step(number)), site.store.data_dir(), &site.other);
        let start = std::sync::Barrier::new(5);
        let entered = std::thread::scope(|scope| {
            let enter = || {
                // As in another process.
                let own = Store::open(data_dir).unwrap();
                start.wait();
                own.write_urgently(&UrgentNote::of_code(code.clone(), Utc::now())).unwrap()
            };
            let people = [(); 4].map(|()| scope.spawn(enter));
            other.execute_batch("begin immediate").unwrap();
            start.wait();
            // Some give up waiting for the lock just before it is free, others get it.
            std::thread::sleep(MOMENT + Duration::from_millis(8 * (number.unsigned_abs() - 101)));
            other.execute_batch("rollback").unwrap();
            people.into_iter().map(|person| usize::from(person.join().unwrap())).sum::<usize>()
        });
        assert_eq!(entered, 1, "{number}");
    }
}
