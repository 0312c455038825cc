//! An actor is started, asked, and stopped.
//!
//! ```text
//! hello, world
//! ```

use ostraca::prelude::*;

struct Greeter;

#[actor]
impl Greeter {
    #[start]
    fn start() -> Self {
        Greeter
    }

    #[handler]
    fn greet(&self, name: String) -> String {
        format!("hello, {name}")
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let greeter = system.spawn::<Greeter>(()).await?;
    println!("{}", greeter.greet("world".to_owned()).await?);
    system.stop().await;
    Ok(())
}
