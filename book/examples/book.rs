//! Writes the book as web pages, for who has no mdbook: `cargo run -p ostraca-book --example book`.

use std::error::Error;
use std::path::Path;

use mdbook_driver::MDBook;

fn main() -> Result<(), Box<dyn Error>> {
    let book = Path::new(env!("CARGO_MANIFEST_DIR"));
    let into = book.parent().ok_or("the book lies in the repository")?.join("target/book");
    let mut pages = MDBook::load(book).map_err(|error| format!("{error:?}"))?;
    pages.config.build.build_dir = into.clone();
    pages.build().map_err(|error| format!("{error:?}"))?;
    println!("open {}", into.join("index.html").display());
    Ok(())
}
