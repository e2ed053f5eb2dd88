//! Grouped bars, each with its value above it.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::scale::Scale;
use crate::{Area, Axes, COLOURS, FOOT, HEAD, Panel, SIDE, text};

/// The space beside a group of bars, in bars.
const GAP: f64 = 0.8;

/// The width that keeps values and categories apart.
pub fn width(categories: &[String], values: &[Vec<Option<f64>>]) -> u32 {
    let numbers = values.iter().flatten().flatten().copied();
    let bar = text::widest(numbers).max(16);
    let group = (f64::from(bar) * (values.len() as f64 + GAP)).ceil() as u32;
    let names = categories
        .iter()
        .map(|name| text::width(name, text::LABEL) + 8);
    categories.len() as u32 * names.max().unwrap_or(0).max(group)
        + text::axis_width(&vertical(values).labels)
        + 2 * SIDE
}

pub fn draw(
    area: &Area,
    panel: &Panel,
    categories: &[String],
    values: &[Vec<Option<f64>>],
) -> anyhow::Result<()> {
    let scale = vertical(values);
    let mut plot = ChartBuilder::on(area)
        .margin(SIDE)
        .margin_top(HEAD)
        .x_label_area_size(FOOT)
        .y_label_area_size(text::axis_width(&scale.labels))
        .build_cartesian_2d(Scale::of_categories(categories.len()), scale)?;
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
    for (series, (values, colour)) in values.iter().zip(COLOURS).enumerate() {
        for (category, value) in values.iter().enumerate() {
            let Some(value) = *value else { continue };
            let left = category as f64 + bar * (GAP / 2.0 + series as f64);
            let corners = [(left + bar * 0.04, 0.0), (left + bar * 0.96, value)];
            plot.draw_series([Rectangle::new(corners, colour.filled())])?;
            let top = (left + bar / 2.0, value);
            plot.draw_series([Text::new(text::number(value), top, number.clone())])?;
        }
    }
    Ok(())
}

/// The axis of the values, with an eighth more for the number above the highest bar.
fn vertical(values: &[Vec<Option<f64>>]) -> Scale {
    let tops = values.iter().flatten().flatten().map(|value| value * 1.125);
    Scale::around(Axes::Linear, tops)
}
