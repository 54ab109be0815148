//! A small LeNet, what its units see and find, and what it makes of digits that have moved.

use crate::{CANVAS, Options, Outcome, ROOM};
use gradus::conv::picture::{Panel, svg};
use gradus::conv::{Conv2d, Geometry, GlobalMaxPool, MaxPool2d, receptive_fields};
use gradus::data::Labelled;
use gradus::ndarray::{Array4, Axis, s};
use gradus::nn_layers::sequential;
use gradus::prelude::{Adam, Flatten, Layer, Linear, Losses, Module, Optimizer, Relu, Sequential, Tape, accuracy};
use gradus::rand::{RngExt, SeedableRng, rngs::StdRng};
use gradus_course::{Chapter, Kind, Plot};

/// LeNet's layers, with fewer units at the end.
pub(crate) fn lenet(rng: &mut StdRng) -> Sequential {
    sequential![
        "conv1" => Conv2d::new(1, 8, 5, rng).padding(2), // 8 × 16 × 16
        "relu1" => Relu,
        "pool1" => MaxPool2d::new(2), // 8 × 8 × 8
        "conv2" => Conv2d::new(8, 24, 5, rng), // 24 × 4 × 4
        "relu2" => Relu,
        "pool2" => MaxPool2d::new(2), // 24 × 2 × 2
        "flatten" => Flatten,
        "fc1" => Linear::new(96, 32, rng),
        "relu3" => Relu,
        "fc2" => Linear::new(32, 10, rng),
    ]
}

/// How much of the image a unit sees: by the formula, and by the gradient.
pub(crate) fn field(chapter: &mut Chapter, lenet: &Sequential) -> Outcome {
    chapter.section("What a unit sees");
    let (conv, pool) = (Geometry::<2>::new(5), Geometry::new(2).stride(2));
    let stack = [("conv1", conv.padding(2)), ("pool1", pool), ("conv2", conv), ("pool2", pool)];
    let fields = receptive_fields(&stack)?;
    chapter.say(fields.to_string());
    let mut rng = StdRng::seed_from_u64(0); // any images will do
    let images = Array4::from_shape_simple_fn((400, 1, CANVAS, CANVAS), || rng.random_range(-1.0..1.0_f32));
    let (mut panels, mut exact) = (Vec::new(), true);
    for row in &fields.rows {
        let tape = Tape::recording();
        let x = tape.variable(images.clone());
        let mut y = x.clone();
        // Without ReLU, so that no unit is silent.
        for (name, layer) in lenet.stages().into_iter().filter(|(name, _)| !name.starts_with("relu")) {
            y = layer.forward(&y)?;
            if name == row.layer {
                break;
            }
        }
        let shape = [0, 1, 2, 3].map(|axis| y.shape()[axis]);
        let middle = [shape[2] / 2, shape[3] / 2];
        let unit = Array4::from_shape_fn(shape, |(_, _, i, j)| if [i, j] == middle { 1.0 } else { 0.0 });
        let gradients = (&y * &tape.input(unit)).sum().backward()?;
        let slopes = gradients.get(&x).ok_or("no gradient")?.mapv(f32::abs).sum_axis(Axis(0)).remove_axis(Axis(0));
        let [rows, columns] = row.inside(middle, [CANVAS; 2]);
        for (at, &slope) in slopes.indexed_iter() {
            exact &= (slope > 0.0) == (rows.contains(&at[0]) && columns.contains(&at[1]));
        }
        panels.push(Panel::heat_map(format!("{}: {} × {}", row.layer, row.size[0], row.size[1]), &slopes)?);
    }
    chapter.figure(
        "receptive-fields",
        "Which of the 16 × 16 pixels the unit in the middle of each layer sees, and how much: its gradient by each pixel, summed over 400 images of noise.",
        &svg("what the unit in the middle sees", &panels)?,
    )?;
    chapter.check("the gradient reaches the pixels of the receptive field, and no other", exact);
    Ok(())
}

/// Digits of 8 × 8 pixels in the middle of the canvas, or moved from there.
pub(crate) fn on_canvas(digits: &Labelled, right: isize, down: isize) -> Outcome<Labelled> {
    let (left, top) = ((ROOM + right) as usize, (ROOM + down) as usize);
    let mut canvas = Array4::zeros((digits.len(), 1, CANVAS, CANVAS));
    let images = digits.inputs().to_shape((digits.len(), 1, 8, 8))?;
    canvas.slice_mut(s![.., .., top..top + 8, left..left + 8]).assign(&images);
    Ok(Labelled::new(canvas, digits.labels().clone(), digits.classes())?)
}

/// Trains, and gives the test accuracy after each pass.
fn fit(
    model: &mut Sequential,
    epochs: usize,
    train: &Labelled,
    test: &Labelled,
    rng: &mut StdRng,
) -> Outcome<Vec<f64>> {
    let mut adam = Adam::new(2e-3);
    let mut accuracies = Vec::new();
    for _ in 0..epochs {
        for (images, labels) in train.batches(32).shuffled(rng) {
            let loss = model.forward(&Tape::recording().input(images))?.cross_entropy(&labels)?;
            adam.step(model, &loss.backward()?)?;
        }
        accuracies.push(100.0 * accuracy(model, test)?);
    }
    Ok(accuracies)
}

/// A dense network, LeNet, and a network that asks what is there but not where: on digits in the middle, and on moved ones.
pub(crate) fn digits(
    chapter: &mut Chapter,
    options: &Options,
    lenet: Sequential,
    train: &Labelled,
    test: &Labelled,
    rng: &mut StdRng,
) -> Outcome {
    chapter.section("A small LeNet reads digits");
    let (train, centred) = (on_canvas(train, 0, 0)?, on_canvas(test, 0, 0)?);
    let dense = sequential![Flatten, Linear::new(256, 64, rng), Relu, Linear::new(64, 10, rng)];
    let anywhere = sequential![
        Conv2d::new(1, 8, 5, rng).padding(2),
        Relu,
        MaxPool2d::new(2),
        Conv2d::new(8, 16, 5, rng).padding(2),
        Relu,
        Conv2d::new(16, 32, 5, rng).padding(2),
        Relu,
        GlobalMaxPool::new(false),
        Linear::new(32, 10, rng),
    ];
    let mut models = [("dense", dense), ("LeNet", lenet), ("global maximum", anywhere)];
    let mut while_training =
        Plot::new("Digits that stand in the middle", "epoch", "test digits read rightly, per cent");
    let mut moved =
        Plot::new("The same networks on moved digits", "pixels to the right", "test digits read rightly, per cent");
    let (mut end, mut near, mut far, mut count) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut table =
        "                parameters   middle     1 px     2 px     4 px to either side: per cent read rightly"
            .to_owned();
    for (name, model) in &mut models {
        let accuracies = fit(model, options.epochs, &train, &centred, rng)?;
        let on_moved: Vec<(f64, f64)> = (-ROOM..=ROOM)
            .map(|right| Ok((right as f64, 100.0 * accuracy(model, &on_canvas(test, right, 0)?)?)))
            .collect::<Outcome<_>>()?;
        let last = accuracies[accuracies.len() - 1];
        let aside = |by: usize| (on_moved[ROOM as usize - by].1 + on_moved[ROOM as usize + by].1) / 2.0;
        let parameters = model.count_parameters();
        table += &format!("\n{name:<15} {parameters:>10}");
        [0, 1, 2, 4].iter().for_each(|&by| table += &format!(" {:>8.1}", aside(by)));
        near.push(aside(1));
        far.push(aside(4));
        end.push(last);
        count.push(parameters);
        while_training =
            while_training.series(name, Kind::Line, accuracies.iter().enumerate().map(|(k, &a)| (k as f64 + 1.0, a)));
        moved = moved.series(name, Kind::Line, on_moved);
    }
    chapter.figure(
        "accuracy",
        "All three learn to read digits that stand where they stood in training.",
        &while_training.svg()?,
    )?;
    chapter.check("LeNet reads more than 93 % of new digits", end[1] > 93.0);
    chapter.check("with less than half of the dense network's parameters", 2 * count[1] < count[0]);
    seen(chapter, &models[1].1, &centred)?;

    chapter.section("Digits that are not where they were");
    chapter.say(table);
    chapter.figure(
        "shift",
        "None of them was trained on moved digits. What is flattened knows its place; what takes the maximum over all places does not ask for it.",
        &moved.ranges(-4.2..4.2, 0.0..102.0).svg()?,
    )?;
    chapter.check("4 pixels to the side the dense network reads less than half", far[0] < 50.0);
    chapter
        .check("the network with a global maximum still reads more than twice as many as LeNet", far[2] > 2.0 * far[1]);
    chapter.check("1 pixel to the side LeNet reads more than the dense network", near[0] < near[1]);
    Ok(())
}

/// What LeNet has learnt, and what it makes of one digit.
fn seen(chapter: &mut Chapter, lenet: &Sequential, test: &Labelled) -> Outcome {
    let (_, weight) = lenet.parameters().into_iter().next().ok_or("no kernels")?;
    let kernels = Panel::kernels("the eight kernels of conv1", weight.value())?.columns(4);
    chapter.figure(
        "kernels",
        "The kernels that the first layer has learnt: rough strokes and edges.",
        &svg("learnt from digits", &[kernels])?,
    )?;
    let three = test.labels().iter().position(|&label| label == 3).ok_or("no three")?;
    let image = test.select(&[three])?.inputs().clone();
    let mut panels = vec![Panel::ink("image", &image.slice(s![0, 0, .., ..]))?];
    let mut x = Tape::inference().input(image);
    for (name, layer) in lenet.stages() {
        x = layer.forward(&x)?;
        if ["pool1", "relu2"].contains(&name) {
            let maps = x.value().index_axis(Axis(0), 0);
            let title = format!("{name}: {} maps of {} × {}", maps.shape()[0], maps.shape()[1], maps.shape()[2]);
            panels.push(Panel::feature_maps(title, &maps)?);
        }
    }
    chapter.figure(
        "feature-maps",
        "A three on its way through: each tile is where one kernel found what it looks for.",
        &svg("feature maps of LeNet", &panels)?,
    )?;
    Ok(())
}
