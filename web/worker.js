// Owns the model: samples come in, texts go out. All work is done here, so that the page never waits.

import { load } from './package/browser.js';

let model;
let settings = {};
let recognizer;
let stream;
let rate = 0;
/** Milliseconds of work since the stream began. */
let work = 0;

const tell = (type, rest = {}) => postMessage({ type, ...rest });

function recognise() {
  recognizer?.free();
  recognizer = undefined;
  recognizer = model.recognizer(settings);
}

function pass(results) {
  for (const result of results) tell('text' in result ? 'utterance' : 'keyword', { result });
}

const handlers = {
  async load() {
    const begin = performance.now();
    model = await load({ onProgress: (bytes) => tell('progress', { bytes }) });
    recognise();
    tell('ready', { milliseconds: performance.now() - begin, modelRate: model.sampleRate });
  },

  settings(message) {
    settings = message.settings;
    if (model) recognise();
    tell('settled');
  },

  start(message) {
    stream?.free();
    rate = message.rate;
    work = 0;
    stream = recognizer.stream(rate);
  },

  samples({ samples }) {
    if (!stream) return;
    let sum = 0;
    for (const s of samples) sum += s * s;
    const begin = performance.now();
    stream.push(samples);
    const partial = stream.partial();
    work += performance.now() - begin;
    pass(stream.results());
    tell('partial', {
      ...partial,
      level: Math.sqrt(sum / samples.length),
      seconds: stream.seconds,
      rtf: work / 1000 / Math.max(stream.seconds, 0.1),
    });
  },

  stop() {
    if (!stream) return;
    const last = stream.finish();
    pass(stream.results());
    if (last.result.length) tell('utterance', { result: last });
    stream.free();
    stream = undefined;
    tell('stopped');
  },
};

// One after the other, also where one of them waits.
let turn = Promise.resolve();
onmessage = ({ data }) => {
  turn = turn.then(async () => {
    try {
      await handlers[data.type](data);
    } catch (error) {
      tell('failed', { during: data.type, message: error.message ?? String(error) });
    }
  });
};
