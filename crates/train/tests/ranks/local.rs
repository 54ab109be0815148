//! Ranks that are threads of one process: an exchange behind a mutex, in which everyone waits for everyone.

use gradus_autograd::{Gradients, Leaf, LeafId, Value};
use gradus_nn_layers::Module;
use gradus_train::{Error, Ranks, Result, Start, gradients_from};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// What a rank brings to an exchange.
#[derive(Clone, Default)]
struct Message {
    bytes: Vec<u8>,
    numbers: Vec<f64>,
    arrays: Vec<Option<Value<f64>>>,
}

#[derive(Default)]
struct Round {
    number: u64,
    brought: Vec<Option<Message>>,
    result: Arc<Vec<Message>>,
}

struct Hub {
    round: Mutex<Round>,
    turn: Condvar,
}

/// One rank of several.
pub(super) struct Local {
    rank: usize,
    size: usize,
    hub: Arc<Hub>,
    parameters: Vec<LeafId>,
    buffers: Vec<LeafId>,
    /// The gradients that were told of early, with the rank's share.
    told: Vec<(LeafId, Value<f64>, f64)>,
    /// How many there were in all.
    pub(super) early: usize,
}

/// Runs so many ranks to their ends, and returns what they return.
pub(super) fn on_ranks<T: Send>(size: usize, run: impl Fn(&mut Local) -> T + Sync) -> Vec<T> {
    let round = Mutex::new(Round { brought: vec![None; size], ..Round::default() });
    let (hub, run) = (Arc::new(Hub { round, turn: Condvar::new() }), &run);
    std::thread::scope(|scope| {
        let start = |rank| {
            let hub = Arc::clone(&hub);
            let (parameters, buffers, told) = (Vec::new(), Vec::new(), Vec::new());
            scope.spawn(move || run(&mut Local { rank, size, hub, parameters, buffers, told, early: 0 }))
        };
        let threads: Vec<_> = (0..size).map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

impl Local {
    fn exchange(&self, message: Message) -> Result<Arc<Vec<Message>>> {
        let mut round = self.hub.round.lock().unwrap();
        let number = round.number;
        round.brought[self.rank] = Some(message);
        if round.brought.iter().all(Option::is_some) {
            round.result = Arc::new(round.brought.iter_mut().filter_map(Option::take).collect());
            round.number += 1;
            self.hub.turn.notify_all();
        } else {
            let patience = Duration::from_secs(20);
            let (woken, late) =
                self.hub.turn.wait_timeout_while(round, patience, |round| round.number == number).unwrap();
            if late.timed_out() {
                return Err(Error::Ranks(format!("rank {} has waited in vain", self.rank).into()));
            }
            round = woken;
        }
        Ok(Arc::clone(&round.result))
    }
}

/// Adds up in order, without those that have nothing.
fn sum(all: &[Message], place: usize) -> Option<Value<f64>> {
    all.iter().filter_map(|message| message.arrays.get(place)?.clone()).reduce(|a, b| (&*a + &*b).into())
}

impl Ranks<f64> for Local {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn broadcast(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        let all = self.exchange(Message { bytes: std::mem::take(bytes), ..Message::default() })?;
        bytes.clone_from(&all[0].bytes);
        Ok(())
    }

    fn all_gather(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
        let all = self.exchange(Message { bytes: bytes.to_vec(), ..Message::default() })?;
        Ok(all.iter().map(|message| message.bytes.clone()).collect())
    }

    fn begin(&mut self, model: &mut dyn Module<f64>, start: &Start) -> Result<()> {
        self.parameters = model.parameters().iter().map(|(_, parameter)| parameter.id()).collect();
        self.buffers = model.buffers().iter().map(|(_, buffer)| buffer.id()).collect();
        let all = self.all_gather(format!("{start:?}").as_bytes())?;
        if let Some(other) = all.iter().find(|other| **other != all[0]) {
            let [first, other] = [&all[0], other].map(|text| String::from_utf8_lossy(text));
            return Err(Error::Ranks(format!("{first} and {other}").into()));
        }
        Ok(())
    }

    fn gradient(&mut self, id: LeafId, gradient: &Value<f64>, share: f64) {
        self.told.push((id, gradient.clone(), share));
        self.early += 1;
    }

    fn add_up(&mut self, gradients: &mut Gradients<f64>, share: f64, numbers: &mut [f64]) -> Result<()> {
        let told = std::mem::take(&mut self.told);
        if share > 0.0 && !told.is_empty() {
            assert_eq!(told.len(), gradients.len());
            told.iter().for_each(|told| assert_eq!((gradients.get_id(told.0), told.2), (Some(&told.1), share)));
        }
        gradients.scale(share);
        let updates =
            self.buffers.iter().map(|id| gradients.update_of(*id).map(|value| value.mapv(|x| x * share).into()));
        let arrays = self.parameters.iter().map(|id| gradients.get_id(*id).cloned()).chain(updates).collect();
        let all = self.exchange(Message { numbers: numbers.to_vec(), arrays, ..Message::default() })?;
        let summed = |ids: &[LeafId], first: usize| -> Vec<_> {
            ids.iter().enumerate().filter_map(|(i, id)| Some((*id, sum(&all, first + i)?))).collect()
        };
        *gradients = gradients_from(summed(&self.parameters, 0), summed(&self.buffers, self.parameters.len()))?;
        for (i, number) in numbers.iter_mut().enumerate() {
            *number = all.iter().map(|message| message.numbers[i]).sum();
        }
        Ok(())
    }
}
