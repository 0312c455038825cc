//! Configuration: what an operator can set.

use ostraca::prelude::*;

struct Ledger;

#[actor]
impl Ledger {
    #[start]
    fn start() -> Self {
        Ledger
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // ANCHOR: sources
    let system = System::builder()
        .configures::<Ledger>() // files and the environment may change its settings
        .config_env()
        .config_text("shop.toml", include_str!("shop.toml"))
        .start()?;
    // ANCHOR_END: sources
    assert_eq!(system.name(), "shop");
    system.spawn::<Ledger>(()).await?;
    system.stop().await;

    // ANCHOR: mistakes
    let wrong = "workers = \"four\"\nstop_deadlin = \"10s\"\n";
    let error = System::builder().config_text("shop.toml", wrong).start().expect_err("two mistakes");
    assert_eq!(
        error.to_string(),
        "shop.toml:1:11: `workers` is `\"four\"`: expected a whole number from 1, such as 4\n\
         shop.toml:2:1: unknown key `stop_deadlin`, did you mean `stop_deadline`? \
         (allowed: `name`, `workers`, `pinned_cores`, `stop_deadline`, `monitor`, `actor`)"
    );
    // ANCHOR_END: mistakes
    Ok(())
}

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
