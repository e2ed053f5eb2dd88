//! The values on an axis that get a label and a line across the plot.

/// Multiples of a round number from zero, up to `greatest` or just beyond.
pub fn steps(greatest: f64) -> Vec<f64> {
    let power = 10f64.powf((greatest / 10.0).log10().floor());
    let steps = [power, 2.0 * power, 5.0 * power];
    let fitting = steps.into_iter().find(|step| greatest / step <= 10.0);
    let step = fitting.unwrap_or(10.0 * power);
    let end = (greatest / step).ceil() as u32;
    (0..=end).map(|number| f64::from(number) * step).collect()
}

/// The powers of ten around `values`, at least two of them.
pub fn powers(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let (least, greatest) = values.fold((f64::INFINITY, 0.0), |(least, greatest), value| {
        (value.min(least), value.max(greatest))
    });
    let start = least.log10().floor() as i32;
    let end = (greatest.log10().ceil() as i32).max(start + 1);
    (start..=end).map(|power| 10f64.powi(power)).collect()
}
