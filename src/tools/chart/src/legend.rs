//! The names of the series with their colors, in rows above all panels. The legends of plotters are
//! lists in the plot of one panel.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::{Area, COLORS, text};

const ROW: u32 = 22;
const SWATCH: u32 = 14;
const GAP: u32 = 24;

/// The positions of the names.
pub struct Legend<'a> {
    /// The left edge and the row of each name.
    entries: Vec<(u32, u32, &'a str)>,
    rows: u32,
}

impl<'a> Legend<'a> {
    /// Arranges `names` in centered rows of at most `width`.
    pub fn new(names: &'a [String], width: u32) -> Legend<'a> {
        let mut rows: Vec<(u32, Vec<(u32, &str)>)> = vec![(0, Vec::new())];
        for name in names {
            let needed = SWATCH + 6 + text::width(name, text::LABEL) + GAP;
            let last = rows.len() - 1;
            if rows[last].0 > 0 && rows[last].0 + needed > width {
                rows.push((0, Vec::new()));
            }
            let last = rows.len() - 1;
            let (used, names) = &mut rows[last];
            names.push((*used, name));
            *used += needed;
        }
        let entries = rows.iter().zip(0..).flat_map(|((used, names), row)| {
            let left = width.saturating_sub(used - GAP) / 2;
            names.iter().map(move |(at, name)| (left + at, row, *name))
        });
        Legend {
            entries: entries.collect(),
            rows: rows.len() as u32,
        }
    }

    pub fn height(&self) -> u32 {
        self.rows * ROW + 6
    }

    pub fn draw(&self, area: &Area) -> anyhow::Result<()> {
        let style = text::style(text::LABEL).pos(Pos::new(HPos::Left, VPos::Center));
        for ((left, row, name), color) in self.entries.iter().zip(COLORS) {
            let (left, middle) = (*left as i32, (row * ROW + ROW / 2) as i32);
            let swatch = [(left, middle - 6), (left + SWATCH as i32, middle + 6)];
            area.draw(&Rectangle::new(swatch, color.filled()))?;
            area.draw_text(name, &style, (left + SWATCH as i32 + 6, middle))?;
        }
        Ok(())
    }
}
