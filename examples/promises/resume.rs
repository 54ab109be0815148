//! Promise: a run that is stopped anywhere and goes on in another process gives what it would have given.

use crate::runs::{How, Kind, Outcome, train};
use gradus::prelude::*;
use gradus::rand::RngExt;
use std::path::Path;
use std::process::Command;

/// Stops each kind at so many random steps, and lets each go on in a process of its own.
pub(crate) fn show(stops: usize) -> Result<(), String> {
    let mut rng = StdRng::seed_from_u64(1);
    let (mut runs, mut differing) = (0, 0);
    for kind in Kind::ALL {
        let whole = train(kind, &How::default()).map_err(|error| error.to_string())?;
        let Outcome::Ended { steps, .. } = whole else { return Err("nobody asked the whole run to stop".to_owned()) };
        for _ in 0..stops {
            let stop = rng.random_range(1..steps);
            let folder = std::env::temp_dir().join(format!("gradus-promises-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&folder);
            let first = one(kind, &folder, Some(stop))?;
            let second = one(kind, &folder, None)?;
            runs += 1;
            if (first.as_str(), second.as_str()) != ("Stopped", format!("{whole:?}").as_str()) {
                differing += 1;
                println!("{kind}: stopped after step {stop}: {first}, then {second}, and not {whole:?}");
            }
            let _ = std::fs::remove_dir_all(&folder);
        }
        println!("{kind:<9} {steps} steps, stopped {stops} times");
    }
    println!("{differing} of {runs} runs differ in a bit");
    if differing == 0 { Ok(()) } else { Err(format!("{differing} runs differ")) }
}

/// Runs this program anew, for one run.
fn one(kind: Kind, folder: &Path, stop_after: Option<u64>) -> Result<String, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.arg("run").arg(kind.to_string()).arg("--folder").arg(folder);
    if let Some(step) = stop_after {
        command.arg("--stop-after").arg(step.to_string());
    }
    let output = command.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.trim().lines().last().unwrap_or_default().to_owned())
}
