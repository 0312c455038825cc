//! Every example runs to its end and prints what it says it prints; the table in `examples/README.md` is whole.

#![expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An example is one idea: longer than this, it is two.
const LINES_MAX: usize = 150;

fn tour() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Name and text of each program, in the order of the names.
fn programs() -> Vec<(String, String)> {
    let files = fs::read_dir(tour().join("src/bin")).unwrap().map(|entry| entry.unwrap().path());
    let mut programs: Vec<_> = files
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    programs.sort();
    programs
}

/// What a program's doc says that it prints: its block of text.
fn promised(program: &str) -> Option<String> {
    let doc = program.lines().map_while(|line| line.strip_prefix("//!"));
    let mut lines = doc.skip_while(|line| line.trim() != "```text").skip(1);
    let block: Vec<_> = lines.by_ref().take_while(|line| line.trim() != "```").collect();
    (!block.is_empty()).then(|| block.iter().map(|line| format!("{}\n", line.trim_start())).collect())
}

/// Runs one and says what is wrong with it.
fn run(name: &str, program: &str) -> Option<String> {
    // All of a package's programs lie in one folder.
    let folder = Path::new(env!("CARGO_BIN_EXE_hello")).parent().unwrap();
    let output = Command::new(folder.join(name)).output().unwrap();
    let promised = promised(program).unwrap_or_default();
    let printed = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && printed == promised {
        return None;
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Some(format!("{name}: {}\nit says:\n{promised}\nit printed:\n{printed}\n{errors}", output.status))
}

#[test]
fn every_example_runs_to_its_end_and_prints_what_it_says() {
    let runs: Vec<_> = programs()
        .into_iter()
        .map(|(name, program)| std::thread::spawn(move || run(&name, &program)))
        .collect();
    let complaints: Vec<_> = runs.into_iter().filter_map(|run| run.join().unwrap()).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
}

#[test]
fn every_example_is_short_and_says_what_it_prints() {
    let mut complaints = Vec::new();
    for (name, program) in programs() {
        let len = program.lines().count();
        if len >= LINES_MAX {
            complaints.push(format!("{name}: {len} lines"));
        }
        if promised(&program).is_none() {
            complaints.push(format!("{name}: its doc has no block of text"));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn the_table_of_examples_has_a_row_for_each() {
    let readme = fs::read_to_string(tour().join("../README.md")).unwrap();
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| [")?.split_once("](tour/"));
    let named: BTreeSet<String> = rows
        .map(|(name, rest)| {
            let path = tour().join(rest.split_once(')').unwrap().0);
            assert!(path.is_file(), "{name}: there is no {}", path.display());
            path.file_stem().unwrap().to_str().unwrap().to_owned()
        })
        .collect();
    let mut there: BTreeSet<String> = programs().into_iter().map(|(name, _)| name).collect();
    there.insert("testing".to_owned());
    assert_eq!(named, there);
}
