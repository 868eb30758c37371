//! Replays saved inputs of fuzzing: `fuzz/corpus` has the seeds and every input that ever found something.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

#[path = "../../fuzz/targets.rs"]
#[expect(unreachable_pub, reason = "the fuzzing programs use it too")]
mod targets;

/// Every saved input, also with one byte flipped, and cut off at every length.
fn replay(target: &str, run: fn(&[u8])) {
    let dir = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut kept = 0;
    for entry in std::fs::read_dir(&dir).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        run(&bytes);
        for at in 0..bytes.len().min(200) {
            run(&bytes[..at]);
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                run(&flipped);
            }
        }
        kept += 1;
    }
    assert!(kept > 3, "only {kept} inputs in {dir}");
}

macro_rules! replays {
    ($($target:ident)*) => {$(
        #[test]
        fn $target() {
            replay(stringify!($target), targets::$target);
        }
    )*};
}

replays!(csv options recognise json money date token authorization forwarded query pages);
