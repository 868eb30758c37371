//! Bar charts by day, drawn on the server in whole numbers, starting at zero. The template adds the texts and the table.

#[derive(Debug)]
pub struct Bar {
    /// Left edge, in the drawing's units.
    pub x: u128,
    /// Upper edge.
    pub y: u128,
    pub height: u128,
    /// Day and figure, as text.
    pub message: String,
    /// Link to the rows behind it.
    pub href: String,
}

/// A chart that answers one question.
#[derive(Debug)]
pub struct Chart {
    /// Its title with the unit.
    pub title: String,
    /// The sum over all days.
    pub total: String,
    /// Label of the upper grid line.
    pub top: String,
    /// Label of the middle grid line.
    pub middle: String,
    /// First and last day.
    pub ends: (String, String),
    /// The bars, oldest first.
    pub bars: Vec<Bar>,
    /// Path of the previous period's line; empty if that had no figures.
    pub past: String,
}

/// Height of the drawing, and the width of a day.
const HEIGHT: u128 = 1000;
const DAY: u128 = 10;

/// Height of a sparkline.
const LOW: i128 = 20;

impl Chart {
    /// Bars of `values`, each with its message and link, over a line of the previous period's values `past`; `label` formats
    /// the axis.
    pub fn new(
        title: String,
        total: String,
        values: Vec<(u128, String, String)>,
        past: &[u128],
        ends: (String, String),
        label: impl Fn(u128) -> String,
    ) -> Self {
        let most = values.iter().map(|(value, ..)| *value).chain(past.iter().copied()).max().unwrap_or_default();
        let top = round_up(most);
        let points = past.iter().zip(0_u128..).map(|(value, at)| {
            let command = if at == 0 { 'M' } else { 'L' };
            format!("{command}{} {}", at * DAY + DAY / 2, HEIGHT - value.saturating_mul(HEIGHT) / top)
        });
        let past = if past.iter().all(|value| *value == 0) { String::new() } else { points.collect() };
        let (top_label, middle) = (label(top), label(top / 2));
        Self { title, total, top: top_label, middle, ends, bars: bars(values, top), past }
    }
}

fn bars(values: Vec<(u128, String, String)>, top: u128) -> Vec<Bar> {
    let bar = |((value, message, href), at): ((u128, String, String), u128)| {
        let height = value.saturating_mul(HEIGHT) / top;
        // A value above zero must be visible.
        let height = if value > 0 { height.max(6) } else { 0 };
        Bar { x: at * DAY + 1, y: HEIGHT - height, height, message, href }
    };
    values.into_iter().zip(0_u128..).map(bar).collect()
}

/// The next of 2, 4, 10, 20, 40, 100, …, whose half is a round number too.
fn round_up(value: u128) -> u128 {
    let mut step: u128 = 1;
    loop {
        for factor in [2, 4, 10] {
            let top = step.saturating_mul(factor);
            if top >= value || top == u128::MAX {
                return top;
            }
        }
        step = step.saturating_mul(10);
    }
}

/// A sparkline's path with the area below it filled: one unit wide per point, 20 units high, starting at zero. It begins and
/// ends outside of the drawing, so that only its upper edge is visible.
#[must_use]
pub fn line(values: &[i64]) -> String {
    let most = i128::from(values.iter().copied().max().unwrap_or_default().max(1));
    let height = |value: i64| LOW - i128::from(value) * (LOW - 2) / most;
    let first = values.first().map(|value| format!("L-1 {}", height(*value)));
    let points = values.iter().zip(0_usize..).map(|(value, at)| format!("L{at} {}", height(*value)));
    let path: String = std::iter::once(format!("M-1 {}", LOW + 2)).chain(first).chain(points).collect();
    let last = values.last().map_or(LOW, |value| height(*value));
    format!("{path}L{} {last}V{}z", values.len(), LOW + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number() {
        let tops: Vec<_> = [0, 1, 3, 7, 11, 25, 99, 101, 2_500_000].into_iter().map(round_up).collect();
        assert_eq!(tops, [2, 2, 4, 10, 20, 40, 100, 200, 4_000_000]);
    }

    #[test]
    fn bars_start_at_zero_and_small_ones_are_seen() {
        let values = [0, 1, 500, 1000].map(|value| (value, String::new(), String::new())).into();
        let bars = bars(values, 1000);
        assert_eq!(bars.iter().map(|bar| bar.height).collect::<Vec<_>>(), [0, 6, 500, 1000]);
        assert!(bars.iter().all(|bar| bar.y + bar.height == HEIGHT));
    }

    #[test]
    fn a_line_starts_at_zero_and_ends_at_the_largest_value() {
        assert_eq!(line(&[0, 5, 10]), "M-1 22L-1 20L0 20L1 11L2 2L3 2V22z");
        assert_eq!(line(&[0, 0]), "M-1 22L-1 20L0 20L1 20L2 20V22z");
        assert_eq!(line(&[i64::MAX]), "M-1 22L-1 2L0 2L1 2V22z");
    }
}
