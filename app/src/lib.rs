//! Pages: pure functions from a view model to HTML, and the islands that think in the browser.
//!
//! With `ssr` the crate renders whole documents ([`render::render`]); without it it is the wasm
//! module, which holds the islands alone.

pub mod islands;

#[cfg(feature = "ssr")]
pub mod components;
#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(feature = "ssr")]
pub mod render;
#[cfg(feature = "ssr")]
pub mod shell;
#[cfg(feature = "ssr")]
pub mod style;
