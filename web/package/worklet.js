// Collects a tenth of a second of the microphone at a time, mixed to one channel.

class Collector extends AudioWorkletProcessor {
  constructor() {
    super();
    this.size = Math.round(sampleRate / 10);
    this.samples = new Float32Array(this.size);
    this.filled = 0;
  }

  process([channels]) {
    const frames = channels.length ? channels[0].length : 0;
    for (let i = 0; i < frames; i++) {
      let sum = 0;
      for (const channel of channels) sum += channel[i];
      this.samples[this.filled++] = sum / channels.length;
      if (this.filled === this.size) {
        this.port.postMessage(this.samples, [this.samples.buffer]);
        // The memory of what was posted belongs to the receiver now.
        this.samples = new Float32Array(this.size);
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor('stonechat-collector', Collector);
