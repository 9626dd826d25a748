// Stonechat in a browser, in a page or a worker: no special headers, no other files than those beside this one.

import init from './stonechat_web.js';
import { Model } from './api.js';

export { Model };

const beside = (name) => new URL(name, import.meta.url);

async function bytes(url, progress) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  const parts = [];
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    progress(value.length);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

export async function load(options = {}) {
  const { model, languageModel, onProgress = () => {} } = options;
  let loaded = 0;
  const progress = (count) => onProgress((loaded += count));
  const own = model === undefined;
  const lm = languageModel ?? (own ? beside('english.lm') : undefined);
  const [, packageBytes, lmBytes] = await Promise.all([
    init({ module_or_path: beside('stonechat_web_bg.wasm') }),
    bytes(model ?? beside('english.stonechat'), progress),
    lm && bytes(lm, progress),
  ]);
  return new Model(packageBytes, lmBytes);
}
