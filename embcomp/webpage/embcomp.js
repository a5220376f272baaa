// Reads .embc files, in browsers and in Node, without dependencies. The format: docs/format.md.

const MAGIC = [0x89, 0x45, 0x4d, 0x42, 0x43, 0x0d, 0x0a, 0x1a];
const BLOCK = 1 << 16; // bytes; what is fetched at least
const KEPT_PAGES = 256;
const MAX_HEADER = 1 << 20;
const MAX_PAGE_TEXT = 1 << 16;
const SCORE_STEP = 2 ** -20;
const SAME_LENGTH = 1e-4;
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
  require(MAGIC.every((byte, k) => preamble[k] === byte), 'the magic bytes of an .embc file');
  const view = viewOf(preamble);
  require(view.getUint32(8, true) === 1 && view.getUint32(12, true) === 0, 'format version 1');
  const headerEnd = 32 + Number(view.getBigUint64(16, true));
  require(headerEnd <= 32 + MAX_HEADER && headerEnd <= bytes.size, 'a header within the file');
  const header = await bytes.read(32, headerEnd);
  require(crc32(header, crc32(preamble.subarray(0, 24))) === view.getUint32(24, true), 'the checksum of the header');
  const document = JSON.parse(new TextDecoder().decode(header));
  const sections = sectionsOf(bytes, document, headerEnd);
  const state = {};
  for (const [name, section] of sections) {
    if (name.startsWith('state.')) state[name.slice(6)] = { data: await section.array(), shape: section.shape };
  }
  require(Object.hasOwn(METHODS, document.method), `a method that this reader knows, got ${document.method}`);
  return new Embedding(document, sections, state);
}

function sectionsOf(bytes, document, headerEnd) {
  const sections = new Map();
  let end = headerEnd;
  for (const entry of document.sections) {
    require(entry.offset === Math.ceil(end / 64) * 64, `section ${entry.name} at the next multiple of 64`);
    end = entry.offset + entry.length;
    require(!sections.has(entry.name) && end <= bytes.size, `section ${entry.name} once and within the file`);
    const known = /^(words|order|codes|state)\./.test(entry.name);
    require(known || !entry.required, `a required section that this reader knows, got ${entry.name}`);
    sections.set(entry.name, new Section(bytes, entry));
  }
  require(end === bytes.size, 'nothing after the last section');
  return sections;
}

/** One section: all of it, checked against its checksum, or some of its bytes. */
class Section {
  constructor(bytes, { name, dtype, shape, offset, length, crc32: checksum }) {
    Object.assign(this, { bytes, name, dtype, shape, offset, length, checksum });
  }

  read(start, end) {
    return this.bytes.read(this.offset + start, this.offset + end);
  }

  all() {
    this.content ??= this.read(0, this.length).then((content) => {
      require(crc32(content) === parseInt(this.checksum, 16), `the checksum of section ${this.name}`);
      return content;
    });
    return this.content;
  }

  async array() {
    const content = (await this.all()).slice();
    if (this.dtype === '<f2') return Float32Array.from(new Uint16Array(content.buffer), half);
    require(Object.hasOwn(TYPES, this.dtype), `a dtype of the format, got ${this.dtype}`);
    return new TYPES[this.dtype](content.buffer);
  }
}

/** The words and vectors of an opened file. */
export class Embedding {
  constructor(document, sections, state) {
    this.header = document;
    this.size = document.rows;
    this.dim = document.dim;
    this.method = document.method;
    this.sections = sections;
    this.decoder = METHODS[document.method](document, state);
    this.parts = document.parts.map((end, k) => new Part(sections, k, k ? document.parts[k - 1] : 0, end));
    this.bands = document.bands.map((band, k) => {
      const width = band.symbols * band.symbol_bits + band.length_bits;
      return { ...band, number: k, start: k ? document.bands[k - 1].end : 0, width, codes: sections.get(`codes.${k}`) };
    });
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

  /** The word of a rank. */
  async word(rank) {
    const part = this.parts.find(({ end }) => rank < end);
    if (!part || rank < 0) throw new RangeError(`rank must be from 0 to ${this.size - 1}, got ${rank}`);
    return part.word(rank - part.start);
  }

  /** The vector of a word, a Float32Array, or null for an unknown word. */
  async vector(word) {
    const rank = await this.rank(word);
    return rank < 0 ? null : this.vectorAt(rank);
  }

  /** The vector of a rank. */
  async vectorAt(rank) {
    const band = this.bands.find(({ end }) => rank < end);
    if (!band || rank < 0) throw new RangeError(`rank must be from 0 to ${this.size - 1}, got ${rank}`);
    const first = (rank - band.start) * band.width;
    const start = Math.floor(first / 8);
    const code = await band.codes.read(start, Math.ceil((first + band.width) / 8));
    return Float32Array.from(this.decoder.decode(readerOf(code, first - 8 * start), band, rank));
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

  /** The mean vector of the words of a text, or null if none is known. Words are looked up as written, then in lower case. */
  async encode(text) {
    const sum = new Float64Array(this.dim);
    let n = 0;
    for (const word of text.match(/[\p{L}\p{N}\p{M}]+(?:['’-][\p{L}\p{N}\p{M}]+)*|[^\s\p{L}\p{N}\p{M}]/gu) ?? []) {
      const vector = (await this.vector(word)) ?? (await this.vector(word.toLowerCase()));
      if (!vector) continue;
      vector.forEach((value, j) => { sum[j] += value; });
      n += 1;
    }
    return n ? Float32Array.from(sum, (value) => value / n) : null;
  }

  /** The k rows with the largest cosine of their vector and the query. */
  async nearest(query, k, without) {
    if (query.length !== this.dim) throw new RangeError(`query must have ${this.dim} numbers, got ${query.length}`);
    const wanted = unit(query);
    const scores = await this.scores(wanted);
    const { error = 0 } = this.decoder;
    const found = await Promise.all(above(scores, k + without.size, 2 * error + SCORE_STEP).filter((rank) => !without.has(rank))
      .map(async (rank) => ({ rank, score: rounded(error ? cosine(wanted, await this.vectorAt(rank)) : scores[rank]) })));
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

// Words: sorted by their bytes, front-coded, in deflated pages.

class Part {
  constructor(sections, number, start, end) {
    Object.assign(this, { start, end, size: end - start });
    this.indexSection = sections.get(`words.${number}.index`);
    this.pages = sections.get(`words.${number}.pages`);
    this.order = sections.get(`order.${number}`);
    this.width = this.size > 1 ? 32 - Math.clz32(this.size - 1) : 0;
    this.kept = new Map();
  }

  index() {
    this.table ??= this.indexSection.all().then((content) => indexOf(content, this.size));
    return this.table;
  }

  async find(key) {
    const { firsts, starts } = await this.index();
    const page = lastNotAbove(firsts.length, (k) => compare(firsts[k], key));
    if (page < 0) return -1;
    const word = await this.page(page);
    const place = lastNotAbove(starts[page + 1] - starts[page], (k) => compare(word(k), key));
    if (compare(word(place), key) !== 0) return -1;
    const number = starts[page] + place;
    if (!this.order || !this.width) return number;
    const first = number * this.width;
    const window = await this.order.read(Math.floor(first / 8), Math.ceil((first + this.width) / 8));
    const rank = readerOf(window, first % 8)(this.width);
    require(rank < this.size, 'ranks of words within their part');
    return rank;
  }

  async word(rank) {
    const { starts } = await this.index();
    const number = this.order && this.width ? (await this.numbers())[rank] : rank;
    const page = lastNotAbove(starts.length - 1, (k) => starts[k] - number);
    return new TextDecoder().decode((await this.page(page))(number - starts[page]));
  }

  /** The place in the list of each rank. */
  numbers() {
    this.inverse ??= this.order.all().then((content) => {
      const inverse = new Int32Array(this.size).fill(-1);
      const [ranks] = columns(content, this.size, [this.width], this.width);
      for (let number = 0; number < this.size; number += 1) {
        require(inverse[ranks[number]] < 0, 'a permutation as order'); // no number is undefined < 0
        inverse[ranks[number]] = number;
      }
      return inverse;
    });
    return this.inverse;
  }

  async page(number) {
    let words = this.kept.get(number);
    if (!words) {
      const { firsts, starts, places } = await this.index();
      const n = starts[number + 1] - starts[number];
      words = wordsOf(firsts[number], n, n === 1 ? [] : await inflate(await this.pages.read(places[number], places[number + 1])));
      if (this.kept.size >= KEPT_PAGES) this.kept.delete(this.kept.keys().next().value);
      this.kept.set(number, words);
    }
    return words;
  }
}

function indexOf(content, size) {
  const view = viewOf(content);
  const n = Number(view.getBigUint64(8, true));
  require(16 + 12 * n <= content.length, 'an index within its section');
  const firsts = [], starts = [0], places = [0];
  let at = 16 + 12 * n;
  for (let page = 0; page < n; page += 1) {
    const [words, letters, length] = [0, 4, 8].map((k) => view.getUint32(16 + 12 * page + k, true));
    require(words >= 1 && words <= 1024 && at + letters <= content.length, 'pages of 1 to 1024 words');
    firsts.push(content.subarray(at, at + letters));
    starts.push(starts[page] + words);
    places.push(places[page] + length);
    at += letters;
  }
  require(starts[n] === size, 'as many words as rows');
  return { firsts, starts, places };
}

/** The bytes of all words of a page, and where each starts and ends. */
function wordsOf(first, n, content) {
  let at = n - 1, total = first.length;
  const long = (length) => {
    while (length >= 15) {
      require(at < content.length, 'long lengths that end');
      length += content[at];
      at += 1;
      if (content[at - 1] < 255) break;
    }
    return length;
  };
  require(n - 1 <= content.length, 'a length for each word');
  const kept = new Float64Array(n), fresh = new Float64Array(n);
  for (let k = 1; k < n; k += 1) {
    kept[k] = long(content[k - 1] >> 4);
    fresh[k] = long(content[k - 1] & 15);
    total += kept[k] + fresh[k];
  }
  require(total <= MAX_PAGE_TEXT, 'words within their page');
  const text = new Uint8Array(total), starts = new Int32Array(n), ends = new Int32Array(n);
  text.set(first);
  ends[0] = first.length;
  let next = 1, end = first.length;
  const add = (number, base) => {
    const fromBase = kept[next], fromContent = fresh[next];
    next += 1;
    require(fromBase <= ends[base] - starts[base] && at + fromContent <= content.length, 'words within their page');
    starts[number] = end;
    for (let k = 0; k < fromBase; k += 1, end += 1) text[end] = text[starts[base] + k];
    for (let k = 0; k < fromContent; k += 1, end += 1, at += 1) text[end] = content[at];
    ends[number] = end;
  };
  for (let number = 16; number < n; number += 16) add(number, number - 16);
  for (let number = 1; number < n; number += 1) if (number % 16) add(number, number - 1);
  return (number) => text.subarray(starts[number], ends[number]);
}

async function inflate(content) {
  const stream = new Blob([content]).stream().pipeThrough(new DecompressionStream('deflate'));
  const chunks = [];
  let total = 0;
  const reader = stream.getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    total += value.length;
    require(total <= 2 * MAX_PAGE_TEXT, 'a page of at most 65,536 bytes of words');
    chunks.push(value);
  }
  return joined(chunks, total);
}

// Methods. `decode` makes the vector of one row. `prepare` makes of a band a function that writes the cosines of all its
// rows and a query of length 1; they are exact but for `error`.

const METHODS = {
  sign: signs,
  itq: signs,
  iiq: signs,
  binary: (document, state) => withLengths(binary(learned(document, state), state.scale.data[0], document), state),
  nlb: (document, state) => withLengths(rows(document, nlb(state)), state),
  dccl: (document, { codebooks, scale }) => {
    const n = document.bands[0].symbols;
    const scaled = codebooks.data.map((value) => value * scale.data[0]);
    return sums(document, Array.from({ length: n }, (_, m) => slices(scaled, document.dim, m, n)));
  },
  kd: (document, state) => {
    const { codebooks: { data, shape }, codebook_scales: scales } = state;
    const books = { shape, data: Float32Array.from(data, (value, i) => value * scales.data[Math.floor(i / shape[1] / shape[2])]) };
    const wide = { ...state, codebooks: books };
    return document.config.compose === 'lstm' ? rows(document, lstm(wide)) : sums(document, composed(wide));
  },
  transform,
  additive: transform,
  prune: (document, state) => rows(document, sparse(document, state)),
  alone: (document, state) => rows(document, network(document, state)),
};

/** Codes of signs of one width, or graded ones. */
function signs(document, state) {
  if (state.ends) return graded(document, state);
  const directions = state.rotation ? columnsOf(state.rotation) : diagonal(document.dim);
  return withLengths(binary(directions, state.scale.data[0], document), state);
}

/** What the signs of a table that was learned in a model stand for, before the scale. */
function learned({ bands, dim }, { weights, weight_signs: signs, weight_scale: scale, gain }) {
  if (!weights && !signs) return diagonal(dim);
  const row = (i) => Float64Array.from({ length: dim }, (_, j) => {
    if (weights) return weights.data[i * dim + j];
    const bit = (signs.data[j * signs.shape[1] + (i >> 3)] >> (7 - (i & 7))) & 1;
    return (2 * bit - 1) * Math.exp(gain.data[j]) * scale.data[0];
  });
  return Array.from({ length: bands[0].symbols }, (_, i) => row(i));
}

/** A method whose codes may end with the lengths of rows, to which vectors are scaled. */
function withLengths(method, state) {
  const decode = (next, band, row) => {
    const vector = method.decode(next, band, row);
    if (!band.length_bits) return vector;
    const length = Math.sqrt(dot(vector, vector));
    const factor = length > 0 ? state.length_levels.data[next(band.length_bits)] / length : 0;
    return vector.map((value) => value * factor);
  };
  return { ...method, decode };
}

/** Codes of the first so many of a sequence of signs: a vector is the mean of its band and a sum of directions. */
function graded(document, state) {
  const dim = document.dim;
  const directions = Array.from(state.steps.data, (step, i) => {
    const direction = new Float64Array(dim);
    if (state.axes) direction[state.axes.data[i]] = step;
    else addTo(direction, state.directions.data.subarray(i * dim, i * dim + dim), step);
    return direction;
  });
  const centreOf = (band) => state.centres.data.subarray(band.number * dim, band.number * dim + dim);
  const sum = (next, band) => {
    const vector = Float64Array.from(centreOf(band));
    for (let i = 0; i < state.widths.data[band.number]; i += 1) addTo(vector, directions[i], next(1) ? 1 : -1);
    return vector;
  };
  const prepare = (band, content) => {
    const n = state.widths.data[band.number], own = directions.slice(0, n);
    return summed(band, content, byteWidths(n), lengthsBy(sum, band, content),
      (query) => byteTables(own.map((direction) => dot(direction, query))), (query) => dot(centreOf(band), query));
  };
  const scaled = (next, band) => {
    const vector = sum(next, band), factor = band.length_bits ? 1 : state.length_levels.data[0];
    return vector.map((value) => value * factor);
  };
  return withLengths({ decode: scaled, prepare }, state);
}

/** Codes of signs: the vector is a sum of directions, one for each bit, added or subtracted. */
function binary(directions, scale, document) {
  const decode = (next) => {
    const vector = new Float64Array(document.dim);
    for (const direction of directions) addTo(vector, direction, next(1) ? scale : -scale);
    return vector;
  };
  const widths = byteWidths(directions.length);
  const length = scale * commonLength(directions);
  const prepare = (band, content) => summed(band, content, widths, length ? () => new Float64Array(band.end - band.start).fill(length) : lengthsBy(decode, band, content),
    (query) => byteTables(directions.map((direction) => scale * dot(direction, query))));
  return { decode, prepare };
}

/** Widths of joint symbols for signs: a byte each, but the last. */
function byteWidths(n) {
  return Array.from({ length: Math.ceil(n / 8) }, (_, k) => Math.min(8, n - 8 * k));
}

/** Scores that are sums of numbers from tables, one for each symbol of a row, divided by the row's length. */
function summed(band, content, widths, lengthsOf, tablesOf, constantOf = () => 0) {
  const symbols = columns(content, band.end - band.start, widths, band.width);
  const lengths = lengthsOf(symbols);
  return (query, out) => {
    out.fill(constantOf(query));
    tablesOf(query).forEach((table, k) => addColumn(out, table, symbols[k]));
    for (let row = 0; row < out.length; row += 1) out[row] /= lengths[row] || Infinity;
  };
}

function addColumn(out, table, symbols) {
  for (let row = 0; row < out.length; row += 1) out[row] += table[symbols[row]];
}

/** The length of each row's vector, decoded. */
function lengthsBy(decode, band, content) {
  return () => Float64Array.from({ length: band.end - band.start }, (_, row) => {
    const vector = decode(readerOf(content, row * band.width), band, band.start + row);
    return Math.sqrt(dot(vector, vector));
  });
}

/** For each eight weights, the sum for each pattern of signs: added where a bit is 1, subtracted where it is 0. */
function byteTables(weights) {
  const tables = [];
  for (let first = 0; first < weights.length; first += 8) {
    const some = weights.slice(first, first + 8);
    tables.push(Float64Array.from({ length: 1 << some.length }, (_, pattern) =>
      some.reduce((sum, weight, k) => sum + ((pattern >> (some.length - 1 - k)) & 1 ? weight : -weight), 0)));
  }
  return tables;
}

/** The length of all sums of directions, if it is one: the directions are orthogonal, or as many numbers alone. */
function commonLength(directions) {
  let worst = 0, squares = 0;
  directions.forEach((direction, j) => {
    squares += dot(direction, direction);
    for (let k = 0; k < j; k += 1) worst = Math.max(worst, Math.abs(dot(direction, directions[k])));
  });
  return worst * directions.length ** 2 < SAME_LENGTH * squares ? Math.sqrt(squares) : 0;
}

/** Sums of codewords, one of each codebook. */
function sums(document, books) {
  const bits = document.bands[0].symbol_bits;
  const decode = (next) => {
    const vector = new Float64Array(document.dim);
    for (const book of books) addTo(vector, book[next(bits)], 1);
    return vector;
  };
  const prepare = (band, content) => summed(band, content, books.map(() => bits), lengthsBy(decode, band, content),
    (query) => books.map((book) => Float64Array.from(book, (word) => dot(word, query))));
  return { decode, prepare };
}

function composed({ codebooks, transform: last }) {
  const [n, , inner] = codebooks.shape;
  const [used, dim] = last.shape;
  return Array.from({ length: n }, (_, m) => slices(codebooks.data, inner, m, n).map((word) =>
    (used ? Float64Array.from({ length: dim }, (__, j) => word.reduce((sum, value, i) => sum + value * last.data[i * dim + j], 0)) : word)));
}

/** Coordinates in a few bits each, after codewords for additive codes, in orthonormal directions. */
function transform(document, state) {
  const [k, dim] = state.directions.shape;
  const basis = Array.from({ length: k }, (_, i) =>
    Float64Array.from(state.directions.data.subarray(i * dim, i * dim + dim), (value) => value * state.scales.data[i]));
  const bits = document.config.bits === 'dim' ? dim : document.config.bits;
  const centred = document.config.space !== 'source' && !(document.config.space === 'auto' && bits >= 2 * dim);
  const mean = centred ? new Float64Array(dim) : Float64Array.from(state.mean.data);
  const bands = document.bands.map((_, number) => bandOf(state, number, k));
  const words = codewordsOf(state, Math.max(...bands.map(({ depth }) => depth)), k);
  const codeword = (m, symbol) => words.subarray((m * 256 + symbol) * k, (m * 256 + symbol + 1) * k);
  const coordinates = (next, band, out) => {
    const { centre, groups, depth } = bands[band.number];
    out.set(centre);
    for (let m = 0; m < depth; m += 1) addTo(out, codeword(m, next(8)), 1);
    for (const { place, share, levels } of groups) out[place] += levels[next(share)];
    return state.length_levels.data[band.length_bits ? next(band.length_bits) : 0];
  };
  const scratch = new Float64Array(k);
  const decode = (next, band) => {
    const length = coordinates(next, band, scratch);
    const vector = Float64Array.from(mean);
    scratch.forEach((value, i) => addTo(vector, basis[i], value * length));
    return vector;
  };
  const packed = inPairs(words, k);
  const prepare = (band, content) => {
    const { centre, groups, depth } = bands[band.number];
    // for each symbol, its part of the product of coordinates and weights, and of a multiple of the coordinates' squares
    const tables = (weights, squares) => [
      ...Array.from({ length: depth }, (_, m) => Float64Array.from({ length: 256 }, (__, symbol) => dot(codeword(m, symbol), weights))),
      ...groups.map(({ place, levels }) => levels.map((level) => level * (weights[place] + squares * level)))];
    const lengths = (symbols) => {
      if (depth && !packed) {
        return Float64Array.from({ length: band.end - band.start }, (_, row) => {
          coordinates(readerOf(content, row * band.width), band, scratch);
          return Math.sqrt(dot(scratch, scratch));
        });
      }
      const sums = new Float64Array(band.end - band.start).fill(dot(centre, centre));
      tables(centre.map((value) => 2 * value), 1).forEach((table, k) => addColumn(sums, table, symbols[k]));
      if (depth) addSquares(sums, packed, bands[band.number], symbols);
      return sums.map(Math.sqrt);
    };
    const turned = (query) => Float64Array.from(basis, (direction) => dot(direction, query));
    return summed(band, content, [...Array(depth).fill(8), ...groups.map(({ share }) => share)], lengths,
      (query) => tables(turned(query), 0), (query) => dot(centre, turned(query)));
  };
  if (!centred) return rows(document, decode);
  return { decode, prepare, error: skewness(basis) };
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
function addSquares(sums, packed, { groups, depth, centre }, symbols) {
  const half = Math.ceil(centre.length / 2), none = packed.length - half;
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
    for (let g = 0; g < groups.length; g += 1) products += groups[g].levels[symbols[depth + g][row]] * x[groups[g].place];
    sums[row] += (squares / UNIT + 2 * products) / UNIT;
  }
}

/**
 * How far a cosine by coordinates can be from that of the vectors, because directions are rounded. Their lengths
 * differ by half the largest eigenvalue of what inner products of directions, E, are off: at most the fourth root of
 * the Frobenius norm of E to the fourth.
 */
function skewness(basis) {
  const products = (rows) => rows.map((a) => Float64Array.from(rows, (b) => dot(a, b)));
  const off = products(basis);
  off.forEach((row, i) => { row[i] -= 1; });
  const most = products(products(off)).reduce((sum, row) => sum + dot(row, row), 0) ** 0.125;
  return most < 0.5 ? most / (2 - 3 * most) : Infinity;
}

function bandOf(state, number, k) {
  const row = (array) => array.data.subarray(number * k, number * k + k);
  const shares = row(state.shares), spreads = row(state.spreads);
  const groups = Array.from(shares, (share, place) => ({ place, share })).filter(({ share }) => share)
    .sort((a, b) => b.share - a.share || a.place - b.place)
    .map(({ place, share }) => ({ place, share, levels: levelsOf(state.levels.data, share, spreads[place]) }));
  return { centre: Float64Array.from(row(state.centres)), groups, depth: state.depths ? state.depths.data[number] : 0 };
}

function levelsOf(levels, share, spread) {
  const half = 2 ** (share - 1);
  const upper = levels.subarray(half - 1, 2 * half - 1);
  return Float64Array.from({ length: 2 * half }, (_, symbol) =>
    spread * (symbol < half ? -upper[half - 1 - symbol] : upper[symbol - half]));
}

/** All codewords of so many codebooks, one after the other, and zeros. */
function codewordsOf({ codewords, codeword_spreads: spreads, codeword_levels: levels }, depth, k) {
  const words = new Float64Array((depth * 256 + 1) * k), bytes = Math.ceil(k / 2);
  for (let word = 0; word < depth * 256; word += 1) {
    for (let i = 0; i < k; i += 1) {
      const pair = codewords.data[word * bytes + (i >> 1)];
      const value = Math.fround(levels.data[i % 2 ? pair & 15 : pair >> 4] * spreads.data[(word >> 8) * k + i]);
      words[word * k + i] = nearestEven(value * UNIT) / UNIT;
    }
  }
  return words;
}

/** Methods whose rows are decoded to be compared. */
function rows(document, decode) {
  const prepare = (band, content) => {
    const vectorOf = (row) => decode(readerOf(content, row * band.width), band, band.start + row);
    return (query, out) => { for (let row = 0; row < out.length; row += 1) out[row] = cosine(query, vectorOf(row)); };
  };
  return { decode, prepare };
}

function nlb({ weights, bias, bound }) {
  const [n, dim] = weights.shape;
  return (next) => {
    const vector = Float64Array.from(bias.data);
    for (let i = 0; i < n; i += 1) if (next(1)) addTo(vector, weights.data.subarray(i * dim, i * dim + dim), 1);
    return vector.map((value) => Math.tanh(value) * bound.data[0]);
  };
}

function lstm({ codebooks, recurrent, bias, transform: last }) {
  const [n, ways, inner] = codebooks.shape;
  const [used, dim] = last.shape;
  const bits = Math.ceil(Math.log2(ways));
  const sigmoid = (x) => 1 / (1 + Math.exp(-x));
  return (next) => {
    const total = new Float64Array(inner), memory = new Float64Array(inner);
    let output = new Float64Array(inner);
    for (let j = 0; j < n; j += 1) {
      const symbol = next(bits);
      const word = codebooks.data.subarray((j * ways + symbol) * inner, (j * ways + symbol + 1) * inner);
      const gates = Float64Array.from(bias.data, (value, q) => value + word[q % inner]);
      output.forEach((value, i) => addTo(gates, recurrent.data.subarray(i * 4 * inner, (i + 1) * 4 * inner), value));
      output = output.map((_, i) => {
        const [forget, take, give, fresh] = [0, 1, 2, 3].map((q) => gates[q * inner + i]);
        memory[i] = sigmoid(forget) * memory[i] + sigmoid(take) * Math.tanh(fresh);
        return sigmoid(give) * Math.tanh(memory[i]);
      });
      addTo(total, output, 1);
    }
    if (!used) return total;
    const vector = new Float64Array(dim);
    total.forEach((value, i) => addTo(vector, last.data.subarray(i * dim, i * dim + dim), value));
    return vector;
  };
}

function sparse(document, { values, columns, ends }) {
  return (_, __, rank) => {
    const vector = new Float64Array(document.dim);
    for (let k = rank ? ends.data[rank - 1] : 0; k < ends.data[rank]; k += 1) vector[columns.data[k]] = values.data[k];
    return vector;
  };
}

function network(document, state) {
  const { matrices, columns, zeros, random_state: seed, store_filters: stored, filter } = document.config;
  const dim = document.dim;
  const bits = document.bands[0].symbol_bits;
  const attempts = stored ? new Map() : new Map(Array.from(state.redrawn_rows.data, (row, k) => [row, state.redrawn_attempts.data[k]]));
  const column = filter === 'binary' ? binarySource : realSource;
  const source = (m, j) => {
    if (!stored) return column(seed, BigInt((m * columns + j) * dim), dim, zeros, matrices);
    const bytes = state.sources.shape[2];
    const at = (m * columns + j) * bytes;
    const data = state.sources.data.subarray(at, at + bytes);
    return filter === 'binary' ? Float64Array.from({ length: dim }, (_, q) => (data[q >> 3] >> (7 - (q & 7))) & 1) : data;
  };
  const chosen = (next, rank, m) => {
    if (stored) return next(bits);
    const stream = 1n + (attempts.get(BigInt(rank)) ?? 0n);
    return Number(((draw(seed, stream, BigInt(rank * matrices + m)) >> 32n) * BigInt(columns)) >> 32n);
  };
  const [units] = state.inner.shape;
  return (next, _, rank) => {
    const mask = new Float64Array(dim);
    for (let m = 0; m < matrices; m += 1) {
      const part = source(m, chosen(next, rank, m));
      for (let q = 0; q < dim; q += 1) mask[q] = filter === 'binary' ? Math.max(mask[q], part[q]) : mask[q] + part[q] / Math.sqrt(matrices);
    }
    const masked = mask.map((value, q) => value * state.base.data[q]);
    const vector = Float64Array.from(state.mean.data);
    for (let u = 0; u < units; u += 1) {
      const hidden = dot(masked, state.inner.data.subarray(u * dim, u * dim + dim));
      if (hidden > 0) {
        const weight = hidden * state.scale.data[0] * (state.unit_scale ? state.unit_scale.data[u] : 1);
        addTo(vector, state.outer.data.subarray(u * dim, u * dim + dim), weight);
      }
    }
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

function binarySource(seed, first, dim, zeros, matrices) {
  const threshold = BigInt(nearestEven((1 - zeros ** (1 / matrices)) * 2 ** 32));
  return Float64Array.from({ length: dim }, (_, q) => (draw(seed, 0n, first + BigInt(q)) >> 32n < threshold ? 1 : 0));
}

function realSource(seed, first, dim) {
  return Float32Array.from({ length: dim }, (_, q) => {
    const place = first + BigInt(q), even = place - (place & 1n);
    const u = (Number(draw(seed, 0n, even) >> 11n) + 1) / 2 ** 53, v = Number(draw(seed, 0n, even + 1n) >> 11n) / 2 ** 53;
    return Math.sqrt(-2 * Math.log(u)) * (place & 1n ? Math.sin : Math.cos)(2 * Math.PI * v);
  });
}

// Bits, numbers, bytes

/** A function that returns the next number of so many bits, most significant bit first, from bit `place` on. */
function readerOf(content, place) {
  let at = place;
  return (width) => {
    let value = 0;
    for (let left = width; left > 0;) {
      const used = at & 7, taken = Math.min(left, 8 - used);
      value = value * 2 ** taken + ((content[Math.floor(at / 8)] >> (8 - used - taken)) & ((1 << taken) - 1));
      at += taken;
      left -= taken;
    }
    return value;
  };
}

/** Numbers of the given widths in bits at the start of rows of `rowBits` bits, an array for each width. */
function columns(content, rows, widths, rowBits) {
  const padded = joined([content], content.length + 4);
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
  const lengths = Math.sqrt(dot(a, a) * dot(b, b));
  return lengths > 0 ? dot(a, b) / lengths : 0;
}

function rounded(score) {
  return Math.round(Math.max(-1, Math.min(1, score)) / SCORE_STEP) * SCORE_STEP;
}

function unit(vector) {
  const length = Math.sqrt(dot(vector, vector));
  return Float64Array.from(vector, (value) => (length > 0 ? value / length : 0));
}

function diagonal(dim) {
  return Array.from({ length: dim }, (_, k) => Float64Array.from({ length: dim }, (__, j) => (j === k ? 1 : 0)));
}

function columnsOf({ data, shape: [n, width] }) {
  return Array.from({ length: width }, (_, j) => Float64Array.from({ length: n }, (__, i) => data[i * width + j]));
}

/** Rows of length `dim` of piece m of n of an array. */
function slices(data, dim, m, n) {
  const piece = data.subarray((m * data.length) / n, ((m + 1) * data.length) / n);
  return Array.from({ length: piece.length / dim }, (_, k) => piece.subarray(k * dim, k * dim + dim));
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

/** The number of a 16-bit float. */
function half(bits) {
  const exponent = (bits >> 10) & 31, fraction = bits & 1023, sign = bits >> 15 ? -1 : 1;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
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

function viewOf(content) {
  return new DataView(content.buffer, content.byteOffset, content.byteLength);
}

function joined(chunks, total) {
  const content = new Uint8Array(total);
  let at = 0;
  for (const chunk of chunks) {
    content.set(chunk, at);
    at += chunk.length;
  }
  return content;
}

// Where the bytes come from: `size`, and `read(start, end)`, a promise of a Uint8Array

async function bytesOf(source) {
  if (source instanceof ArrayBuffer) return inMemory(new Uint8Array(source));
  if (ArrayBuffer.isView(source)) return inMemory(new Uint8Array(source.buffer, source.byteOffset, source.byteLength));
  if (typeof Blob !== 'undefined' && source instanceof Blob) {
    return { size: source.size, read: async (start, end) => new Uint8Array(await source.slice(start, end).arrayBuffer()) };
  }
  return overHttp(String(source));
}

function inMemory(content) {
  return { size: content.length, read: async (start, end) => content.subarray(start, end) };
}

async function overHttp(url) {
  const first = await fetch(url, { headers: { Range: `bytes=0-${BLOCK - 1}` } });
  if (!first.ok) throw new EmbcError(`cannot read ${url}: HTTP status ${first.status}`);
  const content = new Uint8Array(await first.arrayBuffer());
  const size = Number(/\/(\d+)$/.exec(first.headers.get('Content-Range') ?? '')?.[1]);
  if (first.status !== 206 || !size) return inMemory(content);
  const ranges = new Ranges(url, size);
  ranges.keep(0, content);
  return ranges;
}

/** A file on a server that answers range requests; what was fetched is kept, in blocks. */
class Ranges {
  constructor(url, size) {
    Object.assign(this, { url, size, blocks: new Map() });
  }

  keep(first, content) {
    for (let at = 0; at < content.length; at += BLOCK) {
      this.blocks.set(first + at / BLOCK, content.subarray(at, at + BLOCK));
    }
  }

  async read(start, end) {
    const first = Math.floor(start / BLOCK), last = Math.ceil(end / BLOCK);
    for (let block = first; block < last; block += 1) {
      if (this.blocks.has(block)) continue;
      let stop = block + 1;
      while (stop < last && !this.blocks.has(stop)) stop += 1;
      const fetched = this.fetch(block * BLOCK, Math.min(stop * BLOCK, this.size));
      for (let k = block; k < stop; k += 1) {
        this.blocks.set(k, fetched.then((content) => content.subarray((k - block) * BLOCK, (k - block + 1) * BLOCK)));
      }
      block = stop - 1;
    }
    const blocks = await Promise.all(Array.from({ length: Math.max(0, last - first) }, (_, k) => this.blocks.get(first + k)));
    const content = blocks.length === 1 ? blocks[0] : joined(blocks, blocks.reduce((sum, { length }) => sum + length, 0));
    return content.subarray(start - first * BLOCK, end - first * BLOCK);
  }

  async fetch(start, end) {
    const answer = await fetch(this.url, { headers: { Range: `bytes=${start}-${end - 1}` } });
    const content = new Uint8Array(await answer.arrayBuffer());
    if (answer.status !== 206 || content.length !== end - start) {
      throw new EmbcError(`cannot read ${this.url}: bytes ${start} to ${end} are missing from the answer`);
    }
    return content;
  }
}
