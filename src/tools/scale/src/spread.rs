//! The statistics of a few runs.

use serde::Serialize;

/// How the values of several runs lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    pub least: f64,
    pub median: f64,
    pub most: f64,
}

impl Spread {
    /// The spread of `values`; of none, there is none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (upper, lower) = (values.len() / 2, values.len().checked_sub(1)? / 2);
        Some(Spread {
            least: values[0],
            median: (values[lower] + values[upper]) / 2.0,
            most: values[values.len() - 1],
        })
    }

    /// Median, least and most in units of `unit`, with `digits` after the point.
    pub fn text(self, unit: f64, digits: usize) -> String {
        let [least, median, most] = [self.least, self.median, self.most].map(|value| value / unit);
        format!("{median:.digits$} ({least:.digits$} to {most:.digits$})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let spread = |least, median, most| {
            Some(Spread {
                least,
                median,
                most,
            })
        };
        assert_eq!(Spread::of([5.0, 1.0, 9.0]), spread(1.0, 5.0, 9.0));
        assert_eq!(Spread::of([8.0, 1.0, 2.0, 4.0]), spread(1.0, 3.0, 8.0));
        assert_eq!(Spread::of([7.0]), spread(7.0, 7.0, 7.0));
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn text_is_in_units() {
        let text = Spread::of([2048.0, 1024.0, 3000.0]).map(|spread| spread.text(1024.0, 1));
        assert_eq!(text.as_deref(), Some("2.0 (1.0 to 2.9)"));
    }
}
