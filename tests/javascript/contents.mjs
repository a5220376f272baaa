// What embcomp.js reads in files, for the tests to compare. In Node: node contents.mjs SOURCE...
// In a browser: `shown` writes it into the page.

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

async function found(open, source) {
  try {
    return await contents(await open(source));
  } catch (error) {
    return { error: error.name === 'Error' ? error.message : String(error), kind: error.constructor.name };
  }
}

/** What is in the files of a page's own server, as a text of the page. */
export async function shown(open, names) {
  const all = [];
  for (const name of names) all.push(await found(open, name));
  document.body.append(Object.assign(document.createElement('pre'), { textContent: JSON.stringify(all) }));
}

if (typeof process !== 'undefined') {
  const { readFileSync } = await import('node:fs');
  const { open } = await import('../../embcomp/webpage/embcomp.js');
  for (const source of process.argv.slice(2)) {
    console.log(JSON.stringify(await found(open, /^http:/.test(source) ? source : readFileSync(source))));
  }
}
