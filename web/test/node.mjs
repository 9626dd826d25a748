// The npm package in Node: the exact text, in pieces and at once, and errors that name what is wrong.
//
//   node web/test/node.mjs PACKAGE SAMPLE.wav 'what is said'        # a wav of 16 bits, one channel

import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import assert from 'node:assert/strict';

const [folder, sample, expected] = process.argv.slice(2);
const { load } = await import(pathToFileURL(resolve(folder, 'node.js')));

const wav = await readFile(sample);
const rate = wav.readUInt32LE(24);
const begin = wav.indexOf('data') + 8;
const samples = new Int16Array(wav.buffer.slice(wav.byteOffset + begin, wav.byteOffset + wav.length - ((wav.length - begin) % 2)));
const floats = Float32Array.from(samples, (s) => s / 32768);

const model = await load();
assert.equal(model.sampleRate, 16000);
for (const [what, audio] of [['integers', samples], ['floats', floats]]) {
  const { text, result } = model.recognizer().transcribe(audio, rate);
  assert.equal(text, expected, what);
  assert.equal(result.map((w) => w.word).join(' '), expected, what);
}

for (const settings of [{}, { greedy: true }, { beam: 32, hotwords: { [expected]: 3 } }, { grammar: [expected, 'another phrase'] }]) {
  const recognizer = model.recognizer(settings);
  const whole = recognizer.transcribe(floats, rate).text;
  for (const size of [160, 1777]) {
    const stream = recognizer.stream(rate);
    for (let at = 0; at < floats.length; at += size) stream.push(floats.subarray(at, at + size));
    const { partial, stable } = stream.partial();
    assert.ok(stable <= partial.length);
    assert.equal(stream.finish().text, whole, `${JSON.stringify(settings)} in pieces of ${size}`);
    assert.throws(() => stream.push(floats), /./, 'after the end');
    stream.reset();
    stream.push(floats);
    assert.equal(stream.finish().text, whole, 'after a reset');
    stream.free();
  }
}

const refused = [
  [() => model.recognizer({ beem: 3 }), /beem/],
  [() => model.recognizer({ beam: 'wide' }), /beam/],
  [() => model.recognizer({ lm: 'a.lm' }), /file/],
  [() => model.recognizer({ hotwords: ['caf\u00e9'] }), /\u00e9/],
  [() => model.recognizer().stream(3), /3/],
  [() => model.recognizer().stream(rate).push([0.5]), /Float32Array/],
  [() => new model.constructor(new Uint8Array([1, 2, 3])), /./],
];
for (const [call, message] of refused) assert.throws(call, message, String(call));
await assert.rejects(load({ model: 'nowhere.stonechat' }), /nowhere/);
console.log(`node ${process.version}: ${expected}`);
