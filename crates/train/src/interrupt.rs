//! Ctrl-C.

use crate::{Error, Result};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);

/// A flag that Ctrl-C sets, for [`Trainer::stop_when`](crate::Trainer::stop_when): training finishes its step, saves, and says how to
/// go on. A second Ctrl-C ends the program at once, with status 130.
///
/// The flag is one for the program, and stays set until it is cleared.
///
/// # Examples
/// ```
/// use gradus_train::{Trainer, stop_on_ctrl_c};
///
/// let trainer: Trainer = Trainer::new(20).stop_when(stop_on_ctrl_c()?);
/// # Ok::<(), gradus_train::Error>(())
/// ```
///
/// # Errors
/// [`Error::CtrlC`] if the program has set a handler by the crate `ctrlc` already, or the system refuses one.
pub fn stop_on_ctrl_c() -> Result<&'static AtomicBool> {
    static HANDLER: OnceLock<Result<(), String>> = OnceLock::new();
    let handler = HANDLER.get_or_init(|| {
        let handle = || {
            if STOP.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
            eprintln!("\nstopping after this step; once more to stop at once");
        };
        // Also where the signal is ignored: a shell starts programs in the background so, and one there is stopped by `kill -INT`.
        ctrlc::set_handler(handle).map_err(|error| error.to_string())
    });
    match handler {
        Ok(()) => Ok(&STOP),
        Err(reason) => Err(Error::CtrlC { reason: reason.clone() }),
    }
}
