//! Digits read row by row, and a poem character by character.

use crate::Outcome;
use gradus::data::Labelled;
use gradus::ndarray::{Array2, Axis, Ix3, s};
use gradus::nn_layers::{Layer, Losses};
use gradus::prelude::{Adam, Digits, Module, Optimizer, Tape, accuracy};
use gradus::rand::rngs::StdRng;
use gradus::rnn_bptt::drivers::ManyToOne;
use gradus::rnn_bptt::generate::{CharModel, Sampler, bits_per_character};
use gradus::rnn_bptt::text::{Streams, Vocabulary};
use gradus::rnn_bptt::{ClipLog, GruCell, Recurrent};
use gradus_course::{Chapter, Kind, Plot, Sketch, diverging};

/// Digits row by row.
pub(crate) fn rows(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("Many to one: a digit, row by row");
    let digits = Digits::embedded().map_inputs(f64::from).reshape_inputs(&[8, 8])?;
    let (train, test): (Labelled<f64>, Labelled<f64>) = digits.split(0.8, rng)?;
    let gru = Recurrent::of(GruCell::<f64>::new(8, 32, rng)).batch_first();
    let mut model = ManyToOne::new(gru, 10, rng)?;
    let mut adam = Adam::new(5e-3);
    for _ in 0..20 {
        for (images, labels) in train.batches(32).shuffled(rng) {
            let scores = model.forward(&Tape::recording().input(images))?;
            adam.step(&mut model, &scores.cross_entropy(&labels)?.backward()?)?;
        }
    }
    let right = 100.0 * accuracy(&model, &test)?;
    chapter.say(format!("{} parameters read {right:.1} % of the test digits", model.count_parameters()));
    chapter.check("it reads more than 93 % of new digits", right > 93.0);

    let scores = model.head.forward(&model.recurrent.forward(&Tape::inference().input(test.inputs().clone()))?)?;
    let beliefs = scores.softmax(-1)?.value().mapv(|p| p).into_dimensionality::<Ix3>()?;
    let last = beliefs.index_axis(Axis(1), 7);
    let sure = |row: usize| {
        beliefs.slice(s![.., row, ..]).fold_axis(Axis(1), 0.0, |a: &f64, b| a.max(*b)).mean().unwrap_or(0.0)
    };
    chapter.check("it is surer after the last row than after the second", sure(7) > sure(1));
    let mut sketch = Sketch::new(940.0, 280.0);
    sketch.text((20.0, 26.0), 16.0, "start", "what is believed after each row (white 0, red 1)");
    for (place, digit) in [2, 5, 9].into_iter().enumerate() {
        let found = |n: &usize| test.labels()[*n] == digit && last[[*n, digit]] > 0.5;
        let Some(n) = (0..test.len()).find(found) else { continue };
        let left = 20.0 + 310.0 * place as f64;
        for row in 0..8 {
            for column in 0..8 {
                let ink = (255.0 * (1.0 - test.inputs()[[n, row, column]])) as u8;
                let corner = (left + 13.0 * column as f64, 70.0 + 22.0 * row as f64);
                sketch.rectangle(corner, (13.0, 21.0), &format!("#{ink:02x}{ink:02x}{ink:02x}"), "none");
            }
        }
        sketch.rectangle((left, 70.0), (104.0, 176.0), "none", "#999");
        let table: Vec<Vec<f64>> = (0..8).map(|row| beliefs.slice(s![n, row, ..]).to_vec()).collect();
        for (row, probabilities) in table.iter().enumerate() {
            for (class, &p) in probabilities.iter().enumerate() {
                let corner = (left + 116.0 + 17.0 * class as f64, 70.0 + 22.0 * row as f64);
                sketch.rectangle(corner, (16.0, 21.0), &diverging(p), "#ddd");
            }
        }
        for class in 0..10 {
            sketch.text((left + 124.0 + 17.0 * class as f64, 62.0), 13.0, "middle", &class.to_string());
        }
        sketch.text((left + 52.0, 264.0), 13.0, "middle", "read downwards");
        sketch.text((left + 201.0, 264.0), 13.0, "middle", "probability of each digit");
    }
    chapter.figure("rows", "Three digits, read row by row, and what the network would say after each row. It was trained on what it says at the last one.", &sketch.svg())?;
    Ok(())
}

/// Lewis Carroll, *Through the looking-glass*, 1871.
const POEM: &str = "'Twas brillig, and the slithy toves
Did gyre and gimble in the wabe:
All mimsy were the borogoves,
And the mome raths outgrabe.

\"Beware the Jabberwock, my son!
The jaws that bite, the claws that catch!
Beware the Jubjub bird, and shun
The frumious Bandersnatch!\"

He took his vorpal sword in hand:
Long time the manxome foe he sought-
So rested he by the Tumtum tree,
And stood awhile in thought.
";

/// A model of characters that learns a poem by heart.
pub(crate) fn text(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("Many to many: a poem, character by character");
    const PASSES: usize = 150;
    let vocabulary = Vocabulary::of(POEM)?;
    let tokens = vocabulary.encode(POEM)?;
    let streams = Streams::new(&tokens, 8, 48)?;
    let mut model = CharModel::new(vocabulary.len(), Recurrent::of(GruCell::<f64>::new(16, 64, rng)), rng)?;
    let alike = (vocabulary.len() as f64).log2();
    // The bits of each character of the first two lines, given those before it.
    let surprise = |model: &CharModel<GruCell<f64>>| -> Outcome<Vec<f64>> {
        let read = Array2::from_shape_fn((67, 1), |(t, _)| tokens[t]);
        let scores = model.forward(&Tape::inference(), &read, None)?.0.log_softmax(-1)?;
        Ok((0..67).map(|t| -scores.value()[[t, 0, tokens[t + 1]]] / std::f64::consts::LN_2).collect())
    };
    let (mut adam, mut clip) = (Adam::new(5e-3), ClipLog::new(1.0)?);
    let (mut curve, mut surprises) = (Vec::new(), vec![("untrained", surprise(&model)?)]);
    for pass in 1..=PASSES {
        let (mut nats, mut characters) = (0.0, 0.0);
        for piece in streams.iter() {
            let (loss, _) = model.loss(&Tape::recording(), &piece.inputs, &piece.targets, None)?;
            nats += loss.value().sum() * piece.inputs.len() as f64;
            characters += piece.inputs.len() as f64;
            let mut gradients = loss.backward()?;
            clip.clip(&mut gradients)?;
            adam.step(&mut model, &gradients)?;
        }
        curve.push((pass as f64, bits_per_character(nats / characters)));
        if pass == 20 || pass == PASSES {
            surprises.push((if pass == 20 { "after 20 passes" } else { "after 150 passes" }, surprise(&model)?));
        }
    }
    let end = curve[curve.len() - 1].1;
    let plot = Plot::new("A poem, learnt by heart", "passes over the poem", "bits a character");
    let plot =
        plot.series("GRU", Kind::Line, curve).series("all alike", Kind::Dashed, [(0.0, alike), (PASSES as f64, alike)]);
    chapter.figure("bits", "How many bits the next character costs, given those before.", &plot.svg()?)?;
    let mut sketch = Sketch::new(820.0, 340.0);
    sketch.text((150.0, 26.0), 16.0, "start", "bits that each character costs (white 0, red 6 or more)");
    let letters: Vec<char> = POEM.chars().collect();
    for (block, (name, bits)) in surprises.iter().enumerate() {
        let top = 50.0 + 95.0 * block as f64;
        sketch.text((140.0, top + 36.0), 13.0, "end", name);
        let (mut line, mut column) = (0, 1);
        for (t, &bits) in bits.iter().enumerate() {
            let corner = (150.0 + 18.0 * column as f64, top + 30.0 * line as f64);
            sketch.rectangle(corner, (17.0, 26.0), &diverging(bits / 6.0), "#ddd");
            let letter = if letters[t + 1] == '\n' { '↵' } else { letters[t + 1] };
            sketch.text((corner.0 + 8.5, corner.1 + 18.0), 13.0, "middle", &letter.to_string());
            (line, column) = if letters[t + 1] == '\n' { (line + 1, 0) } else { (line, column + 1) };
        }
    }
    chapter.figure(
        "surprise",
        "The first two lines, each character in the colour of its surprise. What is left at the end comes after a seam: the poem was read in pieces of 48 characters, and from one to the next nothing was learnt.",
        &sketch.svg(),
    )?;
    let sample = |prime: &str, rng: &mut StdRng| -> Outcome<String> {
        Ok(model.sample(&vocabulary, prime, Sampler::new(0.5), rng)?.take(120).collect::<Result<_, _>>()?)
    };
    chapter.say(format!("{} characters, {} distinct; {} parameters; {end:.2} bits a character at the end, {alike:.2} for who holds all alike", tokens.len(), vocabulary.len(), model.count_parameters()));
    chapter.say(format!("it writes, begun with “Beware the”:\n\nBeware the{}", sample("Beware the", rng)?));
    chapter.check("it knows the poem: less than 0.5 bits a character", end < 0.5);
    Ok(())
}
