//! Recognises a thousand generated files and compares the results with the truth: `cargo bench --bench recognise`.
#![expect(clippy::expect_used, reason = "a benchmark that can't be set up has nothing better to do than to stop")]

#[path = "recognise/generator.rs"]
#[expect(unreachable_pub, reason = "the tests use it too")]
mod generator;

use std::collections::BTreeMap;

use generator::{Outcome, generate, outcome};

fn main() {
    let mut counts: BTreeMap<Outcome, u64> = BTreeMap::new();
    let mut told: BTreeMap<(Outcome, String), u64> = BTreeMap::new();
    for seed in 1..=1000 {
        let (outcome, words) = outcome(&generate(seed));
        *counts.entry(outcome).or_default() += 1;
        if outcome == Outcome::Wrong {
            println!("file {seed} is wrong: {words}");
        } else if outcome != Outcome::Right {
            let kind = words.split(':').next().unwrap_or_default().to_owned();
            *told.entry((outcome, kind)).or_default() += 1;
        }
    }
    for outcome in [Outcome::Right, Outcome::Asked, Outcome::Refused, Outcome::Wrong] {
        println!("{:8} {}", format!("{outcome:?}").to_lowercase(), counts.get(&outcome).unwrap_or(&0));
        for ((_, kind), count) in told.iter().filter(|((other, _), _)| *other == outcome) {
            println!("    {kind} {count}");
        }
    }
    assert_eq!(counts.get(&Outcome::Wrong), None, "no file may come out wrong");
}
