// Node: the npm package (PACKAGE is its folder).

import { readFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';

const [file, folder] = process.argv.slice(2);
const { load } = await import(pathToFileURL(resolve(process.env.PACKAGE, 'node.js')));
const model = await load({ model: file });
for (const line of readFileSync(0, 'utf8').trimEnd().split('\n')) {
  const [name, , rate, pairs] = line.split('\t');
  const settings = {};
  for (const pair of pairs.split(';').filter((pair) => pair)) {
    const at = pair.indexOf('=');
    const [option, value] = [pair.slice(0, at), pair.slice(at + 1)];
    settings[option] = option === 'hotword' ? [...(settings[option] ?? []), value] : value;
  }
  const bytes = await readFile(`${folder}/${name}.pcm`);
  const samples = new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const recognizer = model.recognizer(settings);
  console.log(`${name}\t${recognizer.transcribe(samples, Number(rate)).text}`);
  recognizer.free();
}
