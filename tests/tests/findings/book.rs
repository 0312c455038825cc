//! The book's table of findings, held against the code.

use std::fs;
use std::path::Path;

use ostraca::monitor::FindingKind;

#[test]
fn the_books_table_is_the_list_of_findings() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/src/capacity.md");
    let page = fs::read_to_string(&page).unwrap();
    let rows: Vec<&str> =
        page.lines().filter(|line| line.starts_with("| `") && line.matches('|').count() == 5).collect();
    let findings = rows.iter().filter(|row| FindingKind::ALL.iter().any(|kind| row.contains(kind.name())));
    let expected = FindingKind::ALL.map(|kind| {
        format!("| `{}` | {} | {} | {} |", kind.name(), kind.severity(), kind.meaning(), kind.remedy())
    });
    assert_eq!(findings.copied().collect::<Vec<_>>(), expected);
}
