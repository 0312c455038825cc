//! Traces for OpenTelemetry.

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use ostraca::prelude::*;
use tracing::Instrument;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

struct Stock;

#[actor]
impl Stock {
    #[start]
    fn start() -> Self {
        Stock
    }

    #[handler]
    async fn take(&mut self) -> u32 {
        7
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let exporter = InMemorySpanExporter::default();
    let spans = exporter.clone();

    // ANCHOR: layers
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter).build();
    // Who sends a trace along is read, too: the header `traceparent`.
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let traces = tracing_opentelemetry::layer().with_tracer(provider.tracer("shop"));
    let filter = EnvFilter::new("info,ostraca::message=debug");
    let subscriber = tracing_subscriber::registry().with(filter).with(traces).set_default();
    // ANCHOR_END: layers

    let system = System::start()?;
    let stock = system.spawn::<Stock>(()).await?;
    assert_eq!(stock.take().into_future().instrument(tracing::info_span!("request")).await, Ok(7));
    system.stop().await;
    drop(subscriber);

    let spans = spans.get_finished_spans()?;
    let request = spans.iter().find(|span| span.name == "request").expect("it has ended");
    for name in ["waiting", "message"] {
        let span = spans.iter().find(|span| span.name == name).expect("there is one");
        assert_eq!(span.parent_span_id, request.span_context.span_id());
    }
    Ok(())
}

#[test]
fn the_program_runs_to_its_end() {
    main().unwrap();
}
