/** What a file can be opened from: a URL, a File or Blob, or its bytes. */
export type Source = string | URL | Blob | ArrayBuffer | ArrayBufferView;

/** A file that breaks a rule of the format, or cannot be read. */
export class EmbcError extends Error {}

export interface Neighbour {
  word: string;
  rank: number;
  /** Cosine of the decoded vectors, rounded to 2 ** -20. */
  score: number;
}

/**
 * Open a file. By URL only the needed parts are fetched, if the server answers range requests.
 *
 * @throws EmbcError: the file is no .embc file, is damaged, or cannot be fetched.
 */
export function open(source: Source): Promise<Embedding>;

export interface Embedding {
  /** The header of the file. */
  readonly header: Record<string, unknown>;
  /** Number of words. */
  readonly size: number;
  /** Numbers in a vector. */
  readonly dim: number;
  /** Name of the compression method. */
  readonly method: string;
  /** The rank of a word, or -1. */
  rank(word: string): Promise<number>;
  /**
   * The word of a rank.
   *
   * @throws RangeError: there is no such rank.
   */
  word(rank: number): Promise<string>;
  /** The vector of a word, or null for an unknown word. */
  vector(word: string): Promise<Float32Array | null>;
  /**
   * The vector of a rank.
   *
   * @throws RangeError: there is no such rank.
   */
  vectorAt(rank: number): Promise<Float32Array>;
  /** The k nearest words, best first, equal scores by rank; null for an unknown word. */
  similar(query: string | ArrayLike<number>, k?: number): Promise<Neighbour[] | null>;
  /** Words d for which a is to b as c is to d (3CosAdd), best first; null if a word is unknown. */
  analogy(a: string, b: string, c: string, k?: number): Promise<Neighbour[] | null>;
  /**
   * The vector of a text, or null if nothing in it is known: what a sentence model's tokenizer and rules give; in any
   * other file the mean of its words' vectors, of which frequent ones count less if the file has their order.
   *
   * @throws EmbcError: the file's tokenizer is not WordPiece with BERT's normalizer and pre-tokenizer.
   */
  encode(text: string): Promise<Float32Array | null>;
  encode(texts: string[]): Promise<(Float32Array | null)[]>;
}
