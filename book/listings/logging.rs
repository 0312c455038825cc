//! Logging: what a system says.

use ostraca::prelude::*;

struct Stock;

#[actor]
impl Stock {
    #[start]
    fn start() -> Self {
        Stock
    }

    #[handler]
    fn fall(&mut self) {
        panic!("fell over");
    }
}

// ANCHOR: panics
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ostraca::log_panics();
    tracing_subscriber::fmt().init();
    // ANCHOR_END: panics
    let system = System::start()?;
    let stock = system.spawn::<Stock>(()).await?;
    assert_eq!(stock.fall().await, Err(AskError::Panicked));
    system.stop().await;
    Ok(())
}

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
