//! Repeated measurements of one thing.

use std::fmt;

/// The median of some values, with the least and the greatest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub least: f64,
    pub median: f64,
    pub most: f64,
}

impl Spread {
    /// Of at least one value. The median of an even number is the mean of the two in the middle.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Spread {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 0 {
            (values[middle - 1] + values[middle]) / 2.0
        } else {
            values[middle]
        };
        Spread {
            least: values[0],
            median,
            most: values[values.len() - 1],
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spread {
            least,
            median,
            most,
        } = self;
        if least == most {
            write!(f, "{median:.2}")
        } else {
            write!(f, "{median:.2} ({least:.2}–{most:.2})")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(Spread::of([5.0, 1.0, 9.0]).to_string(), "5.00 (1.00–9.00)");
        assert_eq!(Spread::of([4.0, 1.0]).median, 2.5);
        assert_eq!(Spread::of([3.0]).to_string(), "3.00");
    }
}
