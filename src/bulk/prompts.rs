//! [`Prompts`]: where each picture's own prompt comes from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::BulkError;
use super::listing::Source;
use super::template::Template;

/// Where each picture's own prompt comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Prompts {
    /// There is none: the recipe's is everybody's.
    #[default]
    Recipe,
    /// A table with a row for each picture.
    Table(PromptTable),
    /// A text file for each picture.
    Beside,
}

/// A table of prompts: a column `picture` (file name, path below the folder, or name without
/// ending), columns `prompt` and `negative` if it likes, and columns for places of the prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptTable {
    path: PathBuf,
    rows: BTreeMap<String, BTreeMap<String, String>>,
}

impl PromptTable {
    /// Reads the table `path`: `.tsv` has tabs, everything else commas.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, BulkError> {
        let unreadable = |why: String| BulkError::Prompts {
            path: path.to_owned(),
            why,
        };
        // Spreadsheets begin a table with the mark of its encoding.
        let text = std::str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
            .map_err(|error| unreadable(format!("it is not UTF-8: {error}")))?;
        let has_tabs = path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("tsv"));
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(if has_tabs { b'\t' } else { b',' })
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let columns = reader
            .headers()
            .map_err(|error| unreadable(error.to_string()))?;
        let columns: Vec<String> = columns.iter().map(str::to_owned).collect();
        if !columns.iter().any(|column| column == PICTURE) {
            return Err(BulkError::PromptColumn {
                path: path.to_owned(),
                column: PICTURE,
            });
        }
        let mut rows = BTreeMap::new();
        for record in reader.records() {
            let record = record.map_err(|error| unreadable(error.to_string()))?;
            let cells = columns
                .iter()
                .cloned()
                .zip(record.iter().map(str::to_owned));
            let mut row: BTreeMap<String, String> = cells.collect();
            let picture = row.remove(PICTURE).unwrap_or_default().replace('\\', "/");
            if rows.insert(picture.clone(), row).is_some() {
                return Err(unreadable(format!("“{picture}” stands in it twice")));
            }
        }
        Ok(Self {
            path: path.to_owned(),
            rows,
        })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The row of a picture.
    pub(super) fn row(&self, source: &Source) -> Option<&BTreeMap<String, String>> {
        let file = source.relative.file_name().unwrap_or_default();
        let names = [
            source.name(),
            file.to_string_lossy().into_owned(),
            source.stem(),
        ];
        names.iter().find_map(|name| self.rows.get(name))
    }
}

const PICTURE: &str = "picture";

/// What a recipe says of a path: one for each picture, from the picture's folder, where it has a
/// place; else the same for all, from the recipe's folder.
pub(super) fn path_for(
    key: &'static str,
    text: &str,
    source: &Source,
    recipe_folder: &Path,
) -> Result<PathBuf, BulkError> {
    let template = Template::parse(key, text)?;
    let (stem, from) = (source.stem(), source.ending());
    let filled = template.fill(|name| match name {
        "stem" => Some(&stem),
        "from" => Some(&from),
        _ => None,
    });
    let filled = filled.map_err(BulkError::NoValue)?;
    let is_each = template.places().next().is_some();
    Ok(if is_each {
        source.folder()
    } else {
        recipe_folder
    }
    .join(filled))
}

/// True where a recipe's path has a place, so that it is another for each picture.
pub fn is_of_each(path: &str) -> bool {
    Template::parse("mask.mask", path).is_ok_and(|path| path.places().next().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(relative: &str) -> Source {
        Source {
            relative: relative.into(),
            path: Path::new("/photos").join(relative),
        }
    }

    #[test]
    fn rows_are_found_by_path_name_or_stem() {
        let table = "\u{feff}picture,prompt,colour\nsub/a.jpg,\"a, b\",red\nb.png,x,\nc,y,blue\n";
        let table = PromptTable::parse(table.as_bytes(), Path::new("p.csv")).unwrap();
        let prompt = |name: &str| table.row(&source(name)).map(|row| row["prompt"].clone());
        assert_eq!(prompt("sub/a.jpg").as_deref(), Some("a, b"));
        assert_eq!(prompt("other/b.png").as_deref(), Some("x"));
        assert_eq!(prompt("c.webp").as_deref(), Some("y"));
        assert_eq!(prompt("d.webp"), None);
        let tabs = PromptTable::parse(b"picture\tprompt\na\tone, two\n", Path::new("p.TSV"));
        assert_eq!(
            tabs.unwrap().row(&source("a.png")).unwrap()["prompt"],
            "one, two"
        );
    }

    #[test]
    fn broken_tables_say_what_is_wrong() {
        let bad = |text: &[u8]| PromptTable::parse(text, Path::new("p.csv")).unwrap_err();
        assert!(matches!(
            bad(b"prompt\nx\n"),
            BulkError::PromptColumn { .. }
        ));
        assert!(
            bad(b"picture,prompt\na,b,c\n")
                .to_string()
                .contains("line: 2")
        );
        assert!(bad(b"picture\na\na\n").to_string().contains("twice"));
        assert!(bad(b"picture\n\xff\n").to_string().contains("UTF-8"));
    }

    #[test]
    fn paths_with_a_place_lie_beside_their_pictures() {
        let folder = Path::new("/recipes");
        let of = |text| path_for("mask.mask", text, &source("sub/a.JPG"), folder).unwrap();
        assert_eq!(of("{stem}-mask.png"), Path::new("/photos/sub/a-mask.png"));
        assert_eq!(
            of("../m/{stem}.{from}"),
            Path::new("/photos/sub/../m/a.jpg")
        );
        assert_eq!(of("logo.png"), Path::new("/recipes/logo.png"));
        assert!(is_of_each("{stem}.png") && !is_of_each("logo.png"));
    }
}
