//! The likeliest mend of an input that does not fit a layer, read off the two shapes. Each begins with `; `, to go at the end of
//! a message; nothing where nothing is likely.

/// Of an input whose last axis is not `expected` long.
pub(super) fn features(layer: &str, expected: usize, input: &[usize]) -> String {
    let Some((&last, others)) = input.split_last() else {
        return format!("; a sample of shape [{expected}] would fit");
    };
    let product = |axes: &[usize]| axes.iter().fold(1_usize, |n, &len| n.saturating_mul(len));
    if others.len() > 1 && product(&input[1..]) == expected {
        return format!("; a Flatten before it makes [{}, {expected}] of it", input[0]);
    }
    if product(input) == expected {
        return format!("; one sample without a batch axis? reshape it to [1, {expected}]");
    }
    if let Some(first) = (1..others.len()).rev().find(|&first| product(&input[first..]) == expected) {
        return format!("; flatten_from({first}) makes {:?} of it", [&input[..first], &[expected]].concat());
    }
    if let Some(axis) = others.iter().rposition(|&len| len == expected) {
        return match others.len() {
            1 => format!("; transpose the input, to {:?}?", [last, expected]),
            _ => format!("; its axis {axis} is {expected} long: permute the axes so that it comes last?"),
        };
    }
    wider(layer, last)
}

/// Of an input whose last axes are not `expected`.
pub(super) fn normalized(layer: &str, expected: &[usize], input: &[usize]) -> String {
    let Some(first) = input.len().checked_sub(expected.len()) else {
        return format!("; it has too few axes, {} are needed", expected.len());
    };
    let mut sorted = [expected.to_vec(), input[first..].to_vec()];
    sorted.iter_mut().for_each(|axes| axes.sort_unstable());
    if sorted[0] == sorted[1] {
        return "; permute the last axes: they are the same in another order".to_owned();
    }
    match (expected, &input[first..]) {
        (&[expected], &[last]) => match input.iter().rposition(|&len| len == expected) {
            Some(axis) => format!("; its axis {axis} is {expected} long: permute the axes so that it comes last?"),
            None => wider(layer, last),
        },
        (_, last) if last.contains(&0) => String::new(),
        (_, last) => {
            let lengths: Vec<_> = last.iter().map(usize::to_string).collect();
            format!("; {}::new(({})) would take it", constructor(layer), lengths.join(", "))
        }
    }
}

/// Of an input whose second axis is not `channels` long, or which has fewer than `least` axes.
pub(super) fn channels(layer: &str, channels: usize, least: usize, input: &[usize]) -> String {
    if input.len() + 1 == least && input.first() == Some(&channels) {
        return format!("; one sample without a batch axis? unsqueeze(0) makes {:?} of it", [&[1], input].concat());
    }
    if input.len() < least {
        return String::new();
    }
    match input.iter().rposition(|&len| len == channels) {
        Some(axis) if axis != 1 => {
            format!("; its axis {axis} is {channels} long: permute the axes so that it comes second?")
        }
        _ => input.get(1).map_or_else(String::new, |&found| wider(layer, found)),
    }
}

/// The layer that takes so many features or channels.
fn wider(layer: &str, found: usize) -> String {
    let call = match (layer, found) {
        (_, 0) => return String::new(),
        ("linear" | "multihead_attention", _) => format!("({found}, …)"),
        ("group_norm", _) => format!("(…, {found})"),
        ("bilinear", _) => return format!("; a Bilinear with {found} features there would take it"),
        _ => format!("({found})"),
    };
    format!("; {}::new{call} would take it", constructor(layer))
}

/// The type of a layer, by what its messages call it: `layer_norm` is `LayerNorm`.
fn constructor(layer: &str) -> String {
    let mut name = String::new();
    for word in layer.split('_') {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_comes_first() {
        for (expected, input, fix) in [
            (784, &[32, 1, 28, 28][..], "; a Flatten before it makes [32, 784] of it"),
            (784, &[28, 28], "; one sample without a batch axis? reshape it to [1, 784]"),
            (784, &[784, 1], "; one sample without a batch axis? reshape it to [1, 784]"),
            (12, &[5, 7, 3, 4], "; flatten_from(2) makes [5, 7, 12] of it"),
            (64, &[64, 10], "; transpose the input, to [10, 64]?"),
            (64, &[8, 64, 10], "; its axis 1 is 64 long: permute the axes so that it comes last?"),
            (784, &[32, 392], "; Linear::new(392, …) would take it"),
            (784, &[], "; a sample of shape [784] would fit"),
            (784, &[32, 0], ""),
            (0, &[32, 5], "; Linear::new(5, …) would take it"),
            (7, &[usize::MAX, usize::MAX, 3], "; Linear::new(3, …) would take it"),
        ] {
            assert_eq!(features("linear", expected, input), fix, "{expected} {input:?}");
        }
        assert_eq!(features("bilinear", 4, &[2, 3]), "; a Bilinear with 3 features there would take it");
        for (expected, input, fix) in [
            (&[4, 3][..], &[2, 3, 4][..], "; permute the last axes: they are the same in another order"),
            (&[4, 3], &[3], "; it has too few axes, 2 are needed"),
            (&[4, 3], &[2, 4, 5], "; LayerNorm::new((4, 5)) would take it"),
            (&[4, 3], &[2, 0, 3], ""),
            (&[3], &[2, 3, 8, 9], "; its axis 1 is 3 long: permute the axes so that it comes last?"),
            (&[3], &[2, 8], "; LayerNorm::new(8) would take it"),
            (&[3], &[], "; it has too few axes, 1 are needed"),
        ] {
            assert_eq!(normalized("layer_norm", expected, input), fix, "{expected:?} {input:?}");
        }
        for (layer, count, least, input, fix) in [
            ("group_norm", 6, 2, &[2, 5, 4][..], "; GroupNorm::new(…, 5) would take it"),
            ("instance_norm", 6, 3, &[2, 8, 8, 6], "; its axis 3 is 6 long: permute the axes so that it comes second?"),
            ("instance_norm", 6, 3, &[6, 8], "; one sample without a batch axis? unsqueeze(0) makes [1, 6, 8] of it"),
            ("prelu", 6, 2, &[5], ""),
            ("prelu", 6, 2, &[5, 3], "; Prelu::new(3) would take it"),
        ] {
            assert_eq!(channels(layer, count, least, input), fix, "{layer} {input:?}");
        }
    }
}
