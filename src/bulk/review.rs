//! The table of a review: every selected mask, the most doubtful first, and what its reviewer says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::BulkError;
use crate::select::Part;

/// What a reviewer says of a mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// It is right: run.
    Accept,
    /// Leave the picture out.
    Skip,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReviewRow {
    /// The picture.
    pub picture: String,
    /// `accept`, `skip` or nothing yet.
    pub decision: Option<Decision>,
    /// How much it wants a look.
    pub doubt: f64,
    /// Share of the picture that is selected.
    pub share: f64,
    /// What is suspicious.
    pub flags: String,
    /// The mask's file below the review's folder.
    pub mask: String,
    /// What is selected, cut out, for a look.
    pub cutout: String,
}

/// The table, the most doubtful first.
pub fn review_csv(mut rows: Vec<ReviewRow>) -> Result<Vec<u8>, String> {
    let held = |row: &ReviewRow| !row.flags.is_empty();
    rows.sort_by(|a, b| {
        let by_flags = held(b).cmp(&held(a));
        let by_doubt = b.doubt.total_cmp(&a.doubt);
        by_flags
            .then(by_doubt)
            .then_with(|| a.picture.cmp(&b.picture))
    });
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in &rows {
        writer.serialize(row).map_err(|error| error.to_string())?;
    }
    writer.into_inner().map_err(|error| error.to_string())
}

/// The rows of a table. A reviewer's program may have left out or spoiled what only describes a mask; which
/// picture a row is of and what is decided must be there.
pub fn review_rows(table: &[u8], path: &Path) -> Result<Vec<ReviewRow>, BulkError> {
    let unreadable = |error: csv::Error| BulkError::Prompts {
        path: path.to_owned(),
        why: error.to_string(),
    };
    #[derive(Deserialize)]
    struct Said {
        picture: String,
        decision: Option<Decision>,
    }
    let table = table.strip_prefix(b"\xef\xbb\xbf").unwrap_or(table);
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(table);
    let columns = reader.headers().map_err(unreadable)?.clone();
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.map_err(unreadable)?;
        let said: Said = row.deserialize(Some(&columns)).map_err(unreadable)?;
        let text = |column: &str| {
            let at = columns.iter().position(|it| it == column);
            at.and_then(|at| row.get(at)).unwrap_or_default().to_owned()
        };
        let number = |column: &str| text(column).parse().unwrap_or_default();
        rows.push(ReviewRow {
            doubt: number("doubt"),
            share: number("share"),
            flags: text("flags"),
            mask: text("mask"),
            cutout: text("cutout"),
            picture: said.picture,
            decision: said.decision,
        });
    }
    Ok(rows)
}

/// What reviewers have said, by picture.
pub fn decisions(rows: &[ReviewRow]) -> BTreeMap<String, Decision> {
    let said = rows.iter();
    said.filter_map(|row| Some((row.picture.clone(), row.decision?)))
        .collect()
}

/// Where, below the folder of a review, the masks of one selection lie with their table: those of another part are
/// not painted over, and neither they nor what was said of them are taken for this one's.
pub fn review_folder(root: &Path, part: Option<Part>, person: Option<u32>) -> PathBuf {
    let part = part.map_or("given", Part::id);
    match person {
        Some(person) => root.join(format!("{part}-{person}")),
        None => root.join(part),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_doubtful_stand_first_and_decisions_are_read_back() {
        let row = |picture: &str, decision, doubt, flags: &str| ReviewRow {
            picture: picture.to_owned(),
            decision,
            doubt,
            share: 0.2,
            flags: flags.to_owned(),
            mask: format!("{picture}.mask.png"),
            cutout: String::new(),
        };
        let table = review_csv(vec![
            row("sure.png", None, 0.1, ""),
            row("a, b.png", Some(Decision::Skip), 0.5, ""),
            row("small.png", Some(Decision::Accept), 0.0, "small"),
        ])
        .unwrap();
        let text = String::from_utf8(table.clone()).unwrap();
        let order: Vec<&str> = text.lines().skip(1).map(|line| &line[..3]).collect();
        assert_eq!(order, ["sma", "\"a,", "sur"]);
        let path = Path::new("review.csv");
        let said = decisions(&review_rows(&table, path).unwrap());
        let wanted = [
            ("a, b.png", Decision::Skip),
            ("small.png", Decision::Accept),
        ];
        assert_eq!(said, wanted.map(|(p, d)| (p.to_owned(), d)).into());
        let error = review_rows(b"picture,decision\na,perhaps\n", path);
        assert!(error.unwrap_err().to_string().contains("perhaps"));
        // As a spreadsheet may leave it.
        let left = b"\xef\xbb\xbfdecision,picture,doubt\nskip,a.png,\"0,3\"\n,b.png,0.3\n";
        let left = review_rows(left, path).unwrap();
        let read: Vec<_> = left.iter().map(|row| (&*row.picture, row.doubt)).collect();
        assert_eq!(read, [("a.png", 0.0), ("b.png", 0.3)]);
        assert_eq!(
            decisions(&left),
            [("a.png".to_owned(), Decision::Skip)].into()
        );
    }
}
