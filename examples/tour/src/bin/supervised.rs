//! An actor that falls is started again, and so are those that depend on it.
//!
//! A panic ends one incarnation and nothing else. What must survive lies outside the state: here the list of readings.
//!
//! ```text
//! 1 reading by sensor 1
//! the handler panicked: the message may have run in part, the log says where
//! 2 readings by sensor 2, which was started again
//! the display was started again with it: 2
//! the system is ready: true
//! ```

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ostraca::prelude::*;
use ostraca::{Restart, Strategy};

/// What outlives every incarnation: in a real service a table.
#[derive(Clone, Default)]
struct Store(Arc<Mutex<Vec<i64>>>);

impl Store {
    /// Gives how many there are now.
    fn push(&self, reading: i64) -> usize {
        let mut readings = self.0.lock().expect("nobody panics with the lock held");
        readings.push(reading);
        readings.len()
    }
}

struct Sensor {
    store: Store,
    incarnation: usize,
}

#[actor]
impl Sensor {
    /// Runs again at every restart, with the same arguments.
    #[start]
    fn start(store: Store, incarnations: Counter) -> Self {
        Sensor { store, incarnation: incarnations.next() }
    }

    /// How many readings there are, and which incarnation answers.
    #[handler]
    fn read(&mut self, volts: i64, ohms: i64) -> (usize, usize) {
        let readings = self.store.push(volts / ohms); // nobody thought of 0 ohms
        (readings, self.incarnation)
    }
}

/// Depends on the sensor: it is started after it, and again whenever that is.
struct Display {
    incarnation: usize,
}

#[actor]
impl Display {
    #[start]
    fn start(incarnations: Counter) -> Self {
        Display { incarnation: incarnations.next() }
    }

    #[handler]
    fn incarnation(&self) -> usize {
        self.incarnation
    }
}

#[derive(Clone, Default)]
struct Counter(Arc<Mutex<usize>>);

impl Counter {
    fn next(&self) -> usize {
        let mut count = self.0.lock().expect("nobody panics with the lock held");
        *count += 1;
        *count
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ostraca::log_panics(); // panics of actors go to the log and not to the terminal
    let system = System::start()?;
    // Three restarts in ten seconds; a fourth would be the end, and whoever is above would decide.
    let station = system
        .supervisor(Strategy::RestForOne, Restart::new(3, Duration::from_secs(10)))
        .child::<Sensor>((Store::default(), Counter::default()))
        .child::<Display>(Counter::default())
        .start()
        .await?;
    let sensor = station.actor::<Sensor>().expect("it was started above");
    let display = station.actor::<Display>().expect("it was started above");

    let (readings, incarnation) = sensor.read(230, 10).await?;
    println!("{readings} reading by sensor {incarnation}");
    if let Err(error) = sensor.read(230, 0).await {
        println!("{error}");
    }
    // The reference is as good as before.
    let (readings, incarnation) = sensor.read(230, 10).await?;
    println!("{readings} readings by sensor {incarnation}, which was started again");
    // The sensor answers before the display is told to stop; the answer below is the next incarnation's.
    while display.incarnation().await? == 1 {}
    println!("the display was started again with it: {}", display.incarnation().await?);
    println!("the system is ready: {}", system.readiness().is_ready());
    system.stop().await;
    Ok(())
}
