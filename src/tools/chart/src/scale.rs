//! An axis: from values to pixels, and the values that get a label.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

use crate::Axes;

/// One axis of a plot.
#[derive(Clone)]
pub struct Scale {
    axes: Axes,
    range: Range<f64>,
    /// The values with a label, the only ones with a line across the plot.
    pub labels: Vec<f64>,
}

impl Scale {
    /// Labels at `labels`, with a bit of room at both ends.
    pub fn with_labels(axes: Axes, labels: Vec<f64>) -> Scale {
        let least = labels.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = labels.iter().copied().fold(0.0, f64::max);
        let range = match axes {
            Axes::Linear => {
                let room = (greatest - least).max(1.0) * 0.05;
                least - room..greatest + room
            }
            Axes::Logarithmic => {
                let room = (greatest / least).max(2.0).powf(0.05);
                least / room..greatest * room
            }
        };
        Scale {
            axes,
            range,
            labels,
        }
    }

    /// Labels at whole steps (of zero and more) or powers of ten, as far as `values` reach.
    pub fn around(axes: Axes, values: impl Iterator<Item = f64>) -> Scale {
        let (least, greatest) = values.fold((f64::INFINITY, 0.0), |(least, greatest), value| {
            (value.min(least), value.max(greatest))
        });
        let labels: Vec<f64> = match axes {
            Axes::Linear => {
                let step = step(greatest);
                let end = (greatest / step).ceil().max(1.0) as u32;
                (0..=end).map(|i| f64::from(i) * step).collect()
            }
            Axes::Logarithmic => {
                let start = least.log10().floor() as i32;
                let end = (greatest.log10().ceil() as i32).max(start + 1);
                (start..=end).map(|power| 10f64.powi(power)).collect()
            }
        };
        Scale {
            axes,
            range: labels[0]..labels[labels.len() - 1],
            labels,
        }
    }

    /// Labels at the middles of `count` categories, each one wide.
    pub fn of_categories(count: usize) -> Scale {
        Scale {
            axes: Axes::Linear,
            range: 0.0..count as f64,
            labels: (0..count).map(|i| i as f64 + 0.5).collect(),
        }
    }

    /// The distance of the two closest labels, as a share of the axis.
    pub fn closest_labels(&self) -> f64 {
        let places = self
            .labels
            .windows(2)
            .map(|pair| self.share(pair[1]) - self.share(pair[0]));
        places.fold(1.0, f64::min)
    }

    /// Where `value` lies between the ends of the axis, from 0 to 1.
    fn share(&self, value: f64) -> f64 {
        let [start, end] = [self.range.start, self.range.end].map(|end| self.position(end));
        (self.position(value) - start) / (end - start)
    }

    fn position(&self, value: f64) -> f64 {
        match self.axes {
            Axes::Linear => value,
            Axes::Logarithmic => value.log10(),
        }
    }
}

impl Ranged for Scale {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (first, last): (i32, i32)) -> i32 {
        first + (self.share(*value) * f64::from(last - first)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.labels.clone()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

/// 1, 2 or 5 times a power of ten, at most ten times in `greatest`.
fn step(greatest: f64) -> f64 {
    let power = 10f64.powf((greatest / 10.0).log10().floor());
    let steps = [power, 2.0 * power, 5.0 * power];
    let fitting = steps.into_iter().find(|step| greatest / step <= 10.0);
    fitting.unwrap_or(10.0 * power)
}
