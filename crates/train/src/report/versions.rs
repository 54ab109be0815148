//! What a run was made with.

use gradus_linalg::parallel;
use std::env::consts;

/// The versions and the machine, as names and values.
pub(super) fn versions() -> Vec<(&'static str, String)> {
    let build = if cfg!(debug_assertions) { "with debug assertions" } else { "release" };
    vec![
        ("gradus", format!("{}, {build}", env!("CARGO_PKG_VERSION"))),
        ("compiler", option_env!("GRADUS_RUSTC").unwrap_or("not known").to_owned()),
        ("system", format!("{}, {}", consts::OS, consts::ARCH)),
        ("threads", parallel::threads().to_string()),
    ]
}
