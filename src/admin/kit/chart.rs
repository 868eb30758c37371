//! A bar chart of days: drawn on the server, from zero, in whole numbers. The page puts the words and the table around it.

/// A day's bar.
#[derive(Debug)]
pub struct Bar {
    /// Left edge, in the drawing's units.
    pub x: u128,
    /// Upper edge.
    pub y: u128,
    /// Height.
    pub height: u128,
    /// What it says: day and figure.
    pub message: String,
}

/// A chart that answers one question.
#[derive(Debug)]
pub struct Chart {
    /// What it shows, with the unit.
    pub title: String,
    /// The sum over all days.
    pub total: String,
    /// What the upper line stands for.
    pub top: String,
    /// What the line in the middle stands for.
    pub middle: String,
    /// First and last day.
    pub ends: (String, String),
    /// The bars, oldest first.
    pub bars: Vec<Bar>,
}

/// Height of the drawing, and the room a day takes in it.
const HEIGHT: u128 = 1000;
const DAY: u128 = 10;

/// The bars of `values`, and the round number their axis ends at.
#[must_use]
pub fn bars(values: &[(u128, String)]) -> (Vec<Bar>, u128) {
    let top = round_up(values.iter().map(|(value, _)| *value).max().unwrap_or_default());
    let bar = |(at, (value, message)): (usize, &(u128, String))| {
        let height = value.saturating_mul(HEIGHT) / top;
        // What is not nothing is seen.
        let height = if *value > 0 { height.max(6) } else { 0 };
        Bar {
            x: u128::try_from(at).unwrap_or_default() * DAY + 1,
            y: HEIGHT - height,
            height,
            message: message.clone(),
        }
    };
    (values.iter().enumerate().map(bar).collect(), top)
}

/// The next of 2, 4, 10, 20, 40, 100, …: its half is as round as itself.
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
        let values = [0, 1, 500, 1000].map(|value| (value, String::new()));
        let (bars, top) = bars(&values);
        assert_eq!(top, 1000);
        assert_eq!(bars.iter().map(|bar| bar.height).collect::<Vec<_>>(), [0, 6, 500, 1000]);
        assert!(bars.iter().all(|bar| bar.y + bar.height == HEIGHT));
    }
}
