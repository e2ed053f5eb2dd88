//! Grouped bars, each with its value above.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::{Area, COLORS, FOOT, HEAD, Panel, SIDE, scale, text};

/// The space beside a group of bars, in bars.
const GAP: f64 = 0.8;

/// An axis from zero. The linear axis of plotters allows no choice of labels.
struct Axis {
    end: f64,
    labels: Vec<f64>,
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, pixels: (i32, i32)) -> i32 {
        RangedCoordf64::from(self.range()).map(value, pixels)
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.labels.clone()
    }

    fn range(&self) -> Range<f64> {
        0.0..self.end
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
        + text::axis_width(&labels(values))
        + 2 * SIDE
}

pub fn draw(
    area: &Area,
    panel: &Panel,
    categories: &[String],
    values: &[Vec<Option<f64>>],
) -> anyhow::Result<()> {
    let middles = (0..categories.len()).map(|i| i as f64 + 0.5).collect();
    let labels = labels(values);
    let mut plot = ChartBuilder::on(area)
        .margin(SIDE)
        .margin_top(HEAD)
        .x_label_area_size(FOOT)
        .y_label_area_size(text::axis_width(&labels))
        .build_cartesian_2d(
            Axis {
                end: categories.len() as f64,
                labels: middles,
            },
            Axis {
                end: labels[labels.len() - 1],
                labels,
            },
        )?;
    plot.configure_mesh()
        .disable_x_mesh()
        .bold_line_style(text::GRID)
        .light_line_style(TRANSPARENT)
        .label_style(text::style(text::LABEL))
        .axis_desc_style(text::style(text::LABEL))
        .x_desc(&panel.x)
        .y_desc(&panel.y)
        .x_label_formatter(&|x| categories[*x as usize].clone())
        .y_label_formatter(&|y| text::number(*y))
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

/// The labels of the vertical axis, with room for the number above the highest bar.
fn labels(values: &[Vec<Option<f64>>]) -> Vec<f64> {
    let greatest = values
        .iter()
        .flatten()
        .flatten()
        .copied()
        .fold(0.0, f64::max);
    scale::steps(greatest * 1.125)
}
