// Reads .embc files, in browsers and in Node, without dependencies. The format: docs/format.md.

const MAGIC = 0x1a0a0d43424d4589n;
const BLOCK = 1 << 16; // bytes; what is fetched at least
const KEPT_PAGES = 256;
const MAX_HEADER = 1 << 20;
const MAX_PAGE_TEXT = 1 << 16;
const SCORE_STEP = 2 ** -20;
const SAME_LENGTH = 1e-4;
const SIF = 1e-4; // [Arora 2017]: words with this share of all text count half
const MAX_TOKENIZER = 1 << 24;
const UNIT = 2048; // of codewords: they are multiples of 1 / UNIT
const TYPES = {
  '|u1': Uint8Array, '|i1': Int8Array, '<u2': Uint16Array, '<i2': Int16Array, '<u4': Uint32Array,
  '<i4': Int32Array, '<u8': BigUint64Array, '<i8': BigInt64Array, '<f4': Float32Array, '<f8': Float64Array,
};

/** A file that breaks a rule of the format, or cannot be read. */
export class EmbcError extends Error {}

function require(condition, rule) {
  if (!condition) throw new EmbcError(`corrupt file: expected ${rule}`);
}

/**
 * Open a file: a URL, a File or Blob, an ArrayBuffer or a Uint8Array. By URL only the needed parts are fetched, if the
 * server answers range requests.
 */
export async function open(source) {
  const bytes = await bytesOf(source);
  const preamble = await bytes.read(0, 32);
  const view = viewOf(preamble);
  require(preamble.length === 32 && view.getBigUint64(0, true) === MAGIC, 'the magic bytes of an .embc file');
  require(view.getUint32(8, true) === 1 && view.getUint32(12, true) === 0, 'format version 1');
  const headerEnd = 32 + Number(view.getBigUint64(16, true));
  require(headerEnd <= 32 + MAX_HEADER && headerEnd <= bytes.size, 'a header within the file');
  const header = await bytes.read(32, headerEnd);
  require(crc32(header, crc32(preamble.subarray(0, 24))) === view.getUint32(24, true), 'the checksum of the header');
  const document = JSON.parse(textOf(header));
  const sections = sectionsOf(bytes, document, headerEnd);
  const state = {};
  for (const [name, section] of sections) {
    if (name.startsWith('state.')) state[name.slice(6)] = await section.array();
  }
  require(Object.hasOwn(METHODS, document.method), `a method that is known, got ${document.method}`);
  return new Embedding(document, sections, state);
}

function sectionsOf(bytes, document, headerEnd) {
  const sections = new Map();
  let end = headerEnd;
  for (const entry of document.sections) {
    const { name, offset, length, required } = entry;
    require(offset === Math.ceil(end / 64) * 64, `section ${name} at the next multiple of 64`);
    end = offset + length;
    require(!sections.has(name) && end <= bytes.size, `section ${name} once and within the file`);
    const known = /^(words|order|codes|state)\./.test(name);
    require(known || !required, `required sections that are known, got ${name}`);
    sections.set(name, sectionOf(bytes, entry));
  }
  require(end === bytes.size, 'nothing after the last section');
  return sections;
}

/** One section: all of it, checked against its checksum, or some of its bytes, or a reader of so many bits from one on. */
function sectionOf(bytes, { name, dtype, shape, offset, length, crc32: checksum }) {
  let content;
  const read = (start, end) => bytes.read(offset + start, offset + end);
  const bits = async (first, n) => {
    const start = Math.floor(first / 8);
    return readerOf(await read(start, Math.ceil((first + n) / 8)), first - 8 * start);
  };
  const all = () => {
    content ??= read(0, length).then((found) => {
      require(crc32(found) === parseInt(checksum, 16), `the checksum of section ${name}`);
      return found;
    });
    return content;
  };
  /** The numbers, with a `shape`. */
  const array = async () => {
    const { buffer } = (await all()).slice();
    require(dtype === '<f2' || Object.hasOwn(TYPES, dtype), `a known dtype, got ${dtype}`);
    return Object.assign(dtype === '<f2' ? Float32Array.from(new Uint16Array(buffer), half) : new TYPES[dtype](buffer), { shape });
  };
  return { read, bits, all, array };
}

/** The words and vectors of an opened file. */
export class Embedding {
  constructor(header, sections, state) {
    const { rows: size, dim, method } = header;
    const parts = header.parts.map((end, k) => partOf(sections, k, k ? header.parts[k - 1] : 0, end));
    const bands = header.bands.map((band, number) => {
      const width = band.symbols * band.symbol_bits + band.length_bits, start = number ? header.bands[number - 1].end : 0;
      return { ...band, number, start, rows: band.end - start, width, codes: sections.get(`codes.${number}`) };
    });
    Object.assign(this, { header, size, dim, method, sections, parts, bands, decoder: METHODS[method](header, state) });
  }

  /** The rank of a word, or -1. */
  async rank(word) {
    const key = new TextEncoder().encode(word);
    for (const part of this.parts) {
      const number = await part.find(key);
      if (number >= 0) return part.start + number;
    }
    return -1;
  }

  of(ranges, rank) {
    if (!(rank >= 0 && rank < this.size)) throw new RangeError(`rank must be from 0 to ${this.size - 1}, got ${rank}`);
    return ranges.find(({ end }) => rank < end);
  }

  /** The word of a rank. */
  async word(rank) {
    const part = this.of(this.parts, rank);
    return part.word(rank - part.start);
  }

  /** The vector of a word, a Float32Array, or null for an unknown word. */
  async vector(word) {
    const rank = await this.rank(word);
    return rank < 0 ? null : this.vectorAt(rank);
  }

  /** The vector of a rank. */
  async vectorAt(rank) {
    const band = this.of(this.bands, rank);
    const code = await band.codes.bits((rank - band.start) * band.width, band.width);
    return Float32Array.from(this.decoder.decode(code, band, rank));
  }

  /** The k nearest words of a word or vector: [{word, rank, score}], best first; null for an unknown word. */
  async similar(query, k = 10) {
    if (typeof query !== 'string') return this.nearest(query, k, new Set());
    const rank = await this.rank(query);
    return rank < 0 ? null : this.nearest(await this.vectorAt(rank), k, new Set([rank]));
  }

  /** Words d for which a is to b as c is to d, by 3CosAdd. */
  async analogy(a, b, c, k = 10) {
    const ranks = await Promise.all([a, b, c].map((word) => this.rank(word)));
    if (ranks.includes(-1)) return null;
    const vectors = await Promise.all(ranks.map((rank) => this.vectorAt(rank)));
    const [from, to, start] = vectors.map(unit);
    return this.nearest(from.map((value, j) => start[j] + to[j] - value), k, new Set(ranks));
  }

  /**
   * The vector of a text, or null if nothing in it is known: what a sentence model's tokenizer and rules give; in any
   * other file the mean of its words' vectors, of which frequent ones count less if the file has their order.
   */
  async encode(text) {
    if (Array.isArray(text)) {
      const all = [];
      for (const each of text) all.push(await this.encode(each));
      return all;
    }
    const rules = this.header.text, sum = new Float64Array(this.dim);
    const ranks = (await (rules ? tokens(this, rules, text) : words(this, text))).filter((rank) => rank >= 0);
    const ordered = !rules && this.parts.some(({ order }) => order);
    this.harmonic ??= doubles(this.size, (k) => 1 / (k + 1)).reduce((a, b) => a + b, 0);
    let total = 0;
    for (const rank of ranks) {
      const weight = ordered ? SIF / (SIF + 1 / ((rank + 1) * this.harmonic)) : 1;
      addTo(sum, await this.vectorAt(rank), weight);
      total += weight;
    }
    const length = (rules?.normalize ? norm(sum) : total) || Infinity;
    return total ? Float32Array.from(sum, (value) => value / length) : null;
  }

  /** The k rows with the largest cosine of their vector and the query. */
  async nearest(query, k, without) {
    if (query.length !== this.dim) throw new RangeError(`query must have ${this.dim} numbers, got ${query.length}`);
    const wanted = unit(query);
    const scores = await this.scores(wanted);
    const error = (this.error ??= this.decoder.error?.() ?? 0);
    const cosines = new Map(); // by rank; of rows without a code, which are the same, by the end of their band, less than 0
    const exact = (rank) => {
      const { width, end } = this.of(this.bands, rank), key = width ? rank : -end;
      if (!cosines.has(key)) cosines.set(key, this.vectorAt(rank).then((vector) => cosine(wanted, vector)));
      return cosines.get(key);
    };
    const found = await Promise.all(above(scores, k + without.size, 2 * error + SCORE_STEP).filter((rank) => !without.has(rank))
      .map(async (rank) => ({ rank, score: rounded(error ? await exact(rank) : scores[rank]) })));
    found.sort((a, b) => b.score - a.score || a.rank - b.rank);
    return Promise.all(found.slice(0, k).map(async ({ rank, score }) => ({ word: await this.word(rank), rank, score })));
  }

  /** The cosine of a query of length 1 and the vector of each rank, but for the decoder's `error`. */
  async scores(query) {
    this.tables ??= Promise.all(this.bands.map(async (band) => this.decoder.prepare(band, await band.codes.all())));
    const scores = new Float64Array(this.size);
    (await this.tables).forEach((table, k) => table(query, scores.subarray(this.bands[k].start, this.bands[k].end)));
    return scores;
  }
}

// Texts: the ranks of their words or tokens, -1 for one without a vector.

const MARK = /([\p{P}$+<=>^`|~])/u;
const CHINESE = /[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{2a6df}\u{2a700}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu;
const TOKENIZER = 'BertNormalizer, BertPreTokenizer, WordPiece';

function withoutAccents(text) {
  return text.normalize('NFD').replace(/\p{Mn}/gu, '');
}

/** What is between spaces, and between them and marks. */
function parts(text, separators) {
  return separators.reduce((all, each) => all.flatMap((part) => part.split(each)), [text]).filter(Boolean);
}

/** What `find` gives for the longest piece at the start of a word, the longest that follows, and so on; undefined if it fails. */
async function pieces(find, word, prefix, most) {
  const letters = [...word], found = [];
  for (let start = 0; start < letters.length;) {
    let end = letters.length + 1, piece;
    while (piece === undefined && end > start + 1) piece = await find((start ? prefix : '') + letters.slice(start, end -= 1).join(''));
    if (piece === undefined || letters.length > most) return;
    found.push(piece);
    start = end;
  }
  return found;
}

/** Words as written or in lower case; others split at marks, and if need be without accents or in pieces (`##ing`). */
async function words(file, text) {
  const spaces = /[\p{White_Space}\x1c-\x1f]+/u;
  const find = async (...forms) => {
    for (const form of forms) {
      const rank = await file.rank(form);
      if (rank >= 0) return rank;
    }
  };
  file.inPieces ??= find(...[...'abcdefghijklmnopqrstuvwxyz'].map((letter) => `##${letter}`));
  const split = (await file.inPieces) !== undefined;
  const ofPart = async (part) => {
    const form = withoutAccents(part.toLowerCase());
    return (await find(part, part.toLowerCase(), form)) ?? (split ? pieces(find, form, '##', 100) : []);
  };
  const ofWord = async (word) => (split ? undefined : await find(word, word.toLowerCase()))
    ?? Promise.all(parts(word.replace(CHINESE, ' $& '), [spaces, MARK]).map(ofPart));
  return (await Promise.all(parts(text, [spaces]).map(ofWord))).flat(2);
}

/** Tokens of WordPiece with BERT's normalizer and pre-tokenizer, as in the package tokenizers. */
async function tokens(file, rules, text) {
  file.tokenizer ??= file.sections.get('text.tokenizer').all()
    .then((content) => inflate(content, Math.min(MAX_TOKENIZER, 8 * content.length)))
    .then((content) => JSON.parse(textOf(content)));
  const { normalizer, pre_tokenizer: before, model, added_tokens: added } = await file.tokenizer;
  const found = [normalizer, before, model].map((part) => part?.type).join(', ');
  if (found !== TOKENIZER || added.some((each) => each.normalized || each.single_word || each.lstrip || each.rstrip)) {
    throw new EmbcError(`cannot encode texts: expected the tokenizer ${TOKENIZER}, got ${found}`);
  }
  const rankOf = async (token) => (token === model.unk_token && !rules.keep_unknown ? -1 : file.rank(token));
  const find = async (token) => {
    const rank = await file.rank(token);
    if (typeof model.vocab === 'number' ? rank >= 0 && rank < model.vocab : Object.hasOwn(model.vocab, token)) return rank;
  };
  const ofText = (plain) => {
    if (normalizer.clean_text) plain = plain.replace(/[\0\ufffd]|(?![\t\n\r])\p{C}/gu, '');
    if (normalizer.handle_chinese_chars) plain = plain.replace(CHINESE, ' $& ');
    if (normalizer.strip_accents ?? normalizer.lowercase) plain = withoutAccents(plain);
    if (normalizer.lowercase) plain = plain.replace(/./gsu, (letter) => letter.toLowerCase());
    return Promise.all(parts(plain, [/\p{White_Space}+/u, MARK]).map(async (word) =>
      (await pieces(find, word, model.continuing_subword_prefix, model.max_input_chars_per_word)) ?? rankOf(model.unk_token)));
  };
  const names = added.map(({ content }) => content.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).sort((a, b) => b.length - a.length);
  const cut = [...text].slice(0, rules.max_characters ?? Infinity).join('');
  const all = cut.split(RegExp(`(${names.join('|') || '$^'})`)).map((part, k) => (k % 2 ? rankOf(part) : ofText(part)));
  return (await Promise.all(all)).flat(2).slice(0, rules.max_tokens ?? Infinity);
}

// Words: sorted by their bytes, front-coded, in deflated pages.

/** A part of the words: `find` gives the number of the bytes of a word, or -1; `word` the word of a number. */
function partOf(sections, number, start, end) {
  const [list, pages, order] = [`words.${number}.index`, `words.${number}.pages`, `order.${number}`].map((name) => sections.get(name));
  const size = end - start, width = order ? Math.ceil(Math.log2(size)) : 0, kept = new Map();
  let table, inverse;
  const index = () => {
    table ??= list.all().then((content) => indexOf(content, size));
    return table;
  };
  /** A promise of the words of a page, by their number. */
  const wordsIn = (page) => {
    if (!kept.has(page)) {
      if (kept.size >= KEPT_PAGES) kept.delete(kept.keys().next().value);
      kept.set(page, index().then(async ({ firsts, starts, places }) => {
        const n = starts[page + 1] - starts[page], first = firsts[page];
        if (n === 1) return () => first;
        return wordsOf(first, n, await inflate(await pages.read(places[page], places[page + 1]), 2 * MAX_PAGE_TEXT));
      }));
    }
    return kept.get(page);
  };
  /** The place in the list of each rank. */
  const inverseOf = (content) => {
    const found = new Int32Array(size).fill(-1), [ranks] = columns(content, size, [width], width);
    for (let place = 0; place < size; place += 1) {
      require(found[ranks[place]] < 0, 'a permutation as order'); // no number is undefined < 0
      found[ranks[place]] = place;
    }
    return found;
  };
  const find = async (key) => {
    const { firsts, starts } = await index();
    const page = lastNotAbove(firsts.length, (k) => compare(firsts[k], key));
    if (page < 0) return -1;
    const word = await wordsIn(page), place = lastNotAbove(starts[page + 1] - starts[page], (k) => compare(word(k), key));
    if (compare(word(place), key) !== 0) return -1;
    const rank = width ? (await order.bits((starts[page] + place) * width, width))(width) : starts[page] + place;
    require(rank < size, 'ranks within their part');
    return rank;
  };
  const wordAt = async (rank) => {
    if (width) inverse ??= order.all().then(inverseOf);
    const { starts } = await index(), place = width ? (await inverse)[rank] : rank;
    const page = lastNotAbove(starts.length - 1, (k) => starts[k] - place);
    return textOf((await wordsIn(page))(place - starts[page]));
  };
  return { start, end, order, find, word: wordAt };
}

function indexOf(content, size) {
  const n = Number(viewOf(content).getBigUint64(8, true));
  let at = 16 + 12 * n;
  require(at <= content.length, 'an index within its section');
  const numbers = new Uint32Array(content.slice(16, at).buffer), firsts = [], starts = [0], places = [0];
  for (let page = 0; page < n; page += 1) {
    const [words, letters, length] = numbers.subarray(3 * page);
    require(words >= 1 && words <= 1024 && at + letters <= content.length, 'pages of 1 to 1024 words');
    firsts.push(content.subarray(at, at += letters));
    starts.push(starts[page] + words);
    places.push(places[page] + length);
  }
  require(starts[n] === size, 'as many words as rows');
  return { firsts, starts, places };
}

function wordsOf(first, n, content) {
  let at = n - 1;
  require(at <= content.length, 'a length for each word');
  const long = (length) => {
    while (length >= 15) {
      require(at < content.length, 'lengths that end');
      length += content[at];
      at += 1;
      if (content[at - 1] < 255) break;
    }
    return length;
  };
  const lengths = filled(n - 1, (k) => [long(content[k] >> 4), long(content[k] & 15)]);
  const total = lengths.reduce((sum, [kept, fresh]) => sum + kept + fresh, first.length);
  require(total <= MAX_PAGE_TEXT, 'pages of at most 65,536 bytes of words');
  const text = new Uint8Array(total), starts = [0], ends = [first.length];
  text.set(first);
  let next = 0, end = first.length;
  const add = (number, base) => {
    const [kept, fresh] = lengths[next];
    next += 1;
    require(kept <= ends[base] - starts[base] && at + fresh <= content.length, 'words within their page');
    text.copyWithin(end, starts[base], starts[base] + kept);
    text.set(content.subarray(at, at + fresh), end + kept);
    at += fresh;
    starts[number] = end;
    ends[number] = end += kept + fresh;
  };
  for (let number = 16; number < n; number += 16) add(number, number - 16);
  for (let number = 1; number < n; number += 1) if (number % 16) add(number, number - 1);
  return (number) => text.subarray(starts[number], ends[number]);
}

async function inflate(content, limit) {
  const stream = new Blob([content]).stream().pipeThrough(new DecompressionStream('deflate'));
  const chunks = [];
  const reader = stream.getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    chunks.push(value);
    require((limit -= value.length) >= 0, 'streams that do not expand more than eightfold');
  }
  return joined(chunks);
}

// Methods. `decode` makes the vector of one row. `prepare` makes of a band a function that writes the cosines of all its
// rows and a query of length 1; they are exact but for `error`. `state` has typed arrays with a `shape`.

const METHODS = {
  sign: signs,
  itq: signs,
  iiq: signs,
  binary: signs,
  nlb: (header, state) => withLengths(rows(nlb(state)), state),
  dccl: (header, { codebooks, scale }) => {
    const words = rowsOf(codebooks), n = header.bands[0].symbols, ways = words.length / n;
    return oneSum(header, filled(n, (m) => words.slice(m * ways, (m + 1) * ways).map((word) => word.map((value) => value * scale[0]))));
  },
  kd,
  transform,
  additive: transform,
  prune: (header, state) => rows(sparse(header, state)),
  alone: (header, state) => rows(network(header, state)),
};

/** Codes of signs, each of which adds or subtracts a direction: all of them, or in graded codes the first so many. */
function signs(header, state) {
  const { dim, bands } = header;
  const field = (direction, factor) => [-factor, factor].map((each) => doubles(dim, (i) => direction[i] * each));
  const diagonal = filled(dim, (i) => doubles(dim, (j) => Number(i === j)));
  if (!state.ends) {
    const [scale] = state.scale, directions = directionsOf(bands[0].symbols, dim, state) ?? diagonal;
    return withLengths(oneSum(header, directions.map((each) => field(each, scale)), scale * commonLength(directions)), state);
  }
  const factor = bands[0].length_bits ? 1 : state.length_levels[0];
  const directions = state.axes ? Array.from(state.axes, (axis) => diagonal[axis]) : rowsOf(state.directions);
  const fields = directions.map((direction, i) => field(direction, state.steps[i] * factor));
  return withLengths(sums(rowsOf(state.centres).map((centre, number) =>
    ({ centre: centre.map((value) => value * factor), fields: fields.slice(0, state.widths[number]) }))), state);
}

/** What the signs of a row stand for, before the scale; undefined for the dimensions themselves. */
function directionsOf(n, dim, { rotation, weights, weight_signs: learned, weight_scale: scale, gain }) {
  const array = rotation ?? learned, rows = array && rowsOf(array);
  if (weights) return rowsOf(weights);
  return rows && filled(n, (i) => doubles(dim, (j) =>
    (rotation ? rows[j][i] : (2 * bitOf(rows[j], i) - 1) * Math.exp(gain[j]) * scale[0])));
}

/** A method whose codes may end with the lengths of rows, to which vectors are scaled. */
function withLengths(method, state) {
  const decode = (next, band, row) => {
    const vector = method.decode(next, band, row), length = norm(vector);
    const factor = band.length_bits ? state.length_levels[next(band.length_bits)] / (length || Infinity) : 1;
    return vector.map((value) => value * factor);
  };
  return { ...method, decode };
}

/** The length of all sums of directions, if it is one, because they are orthogonal; or 0. */
function commonLength(directions) {
  return skewness(directions.map(unit)) < SAME_LENGTH ? Math.hypot(...directions.map(norm)) : 0;
}

/** Vectors that are sums: of a centre and, for each symbol of a row, one of the codewords of its field. */
function sums(bands, length) {
  const decode = (next, { number }) => {
    const vector = Float64Array.from(bands[number].centre);
    for (const words of bands[number].fields) addTo(vector, words[next(Math.log2(words.length))], 1);
    return vector;
  };
  const prepare = (band, content) => {
    const { centre, fields } = bands[band.number], vector = new Float64Array(centre.length);
    const lengths = ({ symbols, join }) => {
      const books = length ? [] : join(fields, (a, b) => a.map((value, i) => value + b[i]));
      return doubles(band.rows, (row) => {
        if (length) return length;
        vector.set(centre);
        books.forEach((words, k) => addTo(vector, words[symbols[k][row]], 1));
        return norm(vector);
      });
    };
    return summed(band, content, fields.map((words) => Math.log2(words.length)), lengths,
      (query) => fields.map((words) => words.map((each) => dot(each, query))), (query) => dot(centre, query));
  };
  return { decode, prepare };
}

/** Sums without a centre, of the same fields for all rows; `length` is that of all rows, if it is one. */
function oneSum({ dim, bands }, fields, length) {
  const full = fields.map((words) => filled(2 ** Math.ceil(Math.log2(words.length)), (symbol) => words[symbol] ?? words.at(-1)));
  return sums(bands.map(() => ({ centre: new Float64Array(dim), fields: full })), length);
}

/**
 * Scores that are sums of a constant and of numbers from tables, one for each symbol of a row, divided by the row's
 * length. Narrow symbols are taken together, up to 8 bits: in `spans` of first and last symbol and bits. `join` makes
 * joint tables of theirs, `add` adds what is in them to a number for each row.
 */
function summed(band, content, widths, lengthsOf, tablesOf, constantOf) {
  const spans = [];
  let bits = 9;
  widths.forEach((width, k) => {
    bits += width;
    if (bits > 8) spans.push([k, k, bits = width]);
    spans.at(-1)[1] = k + 1;
    spans.at(-1)[2] = bits;
  });
  const symbols = columns(content, band.rows, spans.map((span) => span[2]), band.width);
  const join = (tables, plus) => spans.map(([first, end]) =>
    tables.slice(first, end).reduce((joint, table) => joint.flatMap((a) => table.map((b) => plus(a, b)))));
  const add = (out, tables) => join(tables, (a, b) => a + b).forEach((table, k) => addColumn(out, Float64Array.from(table), symbols[k]));
  const lengths = lengthsOf({ spans, symbols, join, add });
  return (query, out) => {
    add(out.fill(constantOf(query)), tablesOf(query));
    for (let row = 0; row < out.length; row += 1) out[row] /= lengths[row] || Infinity;
  };
}

function addColumn(out, table, symbols) {
  for (let row = 0; row < out.length; row += 1) out[row] += table[symbols[row]];
}

function kd(header, { codebooks, codebook_scales: scales, transform: last, recurrent, bias }) {
  const [n, ways, inner] = codebooks.shape, [used] = last.shape;
  const books = filled(n, (j) => rowsOf(codebooks).slice(j * ways, (j + 1) * ways).map((word) => doubles(inner, (i) => word[i] * scales[j])));
  const matrix = rowsOf(last);
  const composed = (sum) => {
    const vector = new Float64Array(header.dim);
    matrix.forEach((row, i) => addTo(vector, row, sum[i]));
    return used ? vector : sum;
  };
  return header.config.compose === 'lstm' ? rows(lstm(books, rowsOf(recurrent), bias, composed))
    : oneSum(header, books.map((words) => words.map(composed)));
}

function lstm(books, recurrent, bias, composed) {
  const inner = recurrent.length, bits = Math.ceil(Math.log2(books[0].length));
  const sigmoid = (x) => 1 / (1 + Math.exp(-x));
  return (next) => {
    const total = new Float64Array(inner), memory = new Float64Array(inner);
    let output = total;
    for (const words of books) {
      const word = words[next(bits)], gates = doubles(4 * inner, (q) => bias[q] + word[q % inner]);
      output.forEach((value, i) => addTo(gates, recurrent[i], value));
      output = doubles(inner, (i) => {
        const [forget, take, give, fresh] = [0, 1, 2, 3].map((q) => gates[q * inner + i]);
        memory[i] = sigmoid(forget) * memory[i] + sigmoid(take) * Math.tanh(fresh);
        return sigmoid(give) * Math.tanh(memory[i]);
      });
      addTo(total, output, 1);
    }
    return composed(total);
  };
}

/** Coordinates in a few bits each, after codewords for additive codes, in orthonormal directions. */
function transform(header, state) {
  const { dim } = header, [k] = state.directions.shape, [isAdded] = state.source_space;
  const basis = rowsOf(state.directions).map((row, i) => doubles(dim, (j) => row[j] * state.scales[i]));
  const bands = header.bands.map((_, number) => bandOf(state, number));
  const words = codewordsOf(state, Math.max(...bands.map(({ depth }) => depth)), k), packed = inPairs(words, k);
  const codeword = (m, symbol) => words.subarray((m * 256 + symbol) * k, (m * 256 + symbol + 1) * k);
  const x = new Float64Array(k);
  const decode = (next, band) => {
    const { centre, groups, depth } = bands[band.number];
    x.set(centre);
    for (let m = 0; m < depth; m += 1) addTo(x, codeword(m, next(8)), 1);
    for (const { place, share, levels } of groups) x[place] += levels[next(share)];
    const length = state.length_levels[band.length_bits ? next(band.length_bits) : 0];
    const vector = doubles(dim, (j) => isAdded * state.mean[j]);
    basis.forEach((direction, i) => addTo(vector, direction, x[i] * length));
    return vector;
  };
  const prepare = (band, content) => {
    const { centre, groups, depth } = bands[band.number];
    // for each symbol, its part of the product of coordinates and weights, and of a multiple of the coordinates' squares
    const tables = (weights, squares) => [
      ...filled(depth, (m) => filled(256, (symbol) => dot(codeword(m, symbol), weights))),
      ...groups.map(({ place, levels }) => levels.map((level) => level * (weights[place] + squares * level)))];
    const lengths = ({ spans, symbols, add }) => {
      const sums = new Float64Array(band.rows);
      add(sums.fill(dot(centre, centre)), tables(centre.map((value) => 2 * value), 1));
      const scalars = spans.flatMap(([first, end, shift], number) => groups.slice(Math.max(0, first - depth), Math.max(0, end - depth))
        .map(({ place, share, levels }) => ({ place, levels, symbols: symbols[number], shift: shift -= share, mask: 2 ** share - 1 })));
      if (depth) addSquares(sums, packed, symbols.slice(0, depth), scalars, k);
      return sums.map(Math.sqrt);
    };
    const turned = (query) => doubles(k, (i) => dot(basis[i], query));
    return summed(band, content, [...Array(depth).fill(8), ...groups.map(({ share }) => share)], lengths,
      (query) => tables(turned(query), 0), (query) => dot(centre, turned(query)));
  };
  return !isAdded && packed ? { decode, prepare, error: () => skewness(basis) } : rows(decode);
}

/** Codewords as whole numbers, two in 32 bits: half as many additions; or null if their sums need more than 16 bits. */
function inPairs(words, k) {
  const half = Math.ceil(k / 2), packed = new Int32Array((words.length / k) * half), longest = [];
  for (let word = 0; word * k < words.length; word += 1) {
    let squares = 0;
    for (let i = 0; i < k; i += 1) {
      const value = words[word * k + i] * UNIT;
      squares += value * value;
      packed[word * half + (i >> 1)] += i & 1 ? value * 65536 : value;
    }
    longest[word >> 8] = Math.max(longest[word >> 8] ?? 0, Math.sqrt(squares));
  }
  return longest.reduce((sum, length) => sum + length) < 32768 ? packed : null;
}

/** Add the squares of sums of codewords, and twice their products with the levels. Five codewords at a time are fast. */
function addSquares(sums, packed, symbols, scalars, k) {
  const half = Math.ceil(k / 2), none = packed.length - half, depth = symbols.length;
  const sum = new Int32Array(half), x = new Int32Array(2 * half);
  const place = (m, row) => (m < depth ? (m * 256 + symbols[m][row]) * half : none);
  for (let row = 0; row < sums.length; row += 1) {
    if (depth > 5) sum.fill(0);
    for (let m = 5; m < depth; m += 1) for (let i = 0, a = place(m, row); i < half; i += 1) sum[i] += packed[a + i];
    const a = place(0, row), b = place(1, row), c = place(2, row), d = place(3, row), e = place(4, row);
    let squares = 0, products = 0;
    for (let i = 0; i < half; i += 1) {
      const pair = (sum[i] + packed[a + i] + packed[b + i] + packed[c + i] + packed[d + i] + packed[e + i]) | 0;
      const low = (pair << 16) >> 16, high = (pair - low) >> 16;
      squares = (squares + Math.imul(low, low) + Math.imul(high, high)) | 0;
      x[2 * i] = low;
      x[2 * i + 1] = high;
    }
    for (let g = 0; g < scalars.length; g += 1) {
      const scalar = scalars[g];
      products += scalar.levels[(scalar.symbols[row] >> scalar.shift) & scalar.mask] * x[scalar.place];
    }
    sums[row] += (squares / UNIT + 2 * products) / UNIT;
  }
}

/**
 * How far a cosine by coordinates can be from that of the vectors, because directions are rounded. Their lengths
 * differ by half the largest eigenvalue of what inner products of directions, E, are off: at most the Frobenius norm
 * of E, or the fourth root of that of E to the fourth, which is smaller and takes longer.
 */
function skewness(basis) {
  const products = (all) => all.map((a) => doubles(all.length, (j) => dot(a, all[j])));
  const off = products(basis);
  off.forEach((row, i) => { row[i] -= 1; });
  const large = basis.length > 300;
  const most = (large ? off : products(products(off))).reduce((sum, row) => sum + dot(row, row), 0) ** (large ? 0.5 : 0.125);
  return most < 0.5 ? most / (2 - 3 * most) : Infinity;
}

function bandOf(state, number) {
  const [shares, spreads, centre] = [state.shares, state.spreads, state.centres].map((array) => rowsOf(array)[number]);
  const groups = Array.from(shares, (share, place) => ({ place, share, levels: levelsOf(state.levels, share, spreads[place]) }))
    .filter(({ share }) => share).sort((a, b) => b.share - a.share || a.place - b.place);
  return { centre: Float64Array.from(centre), groups, depth: state.depths?.[number] ?? 0 };
}

function levelsOf(levels, share, spread) {
  const half = 2 ** (share - 1);
  return filled(2 * half, (symbol) => spread * (symbol < half ? -levels[2 * half - 2 - symbol] : levels[symbol - 1]));
}

/** All codewords of so many codebooks, one after the other, and zeros. */
function codewordsOf({ codewords, codeword_spreads: spreads, codeword_levels: levels }, depth, k) {
  const words = new Float64Array((depth * 256 + 1) * k), bytes = Math.ceil(k / 2);
  for (let word = 0; word < depth * 256; word += 1) {
    for (let i = 0; i < k; i += 1) {
      const pair = codewords[word * bytes + (i >> 1)];
      const value = Math.fround(levels[i % 2 ? pair & 15 : pair >> 4] * spreads[(word >> 8) * k + i]);
      words[word * k + i] = nearestEven(value * UNIT) / UNIT;
    }
  }
  return words;
}

/** Methods whose rows are decoded to be compared. */
function rows(decode) {
  const prepare = (band, content) => (query, out) => {
    for (let row = 0; row < out.length; row += 1) {
      out[row] = cosine(query, decode(readerOf(content, row * band.width), band, band.start + row));
    }
  };
  return { decode, prepare };
}

function nlb({ weights, bias, bound }) {
  const directions = rowsOf(weights);
  return (next) => {
    const vector = Float64Array.from(bias);
    for (const row of directions) if (next(1)) addTo(vector, row, 1);
    return vector.map((value) => Math.tanh(value) * bound[0]);
  };
}

function sparse({ dim }, { values, columns: places, ends }) {
  return (next, band, rank) => {
    const vector = new Float64Array(dim);
    for (let k = rank ? ends[rank - 1] : 0; k < ends[rank]; k += 1) vector[places[k]] = values[k];
    return vector;
  };
}

function network({ config, dim, bands }, state) {
  const { matrices, columns: ways, zeros, random_state: seed, store_filters: stored } = config;
  const binary = config.filter === 'binary', sources = stored && rowsOf(state.sources);
  const attempts = new Map(stored ? [] : Array.from(state.redrawn_rows, (row, k) => [row, state.redrawn_attempts[k]]));
  const threshold = BigInt(nearestEven((1 - zeros ** (1 / matrices)) * 2 ** 32));
  const uniform = (place) => Number(draw(seed, 0n, place) >> 11n) / 2 ** 53;
  const drawn = (place) => {
    if (binary) return Number(draw(seed, 0n, place) >> 32n < threshold);
    const even = place & ~1n; // two normal numbers of two uniform ones
    return Math.fround(Math.sqrt(-2 * Math.log(uniform(even) + 2 ** -53)) * Math[place & 1n ? 'sin' : 'cos'](2 * Math.PI * uniform(even + 1n)));
  };
  const source = (number) => doubles(dim, (q) => {
    if (!stored) return drawn(BigInt(number * dim + q));
    return binary ? bitOf(sources[number], q) : sources[number][q];
  });
  const chosen = (next, rank, m) => {
    if (stored) return next(bands[0].symbol_bits);
    const stream = 1n + (attempts.get(BigInt(rank)) ?? 0n);
    return Number(((draw(seed, stream, BigInt(rank * matrices + m)) >> 32n) * BigInt(ways)) >> 32n);
  };
  const inner = rowsOf(state.inner), outer = rowsOf(state.outer);
  return (next, band, rank) => {
    const mask = new Float64Array(dim);
    for (let m = 0; m < matrices; m += 1) addTo(mask, source(m * ways + chosen(next, rank, m)), 1);
    const masked = mask.map((value, q) => state.base[q] * (binary ? Math.min(value, 1) : value / Math.sqrt(matrices)));
    const vector = Float64Array.from(state.mean);
    inner.forEach((row, u) => {
      const hidden = dot(masked, row);
      if (hidden > 0) addTo(vector, outer[u], hidden * state.scale[0] * (state.unit_scale?.[u] ?? 1));
    });
    return vector;
  };
}

const WORD = (1n << 64n) - 1n;
const GAMMA = 0x9e3779b97f4a7c15n;

function mix(z) {
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & WORD;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & WORD;
  return z ^ (z >> 31n);
}

function draw(seed, stream, place) {
  const key = mix(mix((BigInt(seed) + GAMMA) & WORD) ^ stream);
  return mix((key + (place + 1n) * GAMMA) & WORD);
}

// Bits, numbers, bytes

function bitOf(row, k) {
  return (row[Math.floor(k / 8)] >> (7 - (k % 8))) & 1;
}

/** A function that returns the next number of so many bits, most significant bit first, from bit `at` on. */
function readerOf(content, at) {
  return (width) => {
    let value = 0;
    for (let k = 0; k < width; k += 1, at += 1) value = 2 * value + bitOf(content, at);
    return value;
  };
}

/** Numbers of the given widths in bits at the start of rows of `rowBits` bits, an array for each width. */
function columns(content, rows, widths, rowBits) {
  const padded = joined([content, new Uint8Array(4)]);
  let first = 0;
  return widths.map((width) => {
    require(width <= 25, 'numbers of at most 25 bits');
    const numbers = new (width > 8 ? Uint32Array : Uint8Array)(rows);
    for (let row = 0, place = first >> 3, bit = first & 7; width && row < rows; row += 1) {
      numbers[row] = ((padded[place] << 24 | padded[place + 1] << 16 | padded[place + 2] << 8 | padded[place + 3]) << bit) >>> (32 - width);
      bit += rowBits;
      place += bit >> 3;
      bit &= 7;
    }
    first += width;
    return numbers;
  });
}

function dot(a, b) {
  let sum = 0;
  for (let k = 0; k < a.length; k += 1) sum += a[k] * b[k];
  return sum;
}

function addTo(sum, vector, factor) {
  for (let k = 0; k < sum.length; k += 1) sum[k] += factor * vector[k];
}

function cosine(a, b) {
  return dot(a, b) / (norm(a) * norm(b) || Infinity);
}

function rounded(score) {
  return Math.round(score / SCORE_STEP) * SCORE_STEP;
}

function unit(vector) {
  const length = norm(vector) || Infinity;
  return Float64Array.from(vector, (value) => value / length);
}

function norm(vector) {
  return Math.sqrt(dot(vector, vector));
}

function filled(n, make) {
  return Array.from({ length: n }, (_, k) => make(k));
}

function doubles(n, make) {
  return new Float64Array(n).map((_, k) => make(k));
}

/** The rows of an array with a `shape`, along its last axis. */
function rowsOf(array) {
  const width = array.shape.at(-1);
  return filled(width && array.length / width, (k) => array.subarray(k * width, (k + 1) * width));
}

/** The places of all numbers that are at most `margin` below the k-th largest one. */
function above(scores, k, margin) {
  const best = new Float64Array(k).fill(-Infinity); // ascending
  for (let place = 0; place < scores.length; place += 1) {
    if (!(scores[place] > best[0])) continue;
    let at = 0;
    for (; at < k - 1 && best[at + 1] < scores[place]; at += 1) best[at] = best[at + 1];
    best[at] = scores[place];
  }
  const places = [];
  for (let place = 0; k && place < scores.length; place += 1) if (scores[place] >= best[0] - margin) places.push(place);
  return places;
}

function nearestEven(value) {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2) ? below + 1 : below;
}

/** The number of a finite 16-bit float. */
function half(bits) {
  const exponent = (bits >> 10) & 31, fraction = bits & 1023, sign = bits >> 15 ? -1 : 1;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction);
}

/** The last of n ascending places at which `order` is not above 0, or -1. */
function lastNotAbove(n, order) {
  let low = 0, high = n;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (order(middle) <= 0) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function compare(a, b) {
  const n = Math.min(a.length, b.length);
  for (let k = 0; k < n; k += 1) if (a[k] !== b[k]) return a[k] - b[k];
  return a.length - b.length;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let k = 0; k < 8; k += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(content, before = 0) {
  let value = ~before;
  for (let k = 0; k < content.length; k += 1) value = CRC_TABLE[(value ^ content[k]) & 255] ^ (value >>> 8);
  return ~value >>> 0;
}

function textOf(content) {
  return new TextDecoder().decode(content);
}

function viewOf(content) {
  return new DataView(content.buffer, content.byteOffset, content.byteLength);
}

function joined(chunks) {
  const content = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    content.set(chunk, at);
    at += chunk.length;
  }
  return content;
}

// Where the bytes come from: `size`, and `read(start, end)`, a promise of a Uint8Array

async function bytesOf(source) {
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) {
    return inMemory(new Uint8Array(source.buffer ?? source, source.byteOffset, source.byteLength));
  }
  if (!(source instanceof Blob)) return overHttp(String(source));
  return { size: source.size, read: async (start, end) => new Uint8Array(await source.slice(start, end).arrayBuffer()) };
}

function inMemory(content) {
  return { size: content.length, read: async (start, end) => content.subarray(start, end) };
}

/** A file on a server; if it answers range requests, what was fetched is kept. */
async function overHttp(url) {
  const get = async (start, end) => {
    const answer = await fetch(url, { headers: { Range: `bytes=${start}-${end - 1}` } });
    if (!answer.ok) throw new EmbcError(`cannot read ${url}: HTTP status ${answer.status}`);
    return { content: new Uint8Array(await answer.arrayBuffer()), range: answer.headers.get('Content-Range') };
  };
  const { content: head, range } = await get(0, BLOCK), size = Number(/\/(\d+)$/.exec(range)?.[1]);
  if (!size) return inMemory(head);
  const kept = [{ from: 0, to: head.length, answer: { content: head } }];
  const read = async (start, end) => {
    let part = kept.find(({ from, to }) => from <= start && end <= to);
    if (!part) {
      const from = Math.floor(start / BLOCK) * BLOCK, to = Math.min(size, Math.ceil(end / BLOCK) * BLOCK);
      kept.push(part = { from, to, answer: get(from, to) });
    }
    const { content } = await part.answer;
    if (content.length < part.to - part.from) throw new EmbcError(`cannot read ${url}: bytes ${start} to ${end} are missing`);
    return content.subarray(start - part.from, end - part.from);
  };
  return { size, read };
}
