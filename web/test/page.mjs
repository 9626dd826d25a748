// The page in a real browser: a recording and a fake microphone give the exact text, offline as well; screenshots are taken.
//
//   node web/test/page.mjs SITE SAMPLE.wav 'what is said' [FOLDER for screenshots]
//
// Needs playwright-core beside it (npm install playwright-core) and Debian's chromium.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize, resolve } from 'node:path';
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const [site, sample, expected, screenshots] = process.argv.slice(2);
const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.wasm': 'application/wasm', '.webmanifest': 'application/manifest+json' };

// A static server as plain as there is: no headers but the type.
const server = createServer(async (request, response) => {
  const path = normalize(new URL(request.url, 'http://localhost').pathname);
  try {
    const body = await readFile(join(site, path.endsWith('/') ? `${path}index.html` : path));
    response.setHeader('content-type', types[extname(path) || '.html'] ?? 'application/octet-stream');
    response.end(body);
  } catch {
    response.statusCode = 404;
    response.end();
  }
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const address = `http://localhost:${server.address().port}/`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', `--use-file-for-fake-audio-capture=${resolve(sample)}%noloop`],
});
const problems = [];

async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, ...options });
  const page = await context.newPage();
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  page.on('pageerror', (error) => problems.push(String(error)));
  await page.goto(address);
  await page.waitForFunction(() => !document.getElementById('listen').disabled, undefined, { timeout: 60000 });
  return page;
}

const text = (page) => page.evaluate(() => [...document.querySelectorAll('#said p')].map((p) => p.textContent.trim()).join(' '));
const quiet = (page) => page.waitForFunction(() => !document.getElementById('file').disabled, undefined, { timeout: 60000 });

try {
  // A recording, on a phone in the dark.
  let page = await open({ colorScheme: 'dark' });
  assert.equal(await page.evaluate(() => crossOriginIsolated), false);
  await page.setInputFiles('#file', sample);
  await page.waitForSelector('#said p', { timeout: 60000 });
  await quiet(page);
  assert.equal(await text(page), expected, 'a recording');
  if (screenshots) await page.screenshot({ path: join(screenshots, 'phone-dark.png'), fullPage: true });

  // Settings that cannot be are told, and others change what is heard.
  await page.click('summary');
  await page.fill('[name=hotwords]', 'caf\u00e9');
  await page.dispatchEvent('#settings', 'change');
  await page.waitForFunction(() => document.getElementById('settings-problem').textContent !== '');
  await page.fill('[name=hotwords]', '');
  await page.fill('[name=grammar]', `${expected}\nanother phrase`);
  await page.dispatchEvent('#settings', 'change');
  await page.waitForFunction(() => document.getElementById('settings-problem').textContent === '');
  await page.click('#clear');
  await page.setInputFiles('#file', sample);
  await page.waitForSelector('#said p', { timeout: 60000 });
  await quiet(page);
  assert.equal(await text(page), expected, 'a grammar');

  // Without a network.
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.reload();
  await page.waitForFunction(() => !document.getElementById('listen').disabled, undefined, { timeout: 60000 });
  await page.waitForTimeout(500);
  await page.context().setOffline(true);
  await page.reload();
  await page.waitForFunction(() => !document.getElementById('listen').disabled, undefined, { timeout: 60000 });
  await page.context().close();

  // The microphone, on a desk in the light, by the keyboard alone.
  page = await open({ colorScheme: 'light', viewport: { width: 1100, height: 900 }, permissions: ['microphone'] });
  await page.focus('#listen');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.getElementById('listen').getAttribute('aria-pressed') === 'true');
  await page.waitForFunction(() => document.getElementById('stable').textContent + document.getElementById('open').textContent !== '', undefined, { timeout: 60000 });
  if (screenshots) await page.screenshot({ path: join(screenshots, 'desk-light.png'), fullPage: true });
  await page.waitForSelector('#said p', { timeout: 60000 });
  await page.keyboard.press('Enter');
  await quiet(page);
  assert.equal(await text(page), expected, 'the microphone');
  assert.deepEqual(problems, [], 'errors on the console');
  console.log(`page: ${expected}`);
} finally {
  await browser.close();
  server.close();
}
