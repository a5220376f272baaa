// node read.mjs SOURCE...: what embcomp.js reads in each file, one JSON document a line.
import { readFileSync } from 'node:fs';
import { open } from '../../embcomp/webpage/embcomp.js';

async function contents(file) {
  const words = [], vectors = [], ranks = [], similar = [];
  for (let rank = 0; rank < file.size; rank += 1) {
    words.push(await file.word(rank));
    ranks.push(await file.rank(words[rank]));
    vectors.push([...(await file.vectorAt(rank))]);
  }
  for (const word of words.slice(0, 20)) similar.push(await file.similar(word, 5));
  const analogy = words.length < 3 ? null : await file.analogy(...words.slice(0, 3), 5);
  return { words, vectors, ranks, similar, analogy, missing: await file.vector('\u0007 no such word') };
}

for (const source of process.argv.slice(2)) {
  let found;
  try {
    found = await contents(await open(/^http:/.test(source) ? source : readFileSync(source)));
  } catch (error) {
    found = { error: error.name === 'Error' ? error.message : String(error), kind: error.constructor.name };
  }
  console.log(JSON.stringify(found));
}
