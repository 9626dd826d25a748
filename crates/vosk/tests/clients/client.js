// The npm package vosk-koffi over Stonechat's libvosk: node client.js MODEL PCM SAID.

const assert = require("node:assert");
const fs = require("node:fs");
const vosk = require("vosk-koffi");

const [path, file, said] = process.argv.slice(2);
const pcm = fs.readFileSync(file);
vosk.setLogLevel(-1);
const model = new vosk.Model(path);

function hear(recognizer) {
    const texts = [];
    for (let at = 0; at < pcm.length; at += 8000) {
        if (recognizer.acceptWaveform(pcm.subarray(at, at + 8000))) {
            texts.push(recognizer.result().text);
        }
    }
    const last = recognizer.finalResult();
    return { texts: texts.concat(last.text).filter((text) => text), last };
}

const plain = new vosk.Recognizer({ model, sampleRate: 16000 });
assert.deepStrictEqual(hear(plain).texts, [said]);
plain.setWords(true).setPartialWords(true);
assert.deepStrictEqual(hear(plain).last.result.map((word) => word.word), said.split(" "));
plain.acceptWaveform(pcm);
assert.ok(plain.partialResult().partial.length > 0);
plain.reset();
assert.strictEqual(plain.partialResult().partial, "");
plain.setMaxAlternatives(2);
assert.strictEqual(hear(plain).last.alternatives.length, 2);

const closed = new vosk.Recognizer({ model, sampleRate: 16000, grammar: [said, "[unk]"] });
assert.deepStrictEqual(hear(closed).texts, [said]);

plain.setMaxAlternatives(0);
plain.acceptWaveformAsync(pcm).then(() => {
    assert.strictEqual(plain.finalResult().text, said);
    plain.free();
    closed.free();
    model.free();
    console.log("vosk-koffi: as expected");
});
