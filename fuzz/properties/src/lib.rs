//! What must hold of every input, whoever chose it: one function a target. The fuzzer searches for
//! an input that makes one of them panic (`fuzz/`), and an ordinary test replays the corpus.
//!
//! Each holds the code against an independent reading of the same input that is slow and obvious.

mod decision;
mod headers;
mod limits;
#[path = "../../../domain/tests/model/main.rs"]
mod model;
mod naive;
mod networks;
mod path;
mod pattern;
mod question;
mod token;

pub use decision::decision;
pub use headers::headers;
pub use limits::limits;
pub use networks::networks;
pub use path::path;
pub use pattern::pattern;
pub use question::question;
pub use token::token;

pub struct Target {
    /// Also that of its folder in `fuzz/corpus`, and of its binary.
    pub name: &'static str,
    /// Panics where the input shows that something does not hold.
    pub holds: fn(&[u8]),
}

pub const TARGETS: [Target; 8] = [
    target("decision", decision),
    target("headers", headers),
    target("limits", limits),
    target("networks", networks),
    target("path", path),
    target("pattern", pattern),
    target("question", question),
    target("token", token),
];

const fn target(name: &'static str, holds: fn(&[u8])) -> Target {
    Target { name, holds }
}
