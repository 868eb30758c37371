//! Writes the stats that the benchmarks run on as CSV to stdout: `bench-data ADVERTISERS CAMPAIGNS DAYS [LAST-DAY]`.

mod common;

use std::io::{BufWriter, Error, Write as _, stdout};

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<u64> = arguments.iter().take(3).filter_map(|text| text.parse().ok()).collect();
    let [advertisers, campaigns, days] = numbers[..] else {
        return Err(Error::other("expected three numbers: advertisers, campaigns of each, days"));
    };
    let last_day = arguments.get(3).map_or(common::LAST_DAY, String::as_str);
    let mut out = BufWriter::new(stdout().lock());
    out.write_all(common::HEADER.as_bytes())?;
    common::Shape { advertisers, campaigns, days }.lines(last_day, |line| out.write_all(line.as_bytes()))?;
    out.flush()
}
