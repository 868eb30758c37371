//! A table on a terminal: columns as wide as their widest cell.

/// Prints a header and rows to stdout.
pub(super) fn print<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> anyhow::Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].chars().count()]).max().unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: [&str; N]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    super::print(line(header))?;
    rows.iter().try_for_each(|row| super::print(line(std::array::from_fn(|column| row[column].as_str()))))
}
