//! Chapter 3 of the course: the convolution and its gradient, by hand, by the tape and as a matrix; and a small LeNet.
//!
//! `cargo run --release --example 03-convolution`; the text is `gradus::guide::convolution`.

mod by_hand;
mod nets;

use by_hand::{GEOMETRIES, Moves, correlate, correlate_backward, draw, image, off, plane};
use clap::Parser;
use gradus::conv::picture::{Panel, Scale, svg};
use gradus::conv::{Conv2d, Geometry, avg_pool, convolve, max_pool, toeplitz};
use gradus::data::Labelled;
use gradus::ndarray::{Array, Array2, Array4, Ix4, Zip, indices, s};
use gradus::prelude::{Digits, Layer, Module, Tape};
use gradus::rand::{SeedableRng, rngs::StdRng};
use gradus_course::{Chapter, Sketch};
use nets::{digits, field, lenet, on_canvas};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

/// The convolution and its gradient, by hand, by the tape and as a matrix; and a small LeNet.
#[derive(Parser)]
struct Options {
    /// The folder for the pictures and the page that shows them
    #[arg(value_name = "DIR", default_value = "target/gradus/03-convolution")]
    out: PathBuf,
    /// Where every random number comes from
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Passes over the digits
    #[arg(long, default_value_t = 20)]
    epochs: usize,
}

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Digits have 8 × 8 pixels, the canvas that they stand on has 16 × 16: there is room of 4 pixels on all sides.
const CANVAS: usize = 16;
const ROOM: isize = 4;

fn main() -> ExitCode {
    gradus_examples::run(|options: Options| convolution(&options).map_err(|error| error.to_string()))
}

fn convolution(options: &Options) -> Outcome {
    let mut chapter = Chapter::new("03", "Convolution and its gradient", &options.out);
    let mut rng = StdRng::seed_from_u64(options.seed);
    let (train, test) = Digits::embedded().split(0.8, &mut rng)?;
    windows(&mut chapter, &test, &mut rng)?;
    flipped(&mut chapter, &mut rng)?;
    sizes(&mut chapter)?;
    sharing(&mut chapter, &test, &mut rng)?;
    gradient(&mut chapter, &mut rng)?;
    pooling(&mut chapter, &mut rng)?;
    let lenet = lenet(&mut rng);
    field(&mut chapter, &lenet)?;
    digits(&mut chapter, options, lenet, &train, &test, &mut rng)?;
    Ok(chapter.finish()?)
}

/// A convolution as the sum that it is, and what kernels can find.
fn windows(chapter: &mut Chapter, test: &Labelled, rng: &mut StdRng) -> Outcome {
    chapter.section("A sum over windows");
    let seven = test.labels().iter().position(|&label| label == 7).ok_or("no seven")?;
    let digit = on_canvas(&test.select(&[seven])?, 0, 0)?;
    let digit = digit.inputs().mapv(f64::from).into_dimensionality::<Ix4>()?;
    let kernels = [
        ("mean of 9 pixels", image([[1.0 / 9.0; 3]; 3])),
        ("ink above, paper below", image([[1.0, 2.0, 1.0], [0.0; 3], [-1.0, -2.0, -1.0]])),
        ("ink left, paper right", image([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])),
    ];
    let mut panels = vec![Panel::ink("x: a digit", &plane(&digit))?];
    for (name, kernel) in &kernels {
        let y = correlate(&digit, kernel, Moves { padding: 1, ..Moves::PLAIN });
        panels.push(Panel::new(*name, Scale::Diverging).columns(1).tile("W", &plane(kernel))?.tile("y", &plane(&y))?);
    }
    chapter.figure(
        "kernels-by-hand",
        "Three kernels and what they find: a mean blurs, differences find edges, each its own direction.",
        &svg("one digit under three kernels written by hand", &panels)?,
    )?;

    let mut worst = 0.0_f64;
    for moves in GEOMETRIES {
        let (x, w) = (draw((2, 3, 9, 8), rng), draw((4, 3, 3, 3), rng));
        let tape = Tape::inference();
        let (x_var, w_var) = (tape.input(x.clone()), tape.input(w.clone()));
        let y = gradus::conv::conv(&x_var, &w_var, None, &moves.geometry(3), 1)?;
        worst = worst.max(off(&correlate(&x, &w, moves), y.value()));
    }
    chapter
        .check("the sum in loops is the library's convolution, for every stride, padding and dilation", worst < 1e-12);
    Ok(())
}

/// Cross-correlation and convolution.
fn flipped(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("Cross-correlation and convolution");
    let letter = ["#####", "#....", "####.", "#....", "#...."];
    let letter = Array4::from_shape_fn((1, 1, 5, 5), |(_, _, i, j)| f64::from(u8::from(&letter[i][j..=j] == "#")));
    let mut point = Array4::zeros((1, 1, 9, 9));
    point[(0, 0, 4, 4)] = 1.0;
    let same = Moves { padding: 2, ..Moves::PLAIN };
    let flip = |w: &Array4<f64>| w.slice(s![.., .., ..;-1, ..;-1]).to_owned();
    let panels = [
        Panel::ink("x: one point", &plane(&point))?,
        Panel::ink("W: a kernel", &plane(&letter))?,
        Panel::ink("cross-correlation", &plane(&correlate(&point, &letter, same)))?,
        Panel::ink("convolution", &plane(&correlate(&point, &flip(&letter), same)))?,
    ];
    chapter.figure(
        "impulse",
        "Of a single point, cross-correlation makes the kernel turned by 180°, convolution the kernel itself.",
        &svg("one point under a kernel", &panels)?,
    )?;

    let (a, b) = (draw((1, 1, 4, 4), rng), draw((1, 1, 3, 3), rng));
    let tape = Tape::inference();
    let by_library =
        convolve(&tape.input(a.clone()), &tape.input(b.clone()), None, &Geometry::<2>::new(3).padding(2), 1)?;
    let full =
        |x: &Array4<f64>, w: &Array4<f64>| correlate(x, &flip(w), Moves { padding: w.dim().2 - 1, ..Moves::PLAIN });
    chapter.check(
        "convolution is cross-correlation with the kernel flipped",
        off(&full(&a, &b), by_library.value()) < 1e-14,
    );
    chapter
        .check("of a full convolution, image and kernel can change places", off(&full(&a, &b), &full(&b, &a)) < 1e-14);
    let plain = |x: &Array4<f64>, w: &Array4<f64>| correlate(x, w, Moves { padding: w.dim().2 - 1, ..Moves::PLAIN });
    chapter.check("of a cross-correlation they cannot", off(&plain(&a, &b), &plain(&b, &a)) > 1e-3);
    Ok(())
}

/// Stride, padding and dilation.
fn sizes(chapter: &mut Chapter) -> Outcome {
    chapter.section("How many places a window has");
    chapter.figure(
        "arithmetic",
        "An input of 7, a kernel of 3, and the numbers that each place of the window sees.",
        &arithmetic(),
    )?;
    let (mut right, mut cases) = (true, 0);
    for (size, kernel, stride) in indices((12, 4, 3)).into_iter().map(|(n, k, s)| (n + 1, k + 1, s + 1)) {
        for (padding, dilation) in indices((4, 3)).into_iter().map(|(a, d)| (a, d + 1)) {
            let moves = Moves { stride, padding, dilation };
            let span = dilation * (kernel - 1) + 1;
            // The window is moved on as long as its last number lies within the padded input.
            let counted = (0..).map(|p| p * stride + span).take_while(|&end| end <= size + 2 * padding).count();
            let library = moves.geometry(kernel).output_size([size, size]);
            right &= match counted {
                0 => library.is_err(),
                _ => counted == moves.places(size, kernel) && library.is_ok_and(|sizes| sizes == [counted; 2]),
            };
            cases += 1;
        }
    }
    chapter.check(&format!("the formula counts the places of the window, in {cases} cases"), right);
    Ok(())
}

/// The windows of four geometries over one axis.
fn arithmetic() -> String {
    const CELL: f64 = 26.0;
    const HUES: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444"];
    let mut sketch = Sketch::new(780.0, 400.0);
    for (place, (name, moves)) in [
        ("stride 1, no padding", Moves::PLAIN),
        ("padding 1", Moves { padding: 1, ..Moves::PLAIN }),
        ("padding 1, stride 2", Moves { padding: 1, stride: 2, ..Moves::PLAIN }),
        ("dilation 2", Moves { dilation: 2, ..Moves::PLAIN }),
    ]
    .into_iter()
    .enumerate()
    {
        let (left, top) = (60.0 + 390.0 * (place % 2) as f64, 50.0 + 195.0 * (place / 2) as f64);
        let places = moves.places(7, 3);
        sketch.text((left, top - 16.0), 17.0, "start", &format!("{name}: {places} places"));
        let x = |i: f64| left + (i + 1.0) * CELL;
        // A place stands above the middle of what its window sees.
        let middle = |p: usize| x((p * moves.stride + moves.dilation) as f64 - moves.padding as f64);
        for (p, hue) in HUES.into_iter().enumerate().take(places) {
            for k in 0..3 {
                let seen = x((p * moves.stride + k * moves.dilation) as f64 - moves.padding as f64);
                sketch.line((middle(p) + CELL / 2.0, top + CELL), (seen + CELL / 2.0, top + 95.0), hue, 1.5);
            }
            sketch.rectangle((middle(p) + 2.0, top), (CELL - 4.0, CELL), hue, "none");
        }
        for i in 0..7 + 2 * moves.padding {
            let i = i as f64 - moves.padding as f64;
            let inside = (0.0..7.0).contains(&i);
            sketch.rectangle(
                (x(i) + 1.0, top + 95.0),
                (CELL - 2.0, CELL),
                if inside { "#ddd" } else { "white" },
                "#888",
            );
            let number =
                if inside { format!("x{}", char::from_u32(0x2080 + i as u32).unwrap_or(' ')) } else { "0".to_owned() };
            sketch.text((x(i) + CELL / 2.0, top + 113.0), 13.0, "middle", &number);
        }
        sketch.text((left + 12.0, top + 18.0), 14.0, "end", "y");
        sketch.text((left - 4.0, top + 113.0), 14.0, "end", "input");
    }
    sketch.svg()
}

/// One kernel for all places: what moves in the image moves in the result; and the matrix of it.
fn sharing(chapter: &mut Chapter, test: &Labelled, rng: &mut StdRng) -> Outcome {
    chapter.section("One kernel for all places");
    let conv = Conv2d::new(1, 6, 5, rng).padding(2).without_bias();
    let look = |right: isize, down: isize| -> Outcome<_> {
        let moved = on_canvas(&test.select(&[0])?, right, down)?;
        Ok(conv.forward(&Tape::inference().input(moved.inputs().clone()))?.value().clone())
    };
    let (still, moved) = (look(0, 0)?, look(3, 2)?);
    let (still, moved) = (still.slice(s![.., .., ..-2, ..-3]), moved.slice(s![.., .., 2.., 3..]));
    chapter.check("what is moved in the image is moved in the result, and is otherwise the same", still == moved);

    let geometry = Moves { padding: 1, ..Moves::PLAIN }.geometry(3);
    let kernel = Array4::from_shape_fn((1, 1, 3, 3), |(_, _, k, l)| (3 * k + l + 1) as f64);
    let matrix = toeplitz(&kernel, &geometry, [5, 5], 1)?;
    let panels = [
        Panel::heat_map("the kernel", &plane(&kernel))?,
        Panel::heat_map("its matrix: 25 results, 25 pixels", &matrix)?,
    ];
    chapter.figure(
        "toeplitz",
        "The matrix of a kernel of 3 × 3 on an image of 5 × 5 with padding 1. A row for each result: most numbers are 0, and the others are nine, again and again.",
        &svg("a convolution is a matrix", &panels)?,
    )?;
    let zeros = matrix.iter().filter(|&&number| number == 0.0).count();
    let dense = 256 * 8 * 256 + 8 * 256;
    chapter.say(format!(
        "{zeros} of {} numbers of the matrix are 0, the others are nine different ones\n\
         16 × 16 pixels, 8 channels of results: 8 · 5 · 5 + 8 = {} parameters; a dense layer: {dense}",
        matrix.len(),
        Conv2d::<f32>::new(1, 8, 5, rng).count_parameters(),
    ));
    Ok(())
}

/// The gradient in loops, by the tape, and by the matrix.
fn gradient(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("The gradient, three times");
    let mut worst = [0.0_f64; 4];
    for moves in GEOMETRIES {
        let (x, w) = (draw((2, 3, 7, 7), rng), draw((4, 3, 3, 3), rng));
        let geometry = moves.geometry(3);
        let tape = Tape::recording();
        let (x_var, w_var) = (tape.variable(x.clone()), tape.variable(w.clone()));
        let y = gradus::conv::conv(&x_var, &w_var, None, &geometry, 1)?;
        let places = moves.places(7, 3);
        let dy = draw((2, 4, places, places), rng);
        // L = Σ dy · y has ∂L/∂y = dy.
        let gradients = (&y * &tape.input(dy.clone())).sum().backward()?;
        let missing = "both take part in the loss";
        let [dx, dw] = correlate_backward(&x, &w, &dy, moves);
        worst[0] = worst[0].max(off(&dx, gradients.get(&x_var).ok_or(missing)?));
        worst[0] = worst[0].max(off(&dw, gradients.get(&w_var).ok_or(missing)?));

        // As a matrix, with an image a row: Y = X Tᵀ, so that ∂L/∂X = ∂L/∂Y T and ∂L/∂T = ∂L/∂Yᵀ X.
        let rows = |a: &Array4<f64>| a.to_shape((2, a.len() / 2)).map(|rows| rows.to_owned());
        let (x_rows, dy_rows) = (rows(&x)?, rows(&dy)?);
        let matrix = toeplitz(&w, &geometry, [7, 7], 1)?;
        worst[1] = worst[1].max(off(&x_rows.dot(&matrix.t()), &rows(&correlate(&x, &w, moves))?));
        worst[1] = worst[1].max(off(&dy_rows.dot(&matrix), &rows(&dx)?));
        // A weight stands at many places of T, and its gradient is the sum of theirs. Which weight stands where, the matrix of numbered weights says.
        let numbers = Array::from_iter((1..=w.len()).map(|number| number as f64)).into_shape_with_order(w.dim())?;
        let mut summed = vec![0.0; w.len()];
        let of_matrix: Array2<f64> = dy_rows.t().dot(&x_rows);
        Zip::from(&of_matrix).and(&toeplitz(&numbers, &geometry, [7, 7], 1)?).for_each(|gradient, &number| {
            if number > 0.0 {
                summed[number as usize - 1] += gradient;
            }
        });
        worst[2] = worst[2].max(off(&Array::from_vec(summed), &dw.flatten().to_owned()));

        if moves.stride == 1 {
            // The same sum, ordered by pixels: dy under the flipped kernel, its channels exchanged.
            let back = w.slice(s![.., .., ..;-1, ..;-1]).permuted_axes([1, 0, 2, 3]).to_owned();
            let full = correlate(&dy, &back, Moves { padding: 2 - moves.padding, ..Moves::PLAIN });
            worst[3] = worst[3].max(off(&full, &dx));
        }
    }
    chapter.check("loops and tape find the same gradients", worst[0] < 1e-12);
    chapter.check("the matrix finds the same result, and its transpose the gradient by the input", worst[1] < 1e-12);
    chapter.check(
        "the gradient by a weight is the sum over the places of the matrix at which it stands",
        worst[2] < 1e-12,
    );
    chapter.check("the gradient by the input is a convolution with the same kernel", worst[3] < 1e-12);
    Ok(())
}

/// The largest of each window, and where its gradient goes.
fn pooling(chapter: &mut Chapter, rng: &mut StdRng) -> Outcome {
    chapter.section("Pooling");
    let (x, dy) = (draw((2, 3, 6, 6), rng), draw((2, 3, 3, 3), rng));
    let (mut y, mut dx) = (Array4::<f64>::zeros(dy.dim()), Array4::<f64>::zeros(x.dim()));
    for (n, c, p, q) in indices(dy.dim()) {
        let window = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(k, l)| (n, c, 2 * p + k, 2 * q + l));
        let winner = window.into_iter().reduce(|a, b| if x[b] > x[a] { b } else { a }).ok_or("an empty window")?;
        y[(n, c, p, q)] = x[winner];
        dx[winner] += dy[(n, c, p, q)];
    }
    let tape = Tape::recording();
    let x_var = tape.variable(x.clone());
    let halving = Geometry::<2>::new(2).stride(2);
    let pooled = max_pool(&x_var, &halving)?;
    let gradients = (&pooled * &tape.input(dy)).sum().backward()?;
    let same = off(&y, pooled.value()) == 0.0 && off(&dx, gradients.get(&x_var).ok_or("no gradient")?) == 0.0;
    chapter.check("the gradient of a maximum goes to the number that won", same);
    let mean = avg_pool(&x_var, &halving, true, None)?;
    let quarter = Array4::from_shape_fn((3, 3, 2, 2), |(o, c, _, _)| if o == c { 0.25 } else { 0.0 });
    let by_kernel = correlate(&x, &quarter, Moves { stride: 2, ..Moves::PLAIN });
    chapter.check("pooling by means is a convolution with a fixed kernel", off(&by_kernel, mean.value()) < 1e-15);
    Ok(())
}
