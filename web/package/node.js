// Stonechat in Node.

import { readFile } from 'node:fs/promises';
import { initSync } from './stonechat_web.js';
import { Model } from './api.js';

export { Model };

const beside = (name) => new URL(name, import.meta.url);
let ready = false;

export async function load(options = {}) {
  const { model, languageModel } = options;
  const own = model === undefined;
  const lm = languageModel ?? (own ? beside('english.lm') : undefined);
  if (!ready) {
    initSync({ module: await readFile(beside('stonechat_web_bg.wasm')) });
    ready = true;
  }
  const [packageBytes, lmBytes] = await Promise.all([
    readFile(model ?? beside('english.stonechat')),
    lm && readFile(lm),
  ]);
  return new Model(packageBytes, lmBytes);
}
