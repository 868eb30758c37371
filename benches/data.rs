//! Writes the stats that the benchmarks run on as CSV to stdout: `bench-data ADVERTISERS CAMPAIGNS DAYS`.

mod common;

use std::io::{BufWriter, Error, Write as _, stdout};

fn main() -> std::io::Result<()> {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let [advertisers, campaigns, days] = numbers[..] else {
        return Err(Error::other("expected three numbers: advertisers, campaigns of each, days"));
    };
    let mut out = BufWriter::new(stdout().lock());
    out.write_all(common::HEADER.as_bytes())?;
    common::Shape { advertisers, campaigns, days }.lines(|line| out.write_all(line.as_bytes()))?;
    out.flush()
}
