//! The parts of `cache` that have loom models, compiled alone. What lies in an `Arc` is arc-swap's, and its models are.

mod view;
mod word;
