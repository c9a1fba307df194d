//! What every room may use: secrets, safe display, ids, places, hints.
//!
//! Nothing here knows a host, a directory or a screen.

pub mod cores;
pub mod crash;
pub mod display;
pub mod document;
pub mod hint;
pub mod ids;
pub mod oid;
pub mod places;
pub mod secret;

pub use display::display_safe;
pub use hint::Hint;
pub use ids::RunId;
pub use secret::Secret;
