//! What the ranks of a run tell each other beside gradients: each learns of an error on any of them, so that none waits for one
//! that has given up.

use crate::{Error, Ranks, Result};
use gradus_autograd::Real;

/// Stands before what follows in a message: bytes, or why there are none.
const FINE: u8 = 0;
const FAILED: u8 = 1;

fn message(own: &Result<Vec<u8>>) -> Vec<u8> {
    let (mark, bytes) = match own {
        Ok(bytes) => (FINE, bytes.clone()),
        Err(error) => (FAILED, reason(error).into_bytes()),
    };
    [vec![mark], bytes].concat()
}

/// What a rank has sent.
fn read(rank: usize, message: &[u8]) -> Result<&[u8]> {
    match message.split_first() {
        Some((&FINE, bytes)) => Ok(bytes),
        Some((_, reason)) => Err(other(rank, &String::from_utf8_lossy(reason))),
        None => Err(other(rank, "it sent nothing where a word was due")),
    }
}

fn other(rank: usize, reason: &str) -> Error {
    Error::OtherRank { rank, reason: reason.to_owned(), kept: None }
}

/// An error as the other ranks are told of it.
fn reason(error: &Error) -> String {
    match error {
        Error::NonFiniteLoss { epoch, step, loss, cause, .. } => {
            let cause = cause.as_ref().map_or_else(String::new, |cause| format!(": {cause}"));
            format!("epoch {epoch}, step {step}: the loss is {loss}{cause}")
        }
        Error::NonFiniteGradient { epoch, step, loss, parameter, .. } => {
            format!("epoch {epoch}, step {step}: the gradient of {parameter} is not finite although the loss is {loss}")
        }
        error => error.to_string(),
    }
}

/// Everyone's bytes. If a rank has failed, every rank fails: with its own error, or with one that names the rank.
pub(crate) fn agree<F: Real>(ranks: &mut dyn Ranks<F>, own: Result<Vec<u8>>) -> Result<Vec<Vec<u8>>> {
    let all = ranks.all_gather(&message(&own));
    own?;
    all?.iter().enumerate().map(|(rank, message)| Ok(read(rank, message)?.to_vec())).collect()
}

/// A result that every rank has one of, or none has.
pub(crate) fn together<F: Real, T>(ranks: Option<&mut dyn Ranks<F>>, own: Result<T>) -> Result<T> {
    let Some(ranks) = ranks else { return own };
    match own {
        Ok(value) => agree(ranks, Ok(Vec::new())).map(|_| value),
        Err(error) => Err(agree(ranks, Err(error)).err().unwrap_or_else(|| other(ranks.rank(), "it failed"))),
    }
}

/// What rank 0 alone does, and its bytes on every rank; no rank goes on before it is done.
pub(crate) fn from_first<F: Real>(
    ranks: &mut dyn Ranks<F>,
    first: impl FnOnce() -> Result<Vec<u8>>,
) -> Result<Vec<u8>> {
    if ranks.rank() > 0 {
        let mut bytes = Vec::new();
        ranks.broadcast(&mut bytes)?;
        return Ok(read(0, &bytes)?.to_vec());
    }
    let own = first();
    let told = ranks.broadcast(&mut message(&own));
    let own = own?;
    told.map(|()| own)
}

/// What kind of fault a step has failed by: all ranks must treat it alike, for a line search turns back from some.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Loss(f64),
    Gradient,
    Other,
}

impl Kind {
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::NonFiniteLoss { loss, .. } => Self::Loss(*loss),
            Error::NonFiniteGradient { .. } => Self::Gradient,
            _ => Self::Other,
        }
    }

    fn to_bytes(self) -> [u8; 9] {
        let (kind, loss) = match self {
            Self::Loss(loss) => (0, loss),
            Self::Gradient => (1, 0.0),
            Self::Other => (2, 0.0),
        };
        let mut bytes = [kind; 9];
        bytes[1..].copy_from_slice(&f64::to_le_bytes(loss));
        bytes
    }

    fn from_bytes([kind, loss @ ..]: [u8; 9]) -> Self {
        match kind {
            0 => Self::Loss(f64::from_le_bytes(loss)),
            1 => Self::Gradient,
            _ => Self::Other,
        }
    }
}

/// Why an evaluation has failed on this rank, and what that is on all of them.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Box<Error>,
    pub(crate) kind: Kind,
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = Box::new(error.into());
        Self { kind: Kind::of(&error), error }
    }
}

/// Some rank has a fault, perhaps this one: finds out which. A fault that nothing turns back from goes before one that a line
/// search does.
pub(crate) fn failure<F: Real>(ranks: &mut dyn Ranks<F>, own: Option<Error>) -> Failure {
    let told = own.as_ref().map_or_else(Vec::new, |error| {
        let mut bytes = Kind::of(error).to_bytes().to_vec();
        bytes.extend_from_slice(reason(error).as_bytes());
        bytes
    });
    let all = match ranks.all_gather(&told) {
        Ok(all) => all,
        Err(error) => return own.unwrap_or(error).into(),
    };
    let faults = all.iter().enumerate().filter_map(|(rank, bytes)| {
        let (kind, reason) = bytes.split_first_chunk()?;
        Some((rank, Kind::from_bytes(*kind), reason))
    });
    let Some((rank, kind, reason)) = faults.min_by_key(|(rank, kind, _)| (*kind != Kind::Other, *rank)) else {
        let unknown = Error::Ranks("a rank has a fault, and none says which".into());
        return own.unwrap_or(unknown).into();
    };
    let error = own.unwrap_or_else(|| other(rank, &String::from_utf8_lossy(reason)));
    Failure { error: Box::new(error), kind }
}
