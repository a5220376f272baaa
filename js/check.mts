// Uses of the types, for `npm run types`.
import { EmbcError, open, type Embedding, type Neighbour } from './embcomp.js';

export async function uses(file: Blob): Promise<number> {
  const glove: Embedding = await open('glove.embc');
  const others = await Promise.all([open(file), open(new Uint8Array(1)), open(new ArrayBuffer(1)), open(new URL('x:y'))]);
  const vector: Float32Array | null = await glove.vector('king');
  const near: Neighbour[] | null = await glove.similar(vector ?? 'king', 5);
  const text: Float32Array | null = await glove.encode('the king');
  const texts: (Float32Array | null)[] = await glove.encode(['the', 'king']);
  const found = (await glove.analogy('man', 'king', 'woman'))?.[0];
  const rank: number = await glove.rank(found?.word ?? (await glove.word(0)));
  const { length } = await glove.vectorAt(rank);
  // @ts-expect-error: a number is no source
  await open(1).catch((error: unknown) => error instanceof EmbcError);
  return others.length + length + glove.size + glove.dim + (near?.length ?? 0) + (text?.length ?? texts.length);
}
