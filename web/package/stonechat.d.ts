/** A word with its times in seconds and a confidence from 0 to 1. */
export interface Word {
  word: string;
  start: number;
  end: number;
  conf: number;
}

/** A finished utterance. */
export interface Transcript {
  text: string;
  result: Word[];
  /** With a closed grammar: what else was said. */
  rejected?: Word[];
  /** Where `nbest` asks for them. */
  alternatives?: { text: string; confidence: number; result: Word[] }[];
}

/** A keyword that was heard. */
export interface Spotted {
  phrase: string;
  start: number;
  end: number;
  score: number;
}

/** The text of an utterance that goes on; its first `stable` characters can no longer change. */
export interface Partial {
  partial: string;
  stable: number;
}

/** The options of the command by their names, with `-` or `_`; docs/settings.md has all of them. */
export type Settings = Record<
  string,
  string | number | boolean | string[] | Record<string, number | null> | null
>;

export interface Stream {
  /** Seconds of audio taken so far. */
  readonly seconds: number;
  /** Mono samples: floats within -1 to 1, or 16-bit integers. */
  push(samples: Float32Array | Int16Array): void;
  partial(): Partial;
  /** What ended or was heard since the last call: utterances where `endpoint` is set, keywords. */
  results(): Generator<Transcript | Spotted>;
  /** The rest; then the stream takes nothing until `reset`. */
  finish(): Transcript;
  reset(): void;
  setHotwords(hotwords: string[] | Record<string, number | null>): void;
  free(): void;
}

export interface Recognizer {
  /** A stream of samples at any rate. */
  stream(sampleRate: number): Stream;
  /** Everything that is said in some samples. */
  transcribe(samples: Float32Array | Int16Array, sampleRate: number): Transcript;
  free(): void;
}

export class Model {
  /** `load` must have been called before. */
  constructor(packageBytes: Uint8Array, languageModelBytes?: Uint8Array);
  readonly sampleRate: number;
  recognizer(settings?: Settings): Recognizer;
  free(): void;
}

export interface LoadOptions {
  /** A package in place of the bundled one: an address, in Node a path. */
  model?: string | URL;
  /** A language model for it. */
  languageModel?: string | URL;
  /** In browsers: bytes of the models that have come so far. */
  onProgress?: (bytes: number) => void;
}

/** Loads the bundled English model, or another. */
export function load(options?: LoadOptions): Promise<Model>;
