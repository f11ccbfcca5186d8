//! Columns of text.

use super::escaped::Escaped;

/// Returns rows as lines whose columns are aligned with two blanks between; nothing stands behind the last column.
///
/// A row is one line whatever is in its cells.
pub fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> =
        rows.iter().map(|row| row.each_ref().map(|cell| Escaped::line(cell).to_string())).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_aligned() {
        let rows = [["a".to_owned(), "b".to_owned()], ["long".to_owned(), "c".to_owned()]];
        assert_eq!(table(&rows), "a     b\nlong  c\n");
    }

    #[test]
    fn a_cell_cannot_pose_as_a_row() {
        let rows = [["a".to_owned(), "b\nlong  c".to_owned()]];
        assert_eq!(table(&rows), "a  b\\u{a}long  c\n");
    }
}
