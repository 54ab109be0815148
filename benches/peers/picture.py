"""The ratios as a picture: a bar for each workload, from the line at 1, where gradus takes as long as the best of the others."""

import math
from xml.sax.saxutils import escape

ROW, GAP, LEFT, WIDTH, TOP = 17, 7, 150, 560, 92
RIGHT = 150
# By number of threads; at or above the line, and below it.
FASTER = {1: "#1b7837", 2: "#7fbf7b"}
SLOWER = {1: "#b2182b", 2: "#ef8a62"}


def text(x, y, words, anchor="start", size=12, colour="#222", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}" font-weight="{weight}">'
            f"{escape(words)}</text>")


def colour(ratio, threads):
    shades = FASTER if ratio >= 1 else SLOWER
    return shades.get(threads, shades[1])


def wrapped(words, width):
    lines = [""]
    for word in words.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return lines


def svg(rows, machine):
    """`rows`: (workload, threads, ratio, the best other's name), in the order of the table; those of one workload side by side."""
    workloads = list(dict.fromkeys(row[0] for row in rows))
    threads = sorted({row[1] for row in rows})
    ratios = [row[2] for row in rows]
    # The axis is logarithmic: half as long and twice as long lie equally far from the line.
    low = min(-1, math.floor(math.log2(min(ratios))))
    high = max(1, math.ceil(math.log2(max(ratios))))

    def across(ratio):
        return LEFT + WIDTH * (math.log2(ratio) - low) / (high - low)

    notes = wrapped(machine, 130)
    height = TOP + sum(ROW * sum(row[0] == w for row in rows) + GAP for w in workloads) + 38 + 15 * len(notes)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + RIGHT}" height="{height}" '
        f'viewBox="0 0 {LEFT + WIDTH + RIGHT} {height}" font-family="Helvetica, Arial, sans-serif" role="img">',
        "<title>How many times faster gradus is than the best of the other frameworks, workload by workload</title>",
        '<rect width="100%" height="100%" fill="white"/>',
        text(14, 26, "Time of the best other framework / time of gradus", size=17, weight="bold"),
        text(14, 46, "Bars to the right of the line: gradus is faster. To the left: slower. Beside each bar: the ratio, and who the best other was.",
             colour="#555"),
    ]
    if len(threads) > 1:
        x = LEFT
        for n in threads:
            out.append(f'<rect x="{x}" y="57" width="12" height="12" fill="{colour(1, n)}"/>')
            out.append(f'<rect x="{x + 13}" y="57" width="12" height="12" fill="{colour(0.5, n)}"/>')
            out.append(text(x + 31, 67, f"{n} thread{'s' if n > 1 else ''}"))
            x += 120
    else:
        out.append(text(LEFT, 67, f"{threads[0]} thread{'s' if threads[0] > 1 else ''}"))

    bottom = height - 30 - 15 * len(notes)
    for exponent in range(low, high + 1):
        x, ratio = across(2.0**exponent), 2.0**exponent
        out.append(f'<line x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{bottom}" stroke="#ddd"/>')
        out.append(text(x, TOP - 10, f"{ratio:g}" if ratio >= 1 else f"1/{1 / ratio:g}", "middle", 11, "#555"))
    y = TOP
    for workload in workloads:
        own = [row for row in rows if row[0] == workload]
        out.append(text(LEFT - 10, y + ROW * len(own) / 2 + 4, workload, "end", weight="bold"))
        for _, n, ratio, best in own:
            start, end = sorted((across(1), across(ratio)))
            out.append(f'<rect x="{start:.1f}" y="{y + 1}" width="{max(end - start, 1.0):.1f}" height="{ROW - 2}" fill="{colour(ratio, n)}"/>')
            # To the right of the bar, and of the line, where nothing else is written.
            out.append(text(max(end, across(1)) + 6, y + ROW - 5, f"{ratio:.2f}  {best}", size=11))
            y += ROW
        y += GAP
    out.append(f'<line x1="{across(1):.1f}" y1="{TOP - 6}" x2="{across(1):.1f}" y2="{bottom}" stroke="#222" stroke-width="1.6"/>')
    for i, line in enumerate(notes):
        out.append(text(14, bottom + 22 + 15 * i, line, size=11, colour="#555"))
    return "\n".join(out + ["</svg>", ""])
