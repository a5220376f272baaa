// The page of one file. `embcomp` is the reader.

const SHOWN = 20;
const NARROW = 480, SHOWN_NARROW = 10; // pixels; neighbours on a map of less width
const FREQUENT = [150, 3000]; // ranks from which a word is taken, where there are as many
const MARGIN = 24, LINE = 18, LETTER = 8, DOT = 4; // pixels
const SVG = 'http://www.w3.org/2000/svg';
const byId = (id) => document.getElementById(id);
const held = byId('file');
const content = bytesOf(held.textContent, Number(held.dataset.bytes));
held.remove();
let file;
let asked = 0;
let redraw = () => {};

/** Five characters for four bytes. */
function bytesOf(text, size) {
  const digits = new Uint8Array(128);
  let digit = 0;
  for (let code = 33; code < 127; code += 1) if (!'<>&\\"\'`/-'.includes(String.fromCharCode(code))) digits[code] = digit++;
  const view = new DataView(new ArrayBuffer(Math.ceil(size / 4) * 4));
  for (let at = 0, place = 0; place < size; place += 4) {
    let number = 0;
    for (let k = 0; k < 5; k += 1, at += 1) number = number * 85 + digits[text.charCodeAt(at)];
    view.setUint32(place, number);
  }
  return new Uint8Array(view.buffer, 0, size);
}

function element(name, text, properties = {}) {
  return Object.assign(document.createElement(name), { textContent: text }, properties);
}

/** A word as it can be seen: characters that cannot are written as their code. */
function visible(word) {
  return word === '' ? '(empty)' : word.replace(/[\p{C}\p{Z}]/gu, (character) => (character === ' ' ? ' ' : `\\u{${character.codePointAt(0).toString(16)}}`));
}

function list(target, neighbours) {
  const focused = target.contains(document.activeElement);
  target.replaceChildren(...neighbours.map(({ word, score }) => {
    const button = element('button', visible(word), { type: 'button', onclick: () => go(word) });
    button.style.setProperty('--share', `${Math.max(0, Math.min(1, score)) * 100}%`);
    const item = element('li', '');
    item.append(button, element('span', score.toFixed(3)));
    return item;
  }));
  if (focused) target.querySelector('button')?.focus(); // what had the focus is gone
}

function go(word) {
  const hash = `#${encodeURIComponent(word)}`;
  if (hash !== location.hash) history[location.hash ? 'pushState' : 'replaceState'](null, '', hash);
  byId('ask').scrollIntoView({ block: 'nearest' });
  return show(word);
}

async function known(word) {
  for (const form of [word, word.toLowerCase()]) if ((await file.rank(form)) >= 0) return form;
  return null;
}

async function show(typed) {
  byId('word').value = typed;
  asked += 1;
  const mine = asked;
  const word = await known(typed);
  byId('message').textContent = word === null ? `“${visible(typed)}” is not among the ${file.size.toLocaleString('en')} words.` : '';
  if (word === null) return;
  const neighbours = await file.similar(word, SHOWN);
  const vectors = await Promise.all([word, ...neighbours.map((each) => each.word)].map((each) => file.vector(each)));
  if (mine !== asked) return;
  byId('nearest-title').textContent = `Nearest words of “${visible(word)}”`;
  list(byId('nearest'), neighbours);
  redraw = () => draw(byId('map'), [word, ...neighbours.map((each) => each.word)], vectors);
  redraw();
}

/** The first two principal components of rows of length 1, by power iteration. */
function plane(vectors) {
  const rows = vectors.map((vector) => {
    const length = Math.hypot(...vector) || 1;
    return Array.from(vector, (value) => value / length);
  });
  const mean = rows[0].map((_, j) => rows.reduce((sum, row) => sum + row[j], 0) / rows.length);
  const centred = rows.map((row) => row.map((value, j) => value - mean[j]));
  const gram = centred.map((a) => centred.map((b) => a.reduce((sum, value, j) => sum + value * b[j], 0)));
  return [0, 1].map((number) => {
    let axis = gram.map((_, k) => Math.cos(1 + k * (number + 1)));
    let value = 0;
    for (let round = 0; round < 100; round += 1) {
      axis = gram.map((row) => row.reduce((sum, entry, k) => sum + entry * axis[k], 0));
      value = Math.hypot(...axis) || 1;
      axis = axis.map((each) => each / value);
    }
    gram.forEach((row, i) => row.forEach((_, j) => { row[j] -= value * axis[i] * axis[j]; }));
    return axis.map((each) => each * Math.sqrt(value));
  });
}

function draw(svg, words, vectors) {
  const { width, height } = svg.getBoundingClientRect();
  if (width < NARROW && words.length > SHOWN_NARROW + 1) {
    draw(svg, words.slice(0, SHOWN_NARROW + 1), vectors.slice(0, SHOWN_NARROW + 1));
    return;
  }
  const [across, up] = plane(vectors);
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  // halfway between where the values are and evenly apart, so that labels have room
  const scaled = (values, size) => {
    const sorted = [...values].sort((a, b) => a - b), low = sorted[0], range = sorted.at(-1) - low || 1;
    return values.map((value) => MARGIN + ((value - low) / range + sorted.indexOf(value) / (values.length - 1 || 1)) * (size / 2 - MARGIN));
  };
  const x = scaled(across, width), y = scaled(up, height);
  const taken = words.map((_, k) => ({ line: y[k], left: x[k] - DOT, right: x[k] + DOT }));
  svg.replaceChildren(...words.flatMap((word, k) => {
    const label = visible(word).slice(0, 24), long = label.length * LETTER;
    const right = x[k] > width * 0.6, start = x[k] + (right ? -9 : 9);
    const line = free(taken, right ? start - long : start, y[k], long, height);
    const shape = (name, attributes) => {
      const made = document.createElementNS(SVG, name);
      for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
      made.addEventListener('click', () => go(word));
      return made;
    };
    const text = shape('text', { x: start, y: line + 5, 'text-anchor': right ? 'end' : 'start', class: k ? '' : 'asked' });
    text.textContent = label;
    const lead = Math.abs(line - y[k]) < LINE / 2 ? [] : [shape('path', { d: `M${x[k]} ${y[k]}L${start} ${line}` })];
    return [...lead, shape('circle', { cx: x[k], cy: y[k], r: k ? DOT : 6 }), text];
  }));
}

/** A line near `y` at which a label hides no other and no dot; the label's place is kept in `taken`. */
function free(taken, left, y, width, height) {
  const hidden = (line) => line < LINE || line > height - LINE
    || taken.some((each) => Math.abs(each.line - line) < LINE - 2 && left < each.right && each.left < left + width);
  const steps = Array.from({ length: 16 }, (_, step) => y + (step % 2 ? 1 : -1) * Math.ceil(step / 2) * (LINE / 3));
  const line = steps.find((each) => !hidden(each)) ?? y;
  taken.push({ line, left, right: left + width });
  return line;
}

async function answer() {
  const words = await Promise.all(['a', 'b', 'c'].map((id) => known(byId(id).value.trim())));
  const missing = ['a', 'b', 'c'].filter((_, k) => words[k] === null);
  if (missing.length) {
    byId('answers').replaceChildren(element('li', `Unknown: ${missing.map((id) => visible(byId(id).value) || '(nothing)').join(', ')}`));
    return;
  }
  list(byId('answers'), await file.analogy(...words, 5));
}

function describe() {
  const { source = {}, config = {} } = file.header;
  byId('facts').textContent = `${file.size.toLocaleString('en')} words, ${file.dim} dimensions, ${(content.length / 1e6).toFixed(2)} MB`;
  const facts = {
    method: file.method,
    options: Object.entries(config).map(([name, value]) => `${name} ${value}`).join(', '),
    'bytes per word': (content.length / Math.max(1, file.size)).toFixed(2),
    'smaller than float32 vectors': `${((file.size * file.dim * 4) / content.length).toFixed(1)} times`,
    source: source.name || '–',
    'SHA-256 of the source': source.sha256 || '–',
  };
  byId('about').replaceChildren(...Object.entries(facts).flatMap(([name, value]) => [element('dt', name), element('dd', visible(String(value)))]));
}

async function anyWord() {
  const [low, high] = FREQUENT[1] < file.size ? FREQUENT : [0, file.size];
  for (let round = 0; round < 50; round += 1) {
    const word = await file.word(low + Math.floor(Math.random() * (high - low)));
    if (/^\p{L}{4,}$/u.test(word)) return word;
  }
  return file.word(0);
}

byId('ask').addEventListener('submit', (event) => {
  event.preventDefault();
  go(byId('word').value.trim());
});
byId('other').addEventListener('click', async () => go(await anyWord()));
byId('compare').addEventListener('submit', (event) => {
  event.preventDefault();
  answer();
});
byId('save').addEventListener('click', (event) => {
  event.currentTarget.href = URL.createObjectURL(new Blob([content]));
  event.currentTarget.download = `${document.title}.embc`;
});
window.addEventListener('resize', () => redraw());
window.addEventListener('popstate', () => show(decodeURIComponent(location.hash.slice(1))));

try {
  file = await embcomp.open(content);
  describe();
  const words = await Promise.all(['man', 'king', 'woman'].map((word) => file.rank(word)));
  if (!words.includes(-1)) ['man', 'king', 'woman'].forEach((word, k) => { byId(['a', 'b', 'c'][k]).value = word; });
  if (file.size) await go(location.hash ? decodeURIComponent(location.hash.slice(1)) : await anyWord());
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
} catch (error) {
  byId('message').textContent = `This page cannot be shown: ${error.message}`;
}
