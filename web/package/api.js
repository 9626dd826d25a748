// What browsers and Node share: objects in place of the JSON that crosses the border to WebAssembly.

import * as wasm from './stonechat_web.js';

export class Model {
  #inner;

  /** Of bytes: a package, and a language model where the package holds none. */
  constructor(packageBytes, languageModelBytes) {
    this.#inner = new wasm.Model(packageBytes, languageModelBytes);
  }

  get sampleRate() {
    return this.#inner.sampleRate;
  }

  recognizer(settings = {}) {
    return new Recognizer(this.#inner.recognizer(JSON.stringify(settings)));
  }

  free() {
    this.#inner.free();
  }
}

class Recognizer {
  #inner;

  constructor(inner) {
    this.#inner = inner;
  }

  stream(sampleRate) {
    return new Stream(this.#inner.stream(sampleRate));
  }

  transcribe(samples, sampleRate) {
    const stream = this.stream(sampleRate);
    try {
      stream.push(samples);
      const last = stream.finish();
      const all = [...stream.results()].filter((result) => 'text' in result);
      if (all.length === 0) return last;
      if (last.text !== '') all.push(last);
      return { text: all.map((t) => t.text).join(' '), result: all.flatMap((t) => t.result) };
    } finally {
      stream.free();
    }
  }

  free() {
    this.#inner.free();
  }
}

class Stream {
  #inner;

  constructor(inner) {
    this.#inner = inner;
  }

  get seconds() {
    return this.#inner.seconds;
  }

  push(samples) {
    if (samples instanceof Float32Array) this.#inner.push(samples);
    else if (samples instanceof Int16Array) this.#inner.pushPcm16(samples);
    else throw new TypeError('samples must be a Float32Array (-1 to 1) or an Int16Array');
  }

  partial() {
    return JSON.parse(this.#inner.partial());
  }

  *results() {
    for (let json; (json = this.#inner.next()) !== undefined; ) yield JSON.parse(json);
  }

  finish() {
    return JSON.parse(this.#inner.finish());
  }

  reset() {
    this.#inner.reset();
  }

  setHotwords(hotwords) {
    this.#inner.setHotwords(JSON.stringify(hotwords));
  }

  free() {
    this.#inner.free();
  }
}
