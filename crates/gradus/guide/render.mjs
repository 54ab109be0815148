// Renders the guide's chapters for rustdoc: formulas by KaTeX as MathML, which browsers show without script and without a network,
// and pictures as part of the page.
//
//   npm install --no-save katex@0.19.1 && node crates/gradus/guide/render.mjs [CHAPTER]
//
// Reads `<language>/<chapter>.md` and `pictures/<chapter>/*.svg` beside this file, and writes `rendered/<language>/<chapter>.md`, which is
// what the crate includes. A test of the crate fails if a chapter was changed and not rendered again.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import katex from "katex";

const here = dirname(fileURLToPath(import.meta.url));
const attribute = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

// Browsers know no variants of letters but the upright one; Unicode has the letters themselves.
const EXCEPTIONS = { "double-struck": { C: "ℂ", H: "ℍ", N: "ℕ", P: "ℙ", Q: "ℚ", R: "ℝ", Z: "ℤ" } };
const ALPHABETS = { "double-struck": [0x1d538, 0x1d552], bold: [0x1d400, 0x1d41a] };

function letter(variant, character) {
  const [upper, lower] = ALPHABETS[variant];
  const code = character.charCodeAt(0);
  if (EXCEPTIONS[variant]?.[character]) return EXCEPTIONS[variant][character];
  if (/^[A-Z]$/.test(character)) return String.fromCodePoint(upper + code - 65);
  if (/^[a-z]$/.test(character)) return String.fromCodePoint(lower + code - 97);
  return character;
}

// The bars of a norm would have the room about them that a relation has.
const letters = (html) =>
  html.replaceAll('<mo stretchy="false">∥</mo>', '<mo stretchy="false" lspace="0" rspace="0">‖</mo>').replace(/<mi mathvariant="(double-struck|bold)">([^<]+)<\/mi>/g, (_, variant, text) =>
    `<mi mathvariant="normal">${[...text].map((character) => letter(variant, character)).join("")}</mi>`);

/** The formula as one `math` element, with its source as the text for who cannot see it. */
function formula(tex, displayMode) {
  const html = katex.renderToString(tex, { displayMode, output: "mathml", throwOnError: true });
  const row = letters(html.match(/<semantics>(.*)<annotation/s)[1]);
  const display = displayMode ? ' display="block"' : "";
  const math = `<math xmlns="http://www.w3.org/1998/Math/MathML"${display} alttext="${attribute(tex)}">${row}</math>`;
  // A block of its own: in a paragraph, rustdoc's pages give whatever stands out of the line a bar to scroll by.
  return displayMode ? `<div style="padding:.5em 0;overflow:visible">${math}</div>` : math;
}

function picture(chapter, alt, name) {
  const svg = readFileSync(join(here, "pictures", chapter, name));
  return `<img alt="${attribute(alt)}" title="${attribute(alt)}" style="max-width:100%;background:#fff" src="data:image/svg+xml;base64,${svg.toString("base64")}">`;
}

function render(chapter, text) {
  // What stands between fences and backticks is code, and no formula.
  return text
    .split(/(^```[\s\S]*?^```$|`[^`\n]+`)/m)
    .map((part, place) =>
      place % 2 === 1
        ? part
        : part
            .replace(/\$\$([\s\S]+?)\$\$/g, (_, tex) => formula(tex.trim(), true))
            .replace(/\$([^$]+?)\$/g, (_, tex) => formula(tex.trim(), false))
            .replace(/!\[([^\]]*)\]\(([\w-]+\.svg)\)/g, (_, alt, name) => picture(chapter, alt, name)),
    )
    .join("");
}

const only = process.argv[2];
for (const language of ["en", "ko"]) {
  mkdirSync(join(here, "rendered", language), { recursive: true });
  for (const file of readdirSync(join(here, language)).sort()) {
    if (only && file !== `${only}.md`) continue;
    const text = readFileSync(join(here, language, file), "utf8");
    writeFileSync(join(here, "rendered", language, file), render(file.replace(/\.md$/, ""), text));
    console.log(`${language}/${file}`);
  }
}
