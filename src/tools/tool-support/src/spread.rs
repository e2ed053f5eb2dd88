//! Repeated measurements of one thing.

use serde::Serialize;

/// The median of some values, with the smallest and the largest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The smallest value.
    pub least: f64,
    /// The median.
    pub median: f64,
    /// The largest value.
    pub most: f64,
}

impl Spread {
    /// The spread of at least one value. The median of an even count is the mean of the middle two.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Spread {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (lower, upper) = ((values.len() - 1) / 2, values.len() / 2);
        Spread {
            least: values[0],
            median: (values[lower] + values[upper]) / 2.0,
            most: values[values.len() - 1],
        }
    }

    /// `median (least to most)`, each printed by `value`; only the median if all values are equal.
    pub fn text(self, value: impl Fn(f64) -> String) -> String {
        let [least, median, most] = [self.least, self.median, self.most].map(value);
        if self.least == self.most {
            median
        } else {
            format!("{median} ({least} to {most})")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let spread = |least, median, most| Spread {
            least,
            median,
            most,
        };
        assert_eq!(Spread::of([5.0, 1.0, 9.0]), spread(1.0, 5.0, 9.0));
        assert_eq!(Spread::of([8.0, 1.0, 2.0, 4.0]), spread(1.0, 3.0, 8.0));
        assert_eq!(Spread::of([7.0]), spread(7.0, 7.0, 7.0));
    }

    #[test]
    fn text_has_the_range_if_there_is_one() {
        let text = |values: &[f64]| Spread::of(values.iter().copied()).text(|v| format!("{v:.1}"));
        assert_eq!(text(&[5.0, 1.0, 9.0]), "5.0 (1.0 to 9.0)");
        assert_eq!(text(&[3.0, 3.0]), "3.0");
    }
}
