//! What is kept after every pass and at Ctrl-C: all that a later run needs to go on in the same bits.

use crate::Model;
use gradus::nn_layers::StateDict;
use gradus::optim::{OptimizerState, SavedSlot};
use gradus::prelude::*;
use gradus::rnn_bptt::text::Vocabulary;
use gradus::rnn_bptt::{LstmState, State};
use std::fmt;
use std::path::{Path, PathBuf};

/// How far the training is.
#[derive(Default)]
pub(crate) struct Place {
    /// Whole passes.
    pub(crate) epochs: u64,
    /// Pieces of the pass that has begun.
    pub(crate) pieces: u64,
    /// The state behind them.
    pub(crate) state: Option<LstmState>,
}

/// A safetensors file of the weights, what Adam remembers, the characters and the place in the text.
///
/// Weights stand under `model.…` with PyTorch's names. The file is replaced as a whole or not at all.
pub(crate) struct Checkpoint {
    path: PathBuf,
}

impl Checkpoint {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { path: folder.join("model.safetensors") }
    }

    pub(crate) fn save(&self, model: &Model, adam: &Adam, vocabulary: &Vocabulary, place: &Place) -> crate::Outcome {
        let mut dict = StateDict::<f32>::new();
        for (name, array) in model.state_dict().iter() {
            dict.insert(format!("model.{name}"), array.clone());
        }
        let state = adam.state();
        for slot in state.slots {
            for (array, values) in slot.arrays {
                dict.insert(format!("adam.{}.{array}", slot.parameter), values);
            }
            dict.insert(format!("adam.{}.step", slot.parameter), number(slot.steps));
        }
        // Code points and counts are below 2²⁴: exact in f32.
        let characters: Vec<f32> = vocabulary.characters().iter().map(|&c| u32::from(c) as f32).collect();
        dict.insert("characters", gradus::ndarray::Array1::from(characters));
        dict.insert("epochs", number(place.epochs));
        dict.insert("pieces", number(place.pieces));
        for (i, part) in place.state.iter().flat_map(|state| state.parts().into_iter().enumerate()) {
            dict.insert(format!("state.{i}"), part.value().view().to_owned());
        }
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        Ok(dict.save(&self.path)?)
    }

    /// Fills model and optimizer, and returns how far they are.
    pub(crate) fn load(&self, model: &mut Model, adam: &mut Adam, vocabulary: &Vocabulary) -> crate::Outcome<Place> {
        let dict = StateDict::<f32>::load(&self.path)?;
        let fault = |what: &str| format!("{self}: {what}");
        let characters = dict.get("characters").ok_or_else(|| fault("no characters: not a file of this example"))?;
        let own = vocabulary.characters().iter().map(|&c| u32::from(c) as f32);
        if !characters.iter().copied().eq(own) {
            let found = characters.len();
            return Err(fault(&format!(
                "its {found} characters are not the {} of this text; resume with the text it was trained on",
                vocabulary.len()
            ))
            .into());
        }
        let mut trained = model.clone();
        trained.load_state_dict(&dict.part("model"))?;
        let mut slots = Vec::new();
        for (parameter, _) in model.parameters() {
            let part = dict.part(&format!("adam.{parameter}"));
            let steps = part.get("step").and_then(|steps| steps.first()).copied();
            let steps = steps.ok_or_else(|| fault(&format!("nothing of Adam's for {parameter}")))? as u64;
            let arrays = part.iter().filter(|&(name, _)| name != "step");
            let arrays = arrays.map(|(name, array)| (name.to_owned(), array.view().to_owned())).collect();
            slots.push(SavedSlot { parameter, rule: "adam".to_owned(), steps, arrays });
        }
        adam.restore(OptimizerState { lr: adam.lr(), slots })?;
        let count = |name| dict.get(name).and_then(|count| count.first()).map(|&count| count as u64);
        let epochs = count("epochs").ok_or_else(|| fault("it does not say how many passes it has had"))?;
        let pieces = count("pieces").unwrap_or(0); // earlier files were written between passes alone
        let tape = Tape::inference();
        let parts = dict.part("state").iter().map(|(_, part)| tape.input(part.view().to_owned())).collect();
        let state = LstmState::from_parts(parts);
        if pieces > 0 && state.is_none() {
            return Err(fault("it ends within a pass and has no state").into());
        }
        *model = trained;
        Ok(Place { epochs, pieces, state })
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

/// A count as an array without axes.
fn number(count: u64) -> gradus::ndarray::ArrayD<f32> {
    gradus::ndarray::arr0(count as f32).into_dyn()
}
