// The page: a microphone or a recording into the worker, texts out of it.

const $ = (id) => document.getElementById(id);
const worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' });
const send = (type, rest = {}, moved = []) => worker.postMessage({ type, ...rest }, moved);

/** Utterances so far, for copies and subtitles. */
let said = [];
/** What goes on: null, 'microphone' or 'file'. */
let source = null;
let microphone = null;
/** Seconds of earlier recordings, so that subtitles go on. */
let earlier = 0;
let seconds = 0;
let size = 0;

const status = (text) => { $('status').textContent = text; };

function enable() {
  $('listen').disabled = source === 'file';
  $('file').disabled = source !== null;
  for (const id of ['copy', 'srt', 'clear']) $(id).disabled = said.length === 0;
  $('hint').hidden = said.length > 0 || source !== null;
  const on = source === 'microphone';
  $('listen').setAttribute('aria-pressed', on);
  $('listen-label').textContent = on ? 'Stop' : 'Listen';
}

function show({ text, result }) {
  const line = document.createElement('p');
  for (const { word, conf } of result) {
    const span = document.createElement('span');
    span.className = conf < 0.5 ? 'unsure' : 'sure';
    span.textContent = word;
    span.title = `${Math.round(100 * conf)} %`;
    line.append(span, ' ');
  }
  $('said').append(line);
  $('said').scrollTop = $('said').scrollHeight;
  said.push({ text, words: result.map((w) => ({ ...w, start: w.start + earlier, end: w.end + earlier })) });
}

function partial({ partial, stable }) {
  $('stable').textContent = partial.slice(0, stable);
  $('open').textContent = partial.slice(stable);
}

/** The level from 0 to 1: -60 to 0 decibels. */
const loudness = (level) => Math.min(1, Math.max(0, 1 + Math.log10(level + 1e-9) / 3));

const on = {
  progress({ bytes }) {
    size = bytes;
    status(`Loading the model … ${(bytes / 1e6).toFixed(1)} MB`);
  },
  ready({ milliseconds }) {
    status('Ready.');
    $('loaded').textContent = `${(milliseconds / 1000).toFixed(1)} s, ${(size / 1e6).toFixed(1)} MB`;
    enable();
  },
  partial(message) {
    partial(message);
    const level = loudness(message.level);
    $('level').value = level;
    $('listen').style.setProperty('--level', level);
    seconds = message.seconds;
    $('seconds').textContent = `${seconds.toFixed(1)} s`;
    $('rtf').textContent = message.rtf.toFixed(3);
  },
  utterance({ result }) {
    show(result);
    enable();
  },
  keyword({ result }) {
    $('heard-section').hidden = false;
    const item = document.createElement('li');
    item.textContent = `${result.phrase} at ${(result.start + earlier).toFixed(1)} s`;
    $('heard').append(item);
  },
  stopped() {
    source = null;
    earlier += seconds;
    partial({ partial: '', stable: 0 });
    $('level').value = 0;
    status(said.length ? 'Ready.' : 'No words were heard.');
    enable();
  },
  settled() {
    $('settings-problem').textContent = '';
  },
  failed({ during, message }) {
    if (during === 'settings') $('settings-problem').textContent = message;
    else status(message);
  },
};

worker.onmessage = ({ data }) => on[data.type]?.(data);
worker.onerror = (event) => status(`The recognizer could not be started: ${event.message ?? 'see the console'}`);

async function listen() {
  if (!navigator.mediaDevices) {
    status('This browser gives microphones to pages of https and localhost only.');
    return;
  }
  const constraints = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: true };
  const stream = await navigator.mediaDevices.getUserMedia({ audio: constraints });
  // The device's own rate: some browsers refuse a microphone of another rate than the context's.
  const context = new AudioContext();
  await context.audioWorklet.addModule(new URL('package/worklet.js', import.meta.url));
  const collector = new AudioWorkletNode(context, 'stonechat-collector', { numberOfOutputs: 0 });
  send('start', { rate: context.sampleRate });
  collector.port.onmessage = ({ data }) => send('samples', { samples: data }, [data.buffer]);
  context.createMediaStreamSource(stream).connect(collector);
  await context.resume();
  for (const track of stream.getTracks()) track.onended = () => source === 'microphone' && stop('The microphone is gone.');
  microphone = { stream, context };
  source = 'microphone';
  $('rate').textContent = `${context.sampleRate} Hz`;
  status('Listening …');
  enable();
}

async function stop(why) {
  const { stream, context } = microphone;
  microphone = null;
  stream.getTracks().forEach((track) => track.stop());
  await context.close();
  send('stop');
  if (why) status(why);
}

async function read(file) {
  source = 'file';
  enable();
  status(`Reading ${file.name} …`);
  const context = new AudioContext();
  try {
    const audio = await context.decodeAudioData(await file.arrayBuffer());
    $('rate').textContent = `${audio.sampleRate} Hz`;
    const mono = new Float32Array(audio.length);
    for (let c = 0; c < audio.numberOfChannels; c++) {
      const channel = audio.getChannelData(c);
      for (let i = 0; i < mono.length; i++) mono[i] += channel[i] / audio.numberOfChannels;
    }
    send('start', { rate: audio.sampleRate });
    for (let at = 0; at < mono.length; at += audio.sampleRate) {
      const samples = mono.slice(at, at + audio.sampleRate);
      send('samples', { samples }, [samples.buffer]);
    }
    send('stop');
  } catch {
    source = null;
    status(`${file.name}: this browser cannot decode it.`);
    enable();
  } finally {
    context.close();
  }
}

const lines = (text) => text.split('\n').map((line) => line.trim()).filter((line) => line !== '');

function settings() {
  const form = $('settings').elements;
  const grammar = form.grammar.value.trim();
  return {
    hotwords: grammar ? null : lines(form.hotwords.value),
    grammar: grammar || null,
    keywords: lines(form.keywords.value),
    'no-lm': grammar ? null : !form.lm.checked,
    endpoint: Number(form.endpoint.value) || null,
  };
}

function srt() {
  const time = (s) => new Date(Math.round(s * 1000)).toISOString().slice(11, 23).replace('.', ',');
  const entries = said.filter((u) => u.words.length).map((u, i) =>
    `${i + 1}\n${time(u.words[0].start)} --> ${time(u.words.at(-1).end)}\n${u.text}\n`);
  return entries.join('\n');
}

$('listen').onclick = async () => {
  try {
    await (microphone ? stop() : listen());
  } catch (error) {
    status(error.name === 'NotAllowedError' ? 'The microphone was refused: allow it in the address bar.' : `No microphone: ${error.message}`);
  }
};
$('file').onchange = ({ target }) => {
  const [file] = target.files;
  target.value = '';
  if (file) read(file);
};
$('copy').onclick = () => navigator.clipboard.writeText(said.map((u) => u.text).join('\n')).then(() => status('Copied.'));
$('srt').onclick = () => {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([srt()], { type: 'application/x-subrip' }));
  link.download = 'stonechat.srt';
  link.click();
  URL.revokeObjectURL(link.href);
};
$('clear').onclick = () => {
  said = [];
  $('said').replaceChildren();
  $('heard').replaceChildren();
  $('heard-section').hidden = true;
  enable();
};
$('settings').onchange = () => send('settings', { settings: settings() });
$('settings').onsubmit = (event) => event.preventDefault();

const text = document.querySelector('.text');
addEventListener('dragover', (event) => {
  event.preventDefault();
  text.classList.add('over');
});
addEventListener('dragleave', () => text.classList.remove('over'));
addEventListener('drop', (event) => {
  event.preventDefault();
  text.classList.remove('over');
  const [file] = event.dataTransfer.files;
  if (file && source === null && !$('file').disabled) read(file);
});

send('settings', { settings: settings() });
send('load');
if ('serviceWorker' in navigator && isSecureContext) navigator.serviceWorker.register('offline.js');
