//! Tables for a terminal, aligned for full-width text.

use comfy_table::{LineStyle, TableStyle};

/// Rows under headings; columns as wide as their widest cell in terminal cells.
#[derive(Debug)]
pub struct Table(comfy_table::Table);

impl Table {
    /// A table under these headings.
    pub fn new<S: Into<String>>(headings: impl IntoIterator<Item = S>) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('-')));
        table.set_header(headings.into_iter().map(Into::into).collect::<Vec<String>>());
        Self(table)
    }

    /// Adds a row; line breaks in a cell stay.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.0.add_row(cells.into_iter().map(Into::into).collect::<Vec<String>>());
    }

    /// True if no row was added.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The table as lines that end in a newline, without trailing spaces.
    pub fn render(&mut self) -> String {
        for column in self.0.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let mut out = String::new();
        for line in self.0.lines() {
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr as _;

    #[test]
    fn full_width_cells_align() {
        let mut table = Table::new(["系統", "id"]);
        table.row(["マイナンバー利用事務系", "A"]);
        table.row(["lgwan", "B"]);
        let text = table.render();
        let offsets: Vec<usize> = text
            .lines()
            .filter(|line| !line.starts_with('-'))
            .zip(["id", "A", "B"])
            .map(|(line, cell)| line[..line.rfind(cell).unwrap()].width())
            .collect();
        assert_eq!(offsets, vec![24, 24, 24], "{text}");
    }
}
