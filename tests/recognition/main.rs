//! Generated files with known contents: recognition is right, asks, or refuses, and is never wrong.

#![expect(clippy::expect_used, reason = "a test that can't go on fails")]

#[path = "../../benches/recognise/generator.rs"]
#[expect(unreachable_pub, reason = "the benchmark uses it too")]
mod generator;

use generator::{Outcome, generate, outcome};

#[test]
fn two_hundred_files_are_never_wrong_and_seldom_asked_about() {
    let mut right = 0;
    for seed in 1..=200 {
        let (outcome, told) = outcome(&generate(seed));
        assert!(!matches!(outcome, Outcome::Wrong | Outcome::Refused), "file {seed}: {outcome:?}: {told}");
        right += u64::from(outcome == Outcome::Right);
    }
    assert!(right >= 140, "only {right} of 200 are read with nothing typed");
}
