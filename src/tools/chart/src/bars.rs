//! Grouped bars with their values above them.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::{Area, COLORS, FOOT, HEAD, Panel, SIDE, text};

/// The space beside a group of bars, in bars.
const GAP: f64 = 0.8;

/// The number of labels of the vertical axis, at most.
const LABELS: usize = 11;

/// The horizontal axis: a unit for each of so many categories, with its label in the middle. The
/// segmented axis of plotters has no positions within a segment.
struct Categories(usize);

impl Ranged for Categories {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, pixels: (i32, i32)) -> i32 {
        RangedCoordf64::from(self.range()).map(value, pixels)
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        (0..self.0).map(|number| number as f64 + 0.5).collect()
    }

    fn range(&self) -> Range<f64> {
        0.0..self.0 as f64
    }
}

/// The width that keeps values and categories apart.
pub fn width(categories: &[String], values: &[Vec<Option<f64>>]) -> u32 {
    let numbers = values.iter().flatten().flatten().copied();
    let bar = text::widest(numbers).max(16);
    let group = (f64::from(bar) * (values.len() as f64 + GAP)).ceil() as u32;
    let names = categories
        .iter()
        .map(|name| text::width(name, text::LABEL) + 8);
    categories.len() as u32 * names.max().unwrap_or(0).max(group)
        + text::axis_width(&labels(vertical(values)))
        + 2 * SIDE
}

pub fn draw(
    area: &Area,
    panel: &Panel,
    categories: &[String],
    values: &[Vec<Option<f64>>],
) -> anyhow::Result<()> {
    let vertical = vertical(values);
    let mut plot = ChartBuilder::on(area)
        .margin(SIDE)
        .margin_top(HEAD)
        .x_label_area_size(FOOT)
        .y_label_area_size(text::axis_width(&labels(vertical.clone())))
        .build_cartesian_2d(Categories(categories.len()), vertical)?;
    let name = |x: &f64| categories[*x as usize].clone();
    let mut mesh = plot.configure_mesh();
    panel.style(&mut mesh);
    mesh.disable_x_mesh()
        .y_labels(LABELS)
        .x_label_formatter(&name)
        .draw()?;

    panel.draw_title(area, plot.plotting_area().get_pixel_range().0)?;

    let bar = 1.0 / (values.len() as f64 + GAP);
    let number = text::style(text::LABEL).pos(Pos::new(HPos::Center, VPos::Bottom));
    for (series, (values, color)) in values.iter().zip(COLORS).enumerate() {
        for (category, value) in values.iter().enumerate() {
            let Some(value) = *value else { continue };
            let left = category as f64 + bar * (GAP / 2.0 + series as f64);
            let corners = [(left + bar * 0.04, 0.0), (left + bar * 0.96, value)];
            plot.draw_series([Rectangle::new(corners, color.filled())])?;
            let top = (left + bar / 2.0, value);
            plot.draw_series([Text::new(text::number(value), top, number.clone())])?;
        }
    }
    Ok(())
}

/// The vertical axis, with room for the number above the highest bar.
fn vertical(values: &[Vec<Option<f64>>]) -> Range<f64> {
    let numbers = values.iter().flatten().flatten().copied();
    0.0..numbers.fold(0.0, f64::max) * 1.125
}

/// The labels that plotters chooses for the vertical axis.
fn labels(vertical: Range<f64>) -> Vec<f64> {
    RangedCoordf64::from(vertical).key_points(LABELS)
}
