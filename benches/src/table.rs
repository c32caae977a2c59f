//! Tables as Markdown has them.

use std::fmt::{self, Display};

/// Rows of cells; the first of each says what it is about.
#[derive(Clone, Debug)]
pub struct Table(Vec<Vec<String>>);

impl Table {
    /// A table with these heads alone.
    #[must_use]
    pub fn new(heads: &[&str]) -> Self {
        let heads = heads.iter().map(|head| (*head).to_owned()).collect::<Vec<_>>();
        let rule = vec!["---".to_owned(); heads.len()];
        Self(vec![heads, rule])
    }

    /// Adds a row.
    #[must_use]
    pub fn row(mut self, name: &str, cells: impl IntoIterator<Item = String>) -> Self {
        self.0.push([name.to_owned()].into_iter().chain(cells).collect());
        self
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.0 {
            let (name, cells) = row.split_first().ok_or(fmt::Error)?;
            write!(f, "| {name:<42} |")?;
            cells.iter().try_for_each(|cell| write!(f, " {cell:>15} |"))?;
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_under_their_heads() {
        let text = Table::new(&["what", "how much"]).row("one", ["1".to_owned()]).to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(
            lines.iter().all(|line| line.len() == lines[0].len() && line.starts_with("| ") && line.ends_with(" |"))
        );
    }
}
