//! The sizes of texts, and numbers as text.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::Area;

/// Sizes in pixels.
pub const TITLE: u32 = 18;
pub const HEADING: u32 = 14;
pub const LABEL: u32 = 12;

const INK: RGBColor = RGBColor(40, 40, 40);
pub const GRID: RGBColor = RGBColor(220, 220, 220);

/// A width that `text` does not exceed in the usual sans-serif fonts.
pub fn width(text: &str, size: u32) -> u32 {
    let narrow = |char: &char| ",. ".contains(*char);
    let (narrow, wide): (Vec<char>, Vec<char>) = text.chars().partition(narrow);
    (size * (narrow.len() as u32 * 36 + wide.len() as u32 * 67)).div_ceil(100)
}

/// The width of the widest of `values` as a label.
pub fn widest(values: impl Iterator<Item = f64>) -> u32 {
    let widths = values.map(|value| width(&number(value), LABEL));
    widths.max().unwrap_or(0)
}

/// The width of a vertical axis with its name and its `labels`.
pub fn axis_width(labels: &[f64]) -> u32 {
    widest(labels.iter().copied()) + 36
}

/// The style of text of `size` pixels. The SVG backend divides sizes by 1.24.
pub fn style(size: u32) -> TextStyle<'static> {
    (FontFamily::SansSerif, f64::from(size) * 1.24)
        .into_font()
        .color(&INK)
}

/// Draws `text` centered at `at`.
pub fn centered(area: &Area, text: &str, at: (i32, i32), size: u32) -> anyhow::Result<()> {
    let style = style(size).pos(Pos::new(HPos::Center, VPos::Center));
    area.draw_text(text, &style, at)?;
    Ok(())
}

/// A number with three significant digits and separated thousands: `0.0123`, `4.57`, `1,234`.
pub fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor() as i32;
    let decimals = (2 - magnitude).max(0) as usize;
    let text = format!("{value:.decimals$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    let fraction = fraction.trim_end_matches('0');
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}
