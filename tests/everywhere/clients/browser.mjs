// Runs a snippet in a page of a real browser and prints what the page then says: browser.mjs SITE SNIPPET.js PCM.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { chromium } from 'playwright-core';

const [site, snippet, pcm] = process.argv.slice(2);
const code = readFileSync(snippet, 'utf8');
const imports = code.split('\n').filter((line) => line.startsWith('import'));
const rest = code.split('\n').filter((line) => !line.startsWith('import'));
const page = `<!doctype html><title>snippet</title><body><script type="module">
${imports.join('\n')}
const samples = new Int16Array(await (await fetch('/samples.pcm')).arrayBuffer());
${rest.join('\n')}
document.title = 'done';
</script>`;
const types = { '.js': 'text/javascript', '.wasm': 'application/wasm' };
const server = createServer((request, response) => {
  const path = new URL(request.url, 'http://localhost').pathname;
  try {
    const own = { '/': page, '/samples.pcm': readFileSync(pcm) }[path];
    response.setHeader('content-type', path === '/' ? 'text/html' : (types[extname(path)] ?? 'application/octet-stream'));
    response.end(own ?? readFileSync(join(site, path)));
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-background-networking'],
});
try {
  const tab = await browser.newPage();
  tab.on('pageerror', (error) => console.error(error));
  await tab.goto(`http://127.0.0.1:${server.address().port}/`);
  await tab.waitForFunction(() => document.title === 'done', null, { timeout: 120000 });
  console.log(await tab.innerText('body'));
} finally {
  await browser.close();
  server.close();
}
