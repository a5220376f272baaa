import { open } from '../embcomp.js';
import { readFileSync, readdirSync } from 'node:fs';
const dir = process.argv[2];
for (const f of readdirSync(dir).filter((n) => n.endsWith('.embc'))) {
  try {
    const e = await open(readFileSync(`${dir}/${f}`));
    const npy = readFileSync(`${dir}/${f.replace('.embc', '.npy')}`);
    const want = new Float32Array(npy.buffer.slice(npy.byteOffset + 128));
    const json = JSON.parse(readFileSync(`${dir}/${f.replace('.embc', '.json')}`));
    let worst = 0, big = 0;
    for (let r = 0; r < e.size; r++) { const v = await e.vectorAt(r); v.forEach((x, j) => { worst = Math.max(worst, Math.abs(x - want[r * e.dim + j])); big = Math.max(big, Math.abs(x)); }); }
    const words = []; for (let r = 0; r < e.size; r++) { words.push(await e.word(r)); if (await e.rank(words[r]) !== r) throw new Error('rank ' + words[r]); }
    console.log(f, e.method, e.size, worst / (big || 1), e.size ? (await e.similar(words[0], 2)).map((x) => x.word + ' ' + x.score.toFixed(6)).join(' ') : '');
  } catch (x) { console.log(f, 'ERR', x.message, x.stack.split('\n')[1]); }
}
